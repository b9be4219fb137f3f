"""Ports: all that `web` needs from the rest of the daemon, as protocols and frozen values, a module a noun.

* `daemon` is the running daemon: it acts, and knows what lives in memory. Its methods are called on the loop's thread.
* `reads` is what is stored: plain functions, called from threads of a pool, several at once.
* `sources` is Git, read only, and `storage` the internal storage: called from threads as well.

The other modules hold what these take and give. An answer is handed over only after what it says is durable. An
`Execution` that an act answers with is a copy as the call left it (a start: CREATED), which nothing changes afterwards.
The one that `live_execution` gives may be the live one: read it before the next `await`.
"""
