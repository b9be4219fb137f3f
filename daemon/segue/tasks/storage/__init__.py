"""`core.storage.*`: tasks on files of internal storage. All of them stream: a file may be larger than memory.

`pieces` cuts a file at a separator, `files` are the tasks on whole files, `split` makes parts of one, `items` looks
at one item after the other, `purge` deletes.
"""
