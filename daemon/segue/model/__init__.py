"""Nouns: frozen values and enums that every other package speaks in.

Nothing here reads a file, a clock or a process, and nothing here decides. One module for each noun:
`names`, `state`, `problem`, `flow` and `task` (what an author wrote), `trigger`, `revision` (a flow as of a
commit), `execution` (the one mutable value: only the engine's `evolve` touches it), `event` (news), `change`
(decided facts), `order` (work for a worker).
"""
