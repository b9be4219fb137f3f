"""Wiring: the only place where all parts meet.

`foundation` is the data folder and what lies in it. `lifecycle` builds and ends everything, `serving` puts it on a socket. `loop` is the engine's shell: events in, one transaction, then acts.
`dispatch` hands orders to workers, `starts` makes executions, `sync` follows Git, `scheduler` fires schedules,
`recovery` picks up what a dead daemon left. Rules live in `engine`; here is what touches the world.
"""
