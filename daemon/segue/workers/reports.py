"""What the pool tells the daemon, through one callback on its loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segue.model.event import Wish
from segue.model.execution import Failure
from segue.model.order import LogLine, Metric
from segue.model.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStarted:
    """To be recorded, so that survivors are found should the daemon be killed."""

    worker: str
    pid: int
    start_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIdle:
    """A worker that was started is ready for its first order."""

    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLogged:
    order_id: str
    lines: tuple[LogLine, ...]
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEnded:
    """The order's end, all its lines told before. The worker is idle again, unless it leaves."""

    order_id: str
    worker: str
    state: State
    outputs: Mapping[str, Any] | None = None
    failure: Failure | None = None
    wishes: tuple[Wish, ...] = ()
    value: Any = None
    log_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerGone:
    """A worker's process has ended, and nothing of its order runs any more. `order_id` is the order whose fate is
    unknown by that; None where it had none (it was idle too long, or worn)."""

    worker: str
    order_id: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerAsks:
    """Answer with `Pool.answer`. Kinds: `kv` (key, namespace, error_on_missing), `error_logs`, `subflow`."""

    worker: str
    ask_id: int
    order_id: str
    kind: str
    arguments: Mapping[str, Any]


Report = WorkerStarted | WorkerIdle | OrderLogged | OrderEnded | WorkerGone | WorkerAsks
