"""What the pool tells the daemon, through one callback on its loop."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from segue.model.event import Wish
from segue.model.execution import Failure
from segue.model.order import LogLine, Metric
from segue.model.state import State


class WorkerStarted(Struct, frozen=True, kw_only=True):
    """To be recorded, so that survivors are found should the daemon be killed."""

    worker: str
    pid: int
    start_time: int


class WorkerIdle(Struct, frozen=True, kw_only=True):
    """A worker that was started is ready for its first order."""

    worker: str


class OrderLogged(Struct, frozen=True, kw_only=True):
    order_id: str
    lines: tuple[LogLine, ...]
    metrics: tuple[Metric, ...]


class OrderEnded(Struct, frozen=True, kw_only=True):
    """The order's end, all its lines told before. The worker is idle again, unless it leaves."""

    order_id: str
    worker: str
    state: State
    outputs: Mapping[str, Any] | None = None
    failure: Failure | None = None
    wishes: tuple[Wish, ...] = ()
    value: Any = None
    log_file: str | None = None


class WorkerGone(Struct, frozen=True, kw_only=True):
    """A worker's process has ended, and nothing of its order runs any more. `order_id` is the order whose fate is
    unknown by that; None where it had none (it was idle too long, or worn)."""

    worker: str
    order_id: str | None
    message: str


class WorkerAsks(Struct, frozen=True, kw_only=True):
    """Answer with `Pool.answer`. Kinds: `kv` (key, namespace, error_on_missing), `error_logs`, `subflow`."""

    worker: str
    ask_id: int
    order_id: str
    kind: str
    arguments: Mapping[str, Any]


Report = WorkerStarted | WorkerIdle | OrderLogged | OrderEnded | WorkerGone | WorkerAsks
