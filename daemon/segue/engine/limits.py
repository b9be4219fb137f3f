"""The engine's bounds, named in one place."""

from datetime import timedelta
from typing import Final

TASK_RUNS_MAX: Final = 500_000
"""Task runs of one execution. A flowable that wants more fails: nested loops multiply, and each run is a row."""

RESUBMITS_MAX: Final = 3
"""How often an attempt is given to another worker when its worker is gone. Dagu and Kestra try for ever, and a task
that takes its worker down with it then never ends."""

DELAY_MAX: Final = timedelta(days=3650)
"""The longest wait before another attempt, and the longest sleep: beyond it arithmetic on dates fails."""
