"""What a schedule does now: policies for missed times, conditions, backfills, clocks that jump."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.engine.conditions import Circumstances
from segue.engine.due import (
    ON_TIME,
    Backfill,
    BadSchedule,
    Decision,
    Fail,
    Fire,
    ScheduleState,
    Timetable,
    Wait,
    after_end,
    begin,
    due,
    enabled,
    next_date,
    previous_date,
    timetable,
)
from segue.expression.evaluation import Scope
from segue.expression.outside import FrozenOutside
from segue.model.state import State
from segue.model.trigger import Condition, RecoverMissed, Schedule, ScheduleOnDates, Trigger

NOON = datetime(2024, 5, 15, 12, 0, tzinfo=UTC)  # a Wednesday
CONDITION = "io.kestra.plugin.core.condition."


def a_table(cron: str = "0 * * * *", recover: RecoverMissed = RecoverMissed.ALL, **changed: Any) -> Timetable:
    body: Any = changed.pop("body", None) or Schedule(
        cron=cron, timezone=changed.pop("timezone", None), late_maximum_delay=changed.pop("late", None)
    )
    trigger = Trigger(id="t", type="io.kestra.plugin.core.trigger.Schedule", body=body, **changed)
    circumstances = Circumstances(scope=Scope(outside=FrozenOutside(now=NOON)))
    return timetable(trigger, circumstances, recover=recover)


def hours(*numbers: float) -> list[datetime]:
    return [NOON + timedelta(hours=number) for number in numbers]


def fired(table: Timetable, state: ScheduleState, now: datetime) -> tuple[list[datetime], ScheduleState]:
    """All fire times due at `now`, and the state after."""
    dates = []
    for _ in range(10_000):
        decision = due(table, state, now)
        state = decision.state
        if isinstance(decision, Wait):
            if decision.until is None or decision.until > now:
                return dates, state
        else:
            dates.append(decision.dates.date)
    raise AssertionError("it never waits")


def test_a_new_trigger_waits_for_its_first_time_from_now() -> None:
    assert begin(a_table(), None, NOON + timedelta(minutes=5)) == ScheduleState(next_at=hours(1)[0])


def test_a_time_that_is_due_fires_with_its_neighbours_in_the_triggers_zone() -> None:
    decision = due(a_table(timezone="Europe/Berlin"), ScheduleState(next_at=NOON), NOON)
    assert isinstance(decision, Fire)
    assert decision.dates.variables == {
        "date": "2024-05-15T14:00:00+02:00",
        "next": "2024-05-15T15:00:00+02:00",
        "previous": "2024-05-15T13:00:00+02:00",
    }
    assert decision.state == ScheduleState(next_at=hours(1)[0], last_at=NOON)


def test_before_its_time_it_waits() -> None:
    state = ScheduleState(next_at=NOON)
    assert due(a_table(), state, NOON - timedelta(seconds=1)) == Wait(until=NOON, state=state)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(RecoverMissed.ALL, hours(-3, -2, -1, 0)), (RecoverMissed.LAST, hours(0)), (RecoverMissed.NONE, [])],
)
@pytest.mark.parametrize("is_restarted", [True, False], ids=["restarted", "asleep"])
def test_missed_times_follow_the_policy(policy: RecoverMissed, expected: list[datetime], is_restarted: bool) -> None:
    table, now = a_table(recover=policy), NOON + timedelta(minutes=30)
    state = ScheduleState(next_at=hours(-3)[0], last_at=hours(-4)[0])
    dates, after = fired(table, begin(table, state, now) if is_restarted else state, now)
    assert dates == expected
    assert after.next_at == hours(1)[0]


@pytest.mark.parametrize("policy", RecoverMissed)
def test_a_time_looked_at_a_moment_late_is_no_missed_one(policy: RecoverMissed) -> None:
    dates, _ = fired(a_table(recover=policy), ScheduleState(next_at=NOON), NOON + ON_TIME)
    assert dates == [NOON]


def test_times_later_than_allowed_are_passed_over() -> None:
    table = a_table("* * * * *", late=timedelta(minutes=5))
    dates, _ = fired(table, ScheduleState(next_at=NOON), NOON + timedelta(minutes=30, seconds=1))
    assert dates == [NOON + timedelta(minutes=minute) for minute in range(26, 31)]


def test_while_the_execution_before_runs_no_time_is_lost_and_none_fires() -> None:
    state = ScheduleState(next_at=NOON)
    assert due(a_table(), state, NOON, is_busy=True) == Wait(until=None, state=state)
    assert isinstance(due(a_table(allow_concurrent=True), state, NOON, is_busy=True), Fire)
    assert fired(a_table(), state, NOON + timedelta(hours=2))[0] == hours(0, 1, 2)


def test_a_disabled_schedule_does_nothing_and_enabled_goes_on_from_now() -> None:
    state = ScheduleState(next_at=hours(-5)[0], is_disabled=True)
    assert due(a_table(), state, NOON) == Wait(until=None, state=state)
    assert begin(a_table(), state, NOON) == state
    assert enabled(a_table(), state, NOON) == ScheduleState(next_at=hours(1)[0])


def test_stop_after_disables_in_the_state_alone() -> None:
    table = a_table(stop_after=(State.FAILED,))
    assert after_end(table.trigger, ScheduleState(), State.FAILED).is_disabled
    assert not after_end(table.trigger, ScheduleState(), State.SUCCESS).is_disabled


def first_mondays(**changed: Any) -> Timetable:
    properties = {"dayOfWeek": "MONDAY", "dayInMonth": "FIRST"}
    condition = Condition(type=f"{CONDITION}DayWeekInMonth", properties=properties)
    return a_table(**{"cron": "* * * * *", "conditions": (condition,), **changed})


def test_next_and_previous_honour_conditions_however_dense_the_line() -> None:
    table = first_mondays(timezone="Europe/Paris")
    zone = ZoneInfo("Europe/Paris")
    assert next_date(table, NOON) == datetime(2024, 6, 3, 0, 0, tzinfo=zone)
    assert previous_date(table, NOON) == datetime(2024, 5, 6, 23, 59, tzinfo=zone)


def test_a_time_at_which_the_conditions_fail_is_passed_over() -> None:
    decision = due(first_mondays(), ScheduleState(next_at=NOON), NOON)
    assert decision == Wait(
        until=datetime(2024, 6, 3, tzinfo=UTC), state=ScheduleState(next_at=datetime(2024, 6, 3, tzinfo=UTC))
    )


def test_when_is_a_condition_too() -> None:
    table = a_table(when="{{ trigger.date | date('HH', timeZone='UTC') == '15' }}")
    assert begin(table, None, NOON).next_at == hours(3)[0]


def test_a_condition_that_never_holds_costs_a_bounded_search() -> None:
    table = a_table("* * * * *", when="{{ 1 == 2 }}")
    state = begin(table, None, NOON)
    decision = due(table, state, state.next_at)
    assert isinstance(decision, Wait)
    assert decision.until > state.next_at
    assert previous_date(table, NOON) is None


def test_a_condition_that_cannot_be_told_fails_in_sight_and_the_schedule_goes_on() -> None:
    decision = due(a_table(when="{{ nothing }}"), ScheduleState(next_at=NOON), NOON)
    assert isinstance(decision, Fail)
    assert "Unable to find `nothing`" in decision.message
    assert decision.state == ScheduleState(next_at=hours(1)[0], last_at=NOON)


def a_backfill(start: float, end: float, **changed: Any) -> Backfill:
    first, last = hours(start, end)
    return Backfill(start=first, end=last, **changed)


def test_a_backfill_fires_every_time_from_start_to_end_and_then_the_rest_goes_on() -> None:
    state = ScheduleState(next_at=NOON, last_at=hours(-1)[0], backfill=a_backfill(-5, -3))
    dates, after = fired(a_table(), state, NOON)
    assert dates == [*hours(-5, -4, -3), NOON]
    assert after == ScheduleState(next_at=hours(1)[0], last_at=NOON)


def test_a_backfill_waits_for_its_executions_too_and_gives_its_inputs() -> None:
    state = ScheduleState(next_at=hours(1)[0], backfill=a_backfill(-5, -3, inputs={"a": 1}))
    assert isinstance(due(a_table(), state, NOON, is_busy=True), Wait)
    decision = due(a_table(), state, NOON)
    assert isinstance(decision, Fire)
    assert decision.backfill.inputs == {"a": 1}
    assert decision.state.last_at is None


def test_a_paused_backfill_rests_while_the_schedule_goes_on() -> None:
    state = ScheduleState(next_at=NOON, backfill=a_backfill(-5, -3, is_paused=True))
    dates, after = fired(a_table(), state, NOON)
    assert dates == [NOON]
    assert after.backfill == state.backfill


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (Schedule(cron="nonsense"), "invalid cron expression 'nonsense'"),
        (Schedule(cron="0 * * * *", timezone="Asia/Delhi"), "Unknown time-zone ID: Asia/Delhi"),
        (ScheduleOnDates(dates=("someday",)), "Unable to read `someday`"),
    ],
)
def test_a_schedule_that_cannot_be_followed_says_why(body: Any, words: str) -> None:
    with pytest.raises(BadSchedule, match=words):
        a_table(body=body)


def test_dates_fire_each_once_and_then_never_again() -> None:
    dates = ("2024-05-15T13:00:00Z", "2024-05-15 16:00:00", "2024-05-15T13:00:00+00:00")
    table = a_table(body=ScheduleOnDates(dates=dates, timezone="Europe/Berlin"))
    state = begin(table, None, NOON)
    assert state.next_at == hours(1)[0]
    found, after = fired(table, state, NOON + timedelta(hours=5))
    assert [date.astimezone(UTC) for date in found] == hours(1, 2)
    assert after.next_at is None
    assert due(table, after, NOON + timedelta(days=99)) == Wait(until=None, state=after)


LOOKS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 120), st.integers(0, 100_000), st.integers(-7200, 0)),  # seconds the clock moves
        st.sampled_from(["look", "busy", "restart"]),
    ),
    max_size=25,
)


@given(LOOKS, st.sampled_from(list(RecoverMissed)), st.sampled_from(["*/7 * * * *", "0 2 * * *", "30 * * * *"]))
def test_whatever_the_clock_does_no_time_fires_twice_and_under_all_none_is_lost(
    looks: list[tuple[int, str]], policy: RecoverMissed, cron: str
) -> None:
    table = a_table(cron, recover=policy, timezone="Europe/Berlin")
    now = latest = NOON
    state = begin(table, None, now)
    seen: list[datetime] = []
    for seconds, how in looks:
        now += timedelta(seconds=seconds)
        if how == "restart":
            state = begin(table, state, now)
        if how == "busy":
            decision: Decision = due(table, state, now, is_busy=True)
            assert isinstance(decision, Wait)
            state = decision.state
        else:
            dates, state = fired(table, state, now)
            seen += dates
            latest = max(latest, now)
    assert seen == sorted(set(seen))
    assert all(NOON < date <= latest for date in seen)
    if policy is RecoverMissed.ALL:
        expected, moment = [], table.times.after(NOON)
        while moment <= latest:
            expected.append(moment)
            moment = table.times.after(moment)
        assert seen == expected


def test_an_expression_may_give_all_dates() -> None:
    table = a_table(body=ScheduleOnDates(dates=('{{ ["2024-05-15T13:00:00Z", "2024-05-15T14:00:00Z"] }}',)))
    assert fired(table, begin(table, None, NOON), NOON + timedelta(hours=9))[0] == hours(1, 2)


class _WithKeys(FrozenOutside):
    def __init__(self, keys: dict[str, Any]) -> None:
        super().__init__(now=NOON)
        self.keys = keys

    def kv(self, key: str, namespace: str | None, *, error_on_missing: bool) -> Any:
        return self.keys.get(key)


def test_a_condition_that_asks_for_a_key_is_judged_when_a_time_has_come_since_keys_change() -> None:
    outside = _WithKeys({"on": False})
    trigger = Trigger(id="t", type="schedule", body=Schedule(cron="0 * * * *"), when="{{ kv('on') }}")
    table = timetable(trigger, Circumstances(scope=Scope(outside=outside)))
    state = begin(table, None, NOON)

    assert fired(table, state, hours(1)[0]) == ([], ScheduleState(next_at=hours(2)[0]))
    outside.keys["on"] = True
    dates, _ = fired(table, ScheduleState(next_at=hours(2)[0]), hours(2)[0])
    assert dates == [hours(2)[0]]
