"""Flowables: how each kind of task that only steers opens and goes on, a module a kind, listed in `table`.

A module has the five functions of `steering.Steering`. What all flowables share - `errors` and `finally`, the end of
the node, `runIf` - is in `engine.settle` and knows none of them.
"""
