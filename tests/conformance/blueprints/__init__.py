"""Flows of the shapes that the published blueprints have which need nothing but core and scripts: one for each of them, by
its name, with texts and data of our own. `rows.jsonl` says what they do."""
