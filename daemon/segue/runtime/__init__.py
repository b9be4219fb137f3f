"""Wiring: the only place where all parts meet.

`lifecycle` builds and ends everything. `loop` is the engine's shell: events in, one transaction, then acts.
`dispatch` hands orders to workers, `starts` makes executions, `sync` follows Git, `scheduler` fires schedules,
`recovery` picks up what a dead daemon left. Rules live in `engine`; here is what touches the world.
"""
