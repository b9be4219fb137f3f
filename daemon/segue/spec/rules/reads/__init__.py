"""Rules over the variables that templates read: a module for each variable."""
