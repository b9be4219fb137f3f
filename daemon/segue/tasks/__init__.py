"""Task types: what runnable tasks do, one module for each family, and the table that names them all (`registry`).

A task gets its properties as a checked model and a `TaskContext`, works in a worker process, and gives back a
`Result` or raises `TaskFailed`. It knows nothing of executions beyond its order, and decides nothing about them.
"""
