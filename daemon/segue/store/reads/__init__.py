"""Reads: short read-only queries, each module for its noun. Functions take a connection inside `Readers.snapshot()` and give
values; nothing here writes, and no reading outlasts a bound, so that the write-ahead log can be folded away.
"""
