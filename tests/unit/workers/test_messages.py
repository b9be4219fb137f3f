"""Frames: what is said arrives, and nothing that a worker says can harm."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.model.event import ExitWanted, LabelsWanted, VariablesWanted
from segue.model.execution import Failure
from segue.model.order import LogLine, Metric
from segue.model.state import State
from segue.workers import messages
from segue.workers.messages import (
    FRAME_BYTES_MAX,
    Answer,
    Asked,
    DeadlineSet,
    Ended,
    FrameReader,
    FrameRefused,
    Kill,
    Ready,
    Told,
)

from tests.support.pools import order_of

LINES = (LogLine(at=1, level="INFO", message="é\n\0"),)
METRICS = (Metric(name="m", kind="counter", value=1.5, tags={"a": "b"}),)
FROM_WORKER = {
    "ready": Ready(),
    "told": Told(order_id="o", lines=LINES, metrics=METRICS),
    "deadline": DeadlineSet(order_id="o", seconds=1.5, failure=Failure(message="late", kind="timeout")),
    "asked": Asked(order_id="o", ask_id=3, kind="kv", arguments={"key": "k"}),
    "ended": Ended(
        order_id="o",
        state=State.WARNING,
        outputs={"a": [1, None, {"b": 2.5}]},
        failure=Failure(message="no"),
        wishes=(
            LabelsWanted(labels={"a": "b"}),
            VariablesWanted(set={"a": 1}, removed=("b",)),
            ExitWanted(state=State.KILLED),
        ),
        value={"x": 1},
        lines=LINES,
        metrics=METRICS,
        log_file="kestra:///x",
        is_worn=True,
    ),
    "ended plainly": Ended(order_id="o", state=State.SUCCESS),
}
TO_WORKER = {
    "order": order_of("core.log.Log", {"message": "x"}, variables={"a": 1}, timeout="PT1S"),
    "answer": Answer(ask_id=1, value=[1]),
    "refusal": Answer(ask_id=1, failure="no"),
    "kill": Kill(order_id="o"),
}


def body(frame: bytes) -> bytes:
    (whole,) = FrameReader().feed(frame)
    return whole


@pytest.mark.parametrize("message", FROM_WORKER.values(), ids=FROM_WORKER.keys())
def test_what_a_worker_says_arrives(message: messages.FromWorker) -> None:
    assert messages.from_worker(body(messages.frame_of(message))) == message


@pytest.mark.parametrize("message", TO_WORKER.values(), ids=TO_WORKER.keys())
def test_what_the_daemon_says_arrives(message: messages.ToWorker) -> None:
    assert messages.to_worker(body(messages.frame_of(message))) == message


def test_frames_come_however_they_are_cut() -> None:
    stream = b"".join(messages.frame_of(message) for message in FROM_WORKER.values())
    reader = FrameReader()
    frames = [frame for at in range(len(stream)) for frame in reader.feed(stream[at : at + 1])]
    assert [messages.from_worker(frame) for frame in frames] == list(FROM_WORKER.values())


def test_a_frame_that_is_too_long_is_refused_by_its_length_alone() -> None:
    with pytest.raises(FrameRefused, match="longer"):
        list(FrameReader().feed(struct.pack("!I", FRAME_BYTES_MAX + 1)))


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    message = Told(order_id="o", lines=(LogLine(at=1, level="INFO", message="\ud800"),))
    read = messages.from_worker(body(messages.frame_of(message)))
    assert isinstance(read, Told)
    assert read.lines[0].message == "?"


NONSENSE = {
    "no JSON": b"{",
    "a list": b"[]",
    "no kind": b"{}",
    "unknown kind": b'{"is":"order"}',
    "kind is no text": b'{"is":[]}',
    "no order": b'{"is":"told"}',
    "order is no text": b'{"is":"told","order_id":5}',
    "lines are no list": b'{"is":"told","order_id":"o","lines":5}',
    "a line too short": b'{"is":"told","order_id":"o","lines":[[1,"INFO"]]}',
    "no such state": b'{"is":"ended","order_id":"o","state":"FINE"}',
    "outputs are a list": b'{"is":"ended","order_id":"o","state":"SUCCESS","outputs":[]}',
    "no such wish": b'{"is":"ended","order_id":"o","state":"SUCCESS","wishes":[["fly"]]}',
    "deep": b"[" * 100_000,
    "a huge number": b'{"is":"told","order_id":"o","lines":[[' + b"9" * 10_000 + b',"INFO","x"]]}',
    "an infinite time": b'{"is":"told","order_id":"o","lines":[[Infinity,"INFO","x"]]}',
}


@pytest.mark.parametrize("frame", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused(frame: bytes) -> None:
    with pytest.raises(FrameRefused):
        messages.from_worker(frame)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=8,
)
KINDS = st.sampled_from(["ready", "told", "deadline", "asked", "ended", "x"])
KEYS = st.sampled_from(["order_id", "lines", "metrics", "state", "failure", "wishes", "outputs", "seconds", "ask_id"])


@given(KINDS, st.dictionaries(KEYS, JSON))
def test_any_object_is_a_message_or_refused(kind: str, values: dict[str, object]) -> None:
    try:
        messages.from_worker(json.dumps({"is": kind} | values).encode())
    except FrameRefused:
        return
