"""Timers: what is due comes out once, in the order of its time, however often it was set anew."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from segue.model.event import TimerKind
from segue.model.names import ExecutionId
from segue.runtime.timers import TimerKey, Timers

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def key(name: str) -> TimerKey:
    return TimerKey(ExecutionId(name), TimerKind.SLEEP, None)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_what_is_due_comes_out_earliest_first_and_once() -> None:
    timers = Timers()
    timers.set(key("b"), at(2))
    timers.set(key("a"), at(1))
    timers.set(key("later"), at(9))
    assert list(timers.take_due(at(2))) == [key("a"), key("b")]
    assert list(timers.take_due(at(2))) == []
    assert timers.next_due() == at(9)


def test_setting_a_timer_again_replaces_it() -> None:
    timers = Timers()
    timers.set(key("a"), at(1))
    timers.set(key("a"), at(5))
    assert timers.next_due() == at(5)
    assert list(timers.take_due(at(4))) == []


def test_a_cleared_timer_never_comes() -> None:
    timers = Timers()
    timers.set(key("a"), at(1))
    timers.clear(key("a"))
    timers.clear(key("never set"))
    assert timers.next_due() is None
    assert key("a") not in timers


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.none() | st.integers(0, 20)), max_size=40), st.integers(0, 20))
def test_only_the_last_word_on_each_timer_counts(words: list[tuple[str, int | None]], now: int) -> None:
    timers = Timers()
    last: dict[str, int] = {}
    for name, due in words:
        if due is None:
            timers.clear(key(name))
            last.pop(name, None)
        else:
            timers.set(key(name), at(due))
            last[name] = due
    taken = list(timers.take_due(at(now)))
    assert {each.execution_id for each in taken} == {name for name, due in last.items() if due <= now}
    assert [last[each.execution_id] for each in taken] == sorted(last[each.execution_id] for each in taken)
    assert len(timers) == len(last) - len(taken)
