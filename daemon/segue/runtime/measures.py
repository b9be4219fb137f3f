"""Measures: how the daemon is (health) and what it has done (figures for Prometheus)."""

from collections import Counter
from collections.abc import Iterator, Sequence

from segue.model.state import State
from segue.runtime.dispatch import Dispatch
from segue.runtime.git_sync import GitSync
from segue.runtime.live import Live, LiveExecutions
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.web.ports.health import Health, Sample

_OK = "ok"


class Measures:
    """Counts as executions move; all else is asked when somebody looks."""

    def __init__(self, executions: LiveExecutions, loop: Loop, dispatch: Dispatch, sync: GitSync) -> None:
        self._executions = executions
        self._loop = loop
        self._dispatch = dispatch
        self._sync = sync
        self._moves: Counter[State] = Counter()
        self.is_ready = False

    def on_move(self, _round: Round, _live: Live, state: State) -> None:
        self._moves[state] += 1

    def health(self) -> Health:
        last = self._sync.last
        parts = {
            "store": self._loop.trouble or _OK,
            "git": (last.error or _OK) if last is not None else "the source has not been looked at yet",
        }
        return Health(is_ready=self.is_ready and self._loop.trouble is None, parts=parts)

    def samples(self) -> Sequence[Sample]:
        return tuple(self._samples())

    def _samples(self) -> Iterator[Sample]:
        for state in State:
            yield Sample(
                "segue_executions_total",
                "counter",
                "Executions that came to a state since the daemon started",
                self._moves[state],
                (("state", state.value),),
            )
        for name, kind, text, value in (
            ("segue_executions_live", "gauge", "Executions that are not over", len(self._executions)),
            ("segue_orders_waiting", "gauge", "Orders that wait for a worker", self._dispatch.waiting),
            ("segue_orders_working", "gauge", "Orders that are with workers", self._dispatch.working),
            ("segue_decisions_total", "counter", "Pieces of work that the loop decided", self._loop.decided),
            ("segue_syncs_total", "counter", "Looks at the source", self._sync.syncs),
            ("segue_sync_failures", "gauge", "Looks at the source that failed in a row", self._sync.failures),
        ):
            yield Sample(name, kind, text, value)
