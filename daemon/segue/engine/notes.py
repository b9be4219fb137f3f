"""Notes: what executions and flowables remember beside their counts, by name. Those of one kind of flowable are its own."""

from typing import Final

VERDICT: Final = "verdict"
"""Of a flowable: an end that is none of its children's. The worse of both counts."""

LEAVES: Final = "leaves"
"""Of a flowable: with its end the whole execution is to end, in this state, unless one of its children went wrong."""

OUTCOME: Final = "outcome"
"""Of a flowable that does more than its children: how that ended. It counts as the end of a child does."""

SEQUENCE: Final = "sequence"
"""Of an execution: how many task runs there have been, so that no id of a removed one is given again."""

FIXTURES: Final = "fixtures"
"""Of an execution that is a test: what stands in for its task runs."""

BREAKPOINTS: Final = "breakpoints"
"""Of an execution: before which task runs it is to stand still."""

HELD: Final = "held"
"""Of an execution: a person paused it."""

RERUN: Final = "rerun"
"""Of an execution: a task run failed, and for that it is made anew, at this time. It begins nothing more; what always runs
at the end does."""
