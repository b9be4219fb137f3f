"""Worker processes: the pool on the daemon's side (`pool`, `survivors`), the process that forks them (`forkserver`),
and what runs inside one (`child`, `perform`, `outside`). `messages` is what they say to each other.

Workers never open the database and never see the daemon's memory: they get orders and answer with values.
"""
