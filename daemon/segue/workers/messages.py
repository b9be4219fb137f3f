"""What the daemon and a worker say to each other: frames of a length in four bytes and JSON, on a socket pair.

Everything a worker says is checked here and becomes one of the values below, or `FrameRefused`: a task's code runs
in the worker's process, so the daemon trusts nothing of it beyond its shape. No pickle, ever.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, field

from segue.model.event import ExitWanted, LabelsWanted, VariablesWanted, Wish
from segue.model.execution import Failure
from segue.model.order import LogLine, Metric, Order
from segue.model.state import State

FRAME_BYTES_MAX: Final = 64 << 20
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_LENGTH: Final = struct.Struct("!I")
_ORDER_FIELDS: Final = Order.__struct_fields__


class FrameRefused(Exception):
    """A frame that is too long, no JSON, or none of the messages."""


class Answer(Struct, frozen=True, kw_only=True):
    """The daemon's answer to what a worker asked: a value, or why there is none."""

    ask_id: int
    value: Any = None
    failure: str | None = None


class Kill(Struct, frozen=True, kw_only=True):
    """Goes with the signal that kills an order."""

    order_id: str


class Ready(Struct, frozen=True, kw_only=True):
    """The worker waits for orders."""


class Told(Struct, frozen=True, kw_only=True):
    """Log lines and metrics of an order that still runs."""

    order_id: str
    lines: tuple[LogLine, ...] = ()
    metrics: tuple[Metric, ...] = ()


class DeadlineSet(Struct, frozen=True, kw_only=True):
    """The worker will end the order by itself after `seconds`; if it does not, the pool ends the worker."""

    order_id: str
    seconds: float
    failure: Failure


class Asked(Struct, frozen=True, kw_only=True):
    """The worker needs something that only the daemon knows, and waits."""

    order_id: str
    ask_id: int
    kind: str
    arguments: Mapping[str, Any]


class Ended(Struct, frozen=True, kw_only=True):
    """The end of an order, with the lines that were still to be told. `value` answers an evaluation.
    `is_worn`: the worker has grown too big to go on."""

    order_id: str
    state: State
    outputs: Mapping[str, Any] | None = None
    failure: Failure | None = None
    wishes: tuple[Wish, ...] = ()
    value: Any = None
    lines: tuple[LogLine, ...] = ()
    metrics: tuple[Metric, ...] = ()
    log_file: str | None = None
    is_worn: bool = False


ToWorker = Order | Answer | Kill
FromWorker = Ready | Told | DeadlineSet | Asked | Ended


def frame_of(message: ToWorker | FromWorker) -> bytes:
    text = _ENCODER.encode(_plain(message))
    # A lone surrogate (a script can make one with JSON) has no UTF-8: it becomes a question mark.
    body = text.encode("utf-8", "replace")
    if len(body) > FRAME_BYTES_MAX:
        raise FrameRefused(f"A message of {len(body)} bytes is longer than {FRAME_BYTES_MAX}")
    return _LENGTH.pack(len(body)) + body


class FrameReader(Struct):
    """Takes bytes as they come, gives whole frames. Half a frame waits for its rest and blocks nobody."""

    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > FRAME_BYTES_MAX:
                raise FrameRefused(f"A frame of {length} bytes is longer than {FRAME_BYTES_MAX}")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            frame = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield frame


def to_worker(frame: bytes) -> ToWorker:
    """What a worker reads. The daemon is trusted: only the shape is told apart."""
    message = _object(frame)
    match message.pop("is"):
        case "order":
            return Order(**message | {"secret_outputs": tuple(message["secret_outputs"])})
        case "answer":
            return Answer(**message)
        case _:
            return Kill(**message)


def from_worker(frame: bytes) -> FromWorker:
    """What the daemon reads, checked."""
    message = _object(frame)
    try:
        return _READ[message["is"]](message)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise FrameRefused(f"Not a message of a worker: {type(error).__name__}: {error}") from error


