"""Round: what one tick of the loop decided. It is written as one batch, and acted on only once that is durable."""

from collections.abc import Callable
from datetime import datetime

from segue.model.execution import Execution
from segue.store.batch import Batch
from segue.store.errors import StoreError

Act = Callable[[], None]
OnError = Callable[[StoreError], None]


class Round:
    """Collects decisions. `at` is the time of all of them."""

    __slots__ = ("acts", "at", "batch", "failures", "topics")

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.batch = Batch()
        self.acts: list[Act] = []
        self.failures: list[OnError] = []
        self.topics: set[str] = set()

    def then(self, act: Act) -> None:
        """Do this once the round is durable."""
        self.acts.append(act)

    def or_else(self, tell: OnError) -> None:
        """Do this instead if the round can never be written."""
        self.failures.append(tell)

    def touch(self, execution: Execution) -> None:
        """Whoever follows this execution is to look again."""
        self.topics.add(f"execution/{execution.id}")

    def __bool__(self) -> bool:
        return bool(self.batch) or bool(self.acts)
