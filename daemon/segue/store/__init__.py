"""Store: the only place that speaks SQL.

`database` opens, creates and migrates; `rows` turns executions into rows and back; `batch` is what one round of
decisions writes; `writer` is the one thread that writes it; `reads` are short read-only queries for pages, the API
and recovery; `purge` deletes. Nothing here decides anything about executions.
"""
