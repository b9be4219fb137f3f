"""Rules over a whole flow: what no single object's model can see. A module for each subject; `check` runs them all."""