def _object(frame: bytes) -> dict[str, Any]:
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise FrameRefused(f"Not JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameRefused("Not a JSON object")
    return message


# Writing -------------------------------------------------------------------------------------------------------


def _plain(message: ToWorker | FromWorker) -> dict[str, Any]:
    match message:
        case Order():
            return {"is": "order"} | {name: getattr(message, name) for name in _ORDER_FIELDS}
        case Answer():
            return {"is": "answer", "ask_id": message.ask_id, "value": message.value, "failure": message.failure}
        case Kill():
            return {"is": "kill", "order_id": message.order_id}
        case Ready():
            return {"is": "ready"}
        case Told():
            return {"is": "told", "order_id": message.order_id} | _plain_telling(message.lines, message.metrics)
        case DeadlineSet():
            failure = _plain_failure(message.failure)
            return {"is": "deadline", "order_id": message.order_id, "seconds": message.seconds, "failure": failure}
        case Asked():
            return {
                "is": "asked",
                "order_id": message.order_id,
                "ask_id": message.ask_id,
                "kind": message.kind,
                "arguments": dict(message.arguments),
            }
        case Ended():
            return _plain_end(message)


def _plain_end(message: Ended) -> dict[str, Any]:
    plain: dict[str, Any] = {"is": "ended", "order_id": message.order_id, "state": message.state}
    if message.outputs is not None:
        plain["outputs"] = dict(message.outputs)
    if message.failure is not None:
        plain["failure"] = _plain_failure(message.failure)
    if message.wishes:
        plain["wishes"] = [_plain_wish(wish) for wish in message.wishes]
    if message.value is not None:
        plain["value"] = message.value
    if message.log_file is not None:
        plain["log_file"] = message.log_file
    if message.is_worn:
        plain["is_worn"] = True
    return plain | _plain_telling(message.lines, message.metrics)


def _plain_telling(lines: tuple[LogLine, ...], metrics: tuple[Metric, ...]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    if lines:
        plain["lines"] = [[line.at, line.level, line.message] for line in lines]
    if metrics:
        plain["metrics"] = [[each.name, each.kind, each.value, dict(each.tags)] for each in metrics]
    return plain


def _plain_failure(failure: Failure) -> list[str]:
    return [failure.message, failure.kind]


def _plain_wish(wish: Wish) -> list[Any]:
    match wish:
        case LabelsWanted():
            return ["labels", dict(wish.labels)]
        case VariablesWanted():
            return ["variables", dict(wish.set), list(wish.removed)]
        case ExitWanted():
            return ["exit", wish.state]


# Reading -------------------------------------------------------------------------------------------------------


def _ended(message: Mapping[str, Any]) -> Ended:
    return Ended(
        order_id=_text(message["order_id"]),
        state=State(message["state"]),
        outputs=None if message.get("outputs") is None else _mapping(message["outputs"]),
        failure=None if message.get("failure") is None else _failure(message["failure"]),
        wishes=tuple(_wish(*wish) for wish in message.get("wishes", ())),
        value=message.get("value"),
        lines=_lines(message),
        metrics=_metrics(message),
        log_file=None if message.get("log_file") is None else _text(message["log_file"]),
        is_worn=bool(message.get("is_worn")),
    )


def _told(message: Mapping[str, Any]) -> Told:
    return Told(order_id=_text(message["order_id"]), lines=_lines(message), metrics=_metrics(message))


def _asked(message: Mapping[str, Any]) -> Asked:
    return Asked(
        order_id=_text(message["order_id"]),
        ask_id=int(message["ask_id"]),
        kind=_text(message["kind"]),
        arguments=_mapping(message["arguments"]),
    )


def _deadline(message: Mapping[str, Any]) -> DeadlineSet:
    return DeadlineSet(
        order_id=_text(message["order_id"]),
        seconds=float(message["seconds"]),
        failure=_failure(message["failure"]),
    )


def _ready(_message: Mapping[str, Any]) -> Ready:
    return Ready()


_READ: Final[Mapping[str, Callable[[Mapping[str, Any]], FromWorker]]] = {
    "ready": _ready,
    "told": _told,
    "deadline": _deadline,
    "asked": _asked,
    "ended": _ended,
}


def _lines(message: Mapping[str, Any]) -> tuple[LogLine, ...]:
    return tuple(
        LogLine(at=int(at), level=_text(level), message=_text(text)) for at, level, text in message.get("lines", ())
    )


def _metrics(message: Mapping[str, Any]) -> tuple[Metric, ...]:
    return tuple(
        Metric(name=_text(name), kind=_text(kind), value=float(value), tags=_texts(tags))
        for name, kind, value, tags in message.get("metrics", ())
    )


def _failure(value: Any) -> Failure:
    message, kind = value
    return Failure(message=_text(message), kind=_text(kind))


def _wish(kind: str, *values: Any) -> Wish:
    match kind, values:
        case "labels", (labels,):
            return LabelsWanted(labels=_texts(labels))
        case "variables", (wanted, removed):
            return VariablesWanted(set=_mapping(wanted), removed=tuple(_text(name) for name in removed))
        case "exit", (state,):
            return ExitWanted(state=State(state))
        case _:
            raise ValueError(f"no wish is called {kind!r}")


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value


def _texts(value: Any) -> dict[str, str]:
    return {key: _text(each) for key, each in _mapping(value).items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {type(value).__name__}")
    return value
