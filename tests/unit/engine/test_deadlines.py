"""Windows of flow triggers that end without what they wait for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from segue.engine.deadlines import Deadline, deadline_of, is_missed
from segue.model.trigger import FlowEnds, Trigger, UpstreamFlow

NOW = datetime(2024, 5, 15, 10, 30, tzinfo=UTC)


def a_trigger(**options: Any) -> Trigger:
    body = FlowEnds(depends_on=(UpstreamFlow(flow_id="load"),), options=options)
    return Trigger(id="after", type="io.kestra.plugin.core.trigger.Flow", body=body)


def a_deadline(**window: Any) -> Deadline:
    deadline = deadline_of(a_trigger(window=window, onMiss={"labels": {"late": "yes"}}))
    assert deadline is not None
    return deadline


def test_only_who_asks_for_it_is_held_to_a_window() -> None:
    assert deadline_of(a_trigger(window={"deadline": "09:00"})) is None
    assert deadline_of(a_trigger(window={"deadline": "09:00"}, onMiss={"behavior": "NONE"})) is None
    assert deadline_of(Trigger(id="x", type="y", body=FlowEnds(options={"onMiss": {}}))) is None
    assert a_deadline(deadline="09:00").labels == {"late": "yes"}


ENDS: dict[str, tuple[dict[str, Any], str]] = {
    "later today": ({"deadline": "11:00"}, "2024-05-15T11:00+00:00"),
    "tomorrow": ({"deadline": "09:00"}, "2024-05-16T09:00+00:00"),
    "in another zone": ({"deadline": "14:00", "timezone": "Asia/Tokyo"}, "2024-05-16T05:00+00:00"),
    "with an offset of its own": ({"deadline": "14:00+03:00"}, "2024-05-15T11:00+00:00"),
    "from and to": ({"from": "08:00", "to": "10:00"}, "2024-05-16T10:00+00:00"),
    "every hour": ({"every": "PT1H"}, "2024-05-15T10:59:59.999+00:00"),
}


@pytest.mark.parametrize(("window", "end"), ENDS.values(), ids=ENDS)
def test_the_next_window_that_ends(window: dict[str, Any], end: str) -> None:
    bounds = a_deadline(**window).window_after(NOW, UTC)
    assert bounds is not None
    assert bounds.end == datetime.fromisoformat(end)


def test_a_sliding_window_never_ends() -> None:
    assert a_deadline(lookback="PT1H").window_after(NOW, UTC) is None


def test_the_last_window_that_ended_is_found_however_long_ago_the_last_look_was() -> None:
    deadline = a_deadline(every="PT1S")
    ended = deadline.last_ended(NOW - timedelta(days=3_650), NOW, UTC)
    assert ended is not None
    assert ended.start == NOW - timedelta(seconds=1)
    assert deadline.last_ended(NOW, NOW + timedelta(milliseconds=500), UTC) is None


def test_a_window_is_missed_unless_the_trigger_fired_in_it() -> None:
    ended = a_deadline(deadline="10:00").last_ended(NOW - timedelta(hours=1), NOW, UTC)
    assert ended is not None
    assert is_missed(ended, None)
    assert is_missed(ended, NOW - timedelta(days=1))
    assert not is_missed(ended, NOW - timedelta(hours=2))
