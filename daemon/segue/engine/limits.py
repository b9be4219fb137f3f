"""The engine's bounds, named in one place."""

from datetime import timedelta
from typing import Final

TASK_RUNS_MAX: Final = 500_000
"""Task runs of one execution. A flowable that wants more fails: nested loops multiply, and each run is a row."""

SETTLE_STEPS_MAX: Final = 5_000
"""Steps of settling in one go, about a tenth of a second. A loop whose tasks all need no worker would otherwise keep the
daemon from everything else until it is done."""

AT_ONCE_MAX: Final = 1_000
"""Values of a loop without a limit of its own that are under way at once. No pool of workers is that large, and making a
hundred thousand task runs in one go would keep everybody else waiting."""

ITERATIONS_AT_ONCE: Final = 100
"""Iterations that a Loop without a limit of its own has under way at once. Those that are open stand in the notes of its
task run, which are written at the news of each of them. A limit that says more counts, up to AT_ONCE_MAX."""

RESUBMITS_MAX: Final = 3
"""How often an attempt is given to another worker when its worker is gone. Dagu and Kestra try for ever, and a task
that takes its worker down with it then never ends."""

DELAY_MAX: Final = timedelta(days=3650)
"""The longest wait before another attempt, and the longest sleep: beyond it arithmetic on dates fails."""
