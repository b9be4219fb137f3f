"""What a schedule does now: fire for a time that is due, pass times over, or wait - given what is remembered of it.

The life of a schedule's memory (`ScheduleState`):

* `begin` when the trigger goes live and whenever the daemon starts: a new trigger (or one whose cron line changed) waits
  for its first time from now, without catching up; a known one follows its policy for times missed meanwhile.
* `due` whenever its `next_at` has come, or the execution it waits for has ended. It gives one decision with the state to
  remember; after a `Fire` ask again, for more may be due.

A fire time is *missed* when it is looked at more than `ON_TIME` late - because the daemon was down or asleep, the clock
jumped, or the execution before it still ran: ALL fires each, LAST the latest of them, NONE goes on from now. Times come
from `fire_times`, what they have to fulfil from `conditions`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from segue.engine.conditions import CannotTell, Circumstances, fails_all_day, trigger_applies
from segue.engine.fire_times import BadCron, DateTimes, FireTimes, cron_times
from segue.engine.zones import NotADate, UnknownZone, parse_moment, zone_of
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Scope
from segue.expression.iso import json_text
from segue.expression.template import render_value
from segue.model.state import State
from segue.model.trigger import RecoverMissed, Schedule, ScheduleOnDates, Trigger

ON_TIME: Final = timedelta(seconds=10)
"""How late a fire time may be looked at and still count as met: a busy moment is no outage."""
CANDIDATES_MAX: Final = 500
"""Times tried against the conditions in one search. Where none of so many fits, the last is kept as the next to look at."""


class BadSchedule(ValueError):
    """The schedule cannot be followed: its line, a date or its zone cannot be read."""


class Backfill(Struct, frozen=True, kw_only=True):
    """Past fire times asked for, `start` and `end` included. `current` is where it has come to."""

    start: datetime
    end: datetime
    current: datetime | None = None
    is_paused: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class ScheduleState(Struct, frozen=True, kw_only=True):
    """What is remembered of a schedule. `next_at` is the fire time it waits for (UTC); None: it never fires again."""

    next_at: datetime | None = None
    last_at: datetime | None = None
    is_disabled: bool = False
    backfill: Backfill | None = None


class FireDates(Struct, frozen=True, kw_only=True):
    """A fire time with its neighbours, in the trigger's zone."""

    date: datetime
    next: datetime | None
    previous: datetime | None

    @property
    def variables(self) -> dict[str, str]:
        """What `trigger` is in the execution: ISO 8601 with the zone's offset, without what there is not."""
        dates = {"date": self.date, "next": self.next, "previous": self.previous}
        return {name: json_text(date) for name, date in dates.items() if date is not None}


class Fire(Struct, frozen=True, kw_only=True):
    """Start an execution for `dates.date`. In a backfill its inputs and labels go over the trigger's."""

    dates: FireDates
    state: ScheduleState
    backfill: Backfill | None = None


class Fail(Struct, frozen=True, kw_only=True):
    """A condition cannot be evaluated: make an execution in FAILED, so that somebody sees it."""

    dates: FireDates
    message: str
    state: ScheduleState


class Wait(Struct, frozen=True, kw_only=True):
    """Nothing to do before `until` (None: before something else happens); where that is now, ask again. The state may
    have moved over times that were skipped."""

    until: datetime | None
    state: ScheduleState


Decision = Fire | Fail | Wait


class Timetable(Struct, frozen=True, kw_only=True):
    """A schedule as it is followed: its trigger, its times, its policy, and the circumstances of its conditions.

    `names_neighbours`: the conditions may look at `trigger.next` and `trigger.previous`, which cost more than they do.
    `asks_for_keys`: they may, and keys change: whether they hold is known once a time has come, not before.
    """

    trigger: Trigger
    times: FireTimes
    recover: RecoverMissed
    late_max: timedelta | None
    circumstances: Circumstances

    is_conditional: bool
    names_neighbours: bool
    asks_for_keys: bool


def timetable(
    trigger: Trigger, circumstances: Circumstances, *, zone: tzinfo = UTC, recover: RecoverMissed = RecoverMissed.ALL
) -> Timetable:
    """How to follow a schedule; `zone` and `recover` are for a trigger that names none. `BadSchedule` if it cannot be."""
    body = trigger.body
    try:
        match body:
            case Schedule():
                times: FireTimes = cron_times(body.cron, zone_of(body.timezone) if body.timezone else zone)
                late_max = body.late_maximum_delay
            case ScheduleOnDates():
                times, late_max = _date_times(body, zone, circumstances.scope), None
            case _:
                raise BadSchedule(f"trigger `{trigger.id}` of type {trigger.type} is no schedule")
    except (BadCron, UnknownZone, NotADate) as error:
        raise BadSchedule(str(error)) from error
    named = f"{trigger.when} {trigger.conditions}"
    return Timetable(
        trigger=trigger,
        is_conditional=bool(trigger.conditions) or trigger.when not in (None, True, "true"),
        names_neighbours="next" in named or "previous" in named,
        asks_for_keys="kv(" in named,
        times=times,
        recover=body.recover_missed or recover,
        late_max=late_max,
        circumstances=circumstances,
    )


def _date_times(body: ScheduleOnDates, zone: tzinfo, scope: Scope) -> DateTimes:
    zone = zone_of(body.timezone) if body.timezone else zone
    moments = (_moment(each, zone) for each in _listed(body, scope))
    return DateTimes(tuple(sorted({moment.astimezone(UTC) for moment in moments})), zone)


def _listed(body: ScheduleOnDates, scope: Scope) -> Sequence[datetime | str]:
    """The dates; one entry alone may be an expression that gives them all."""
    try:
        rendered = [render_value(each, scope, typed=True) for each in body.dates]
    except ExpressionError as error:
        raise BadSchedule(str(error)) from error
    return rendered[0] if len(rendered) == 1 and isinstance(rendered[0], list) else rendered


def _moment(date: datetime | str, zone: tzinfo) -> datetime:
    if isinstance(date, datetime):
        return date if date.tzinfo else date.replace(tzinfo=zone)
    return parse_moment(str(date), zone)


def begin(table: Timetable, state: ScheduleState | None, now: datetime) -> ScheduleState:
    """The state from which to go on at `now`; None: the trigger was never seen, or not with these times."""
    if state is None:
        return ScheduleState(next_at=_utc(next_date(table, now)))
    if state.is_disabled:
        return state
    following = state.next_at
    if following is None and state.last_at is not None:
        following = _utc(next_date(table, state.last_at))
    if following is None or following > now:
        return replace(state, next_at=following or _utc(next_date(table, now)))
    return replace(state, next_at=_recovered(table, following, now))


def due(table: Timetable, state: ScheduleState, now: datetime, *, is_busy: bool = False) -> Decision:
    """What to do at `now`. `is_busy`: the execution it started last has not ended; then it waits, unless the trigger
    allows several at a time."""
    if state.is_disabled:
        return Wait(until=None, state=state)
    if is_busy and not table.trigger.allow_concurrent:
        return Wait(until=None, state=state)
    if state.backfill is not None and not state.backfill.is_paused:
        return _backfill_due(table, state, state.backfill, now)
    if state.next_at is None or state.next_at > now:
        return Wait(until=state.next_at, state=state)
    return _regular_due(table, state, state.next_at, now)


def after_end(trigger: Trigger, state: ScheduleState, ended: State) -> ScheduleState:
    """An execution that the trigger started came to its end: `stopAfter` may disable the trigger."""
    return replace(state, is_disabled=True) if ended in trigger.stop_after else state


def enabled(table: Timetable, state: ScheduleState, now: datetime) -> ScheduleState:
    """Set going again by hand: from now on, whatever was missed while it was off."""
    return replace(state, is_disabled=False, next_at=_utc(next_date(table, now)))


def _regular_due(table: Timetable, state: ScheduleState, slot: datetime, now: datetime) -> Decision:
    if now - slot > ON_TIME:
        recovered = _recovered(table, slot, now)
        if recovered is None or recovered > now:
            return Wait(until=recovered, state=replace(state, next_at=recovered))
        slot = recovered
    dates = _dates(table, slot)
    following = replace(state, next_at=_utc(dates.next) if dates.next else _utc(table.times.after(slot)), last_at=slot)
    passed = replace(following, last_at=state.last_at)
    try:
        if not _fits(table, dates.date):
            return _go_on(passed, now)
    except CannotTell as error:
        return Fail(dates=dates, message=f"Unable to evaluate trigger `{table.trigger.id}`: {error}", state=following)
    return Fire(dates=dates, state=following)


def _go_on(state: ScheduleState, now: datetime) -> Decision:
    """The time looked at did not fit; the next that does may be due as well."""
    if state.next_at is None or state.next_at > now:
        return Wait(until=state.next_at, state=state)
    return Wait(until=now, state=state)


def _recovered(table: Timetable, slot: datetime, now: datetime) -> datetime | None:
    """The time to go on with when `slot`, which has passed, was missed."""
    match table.recover:
        case RecoverMissed.ALL:
            return _late_enough(table, slot, now)
        case RecoverMissed.LAST:
            latest = previous_date(table, now + timedelta(microseconds=1))
            return _late_enough(table, max(_utc(latest) or slot, slot), now)
        case RecoverMissed.NONE:
            return _utc(next_date(table, now))


def _late_enough(table: Timetable, slot: datetime, now: datetime) -> datetime | None:
    """`slot`, or the first time after it that is not later than `lateMaximumDelay` allows."""
    if table.late_max is None or slot + table.late_max >= now:
        return slot
    return _utc(next_date(table, now - table.late_max - timedelta(microseconds=1)))


def _backfill_due(table: Timetable, state: ScheduleState, backfill: Backfill, now: datetime) -> Decision:
    current = backfill.current or backfill.start
    # Times that the conditions let pass, the one at `current` included.
    slot = next_date(table, current - timedelta(microseconds=1))
    if slot is None or slot > backfill.end or slot > now:
        over = replace(state, backfill=None)
        return Wait(until=now if _is_due(over, now) else over.next_at, state=over)
    dates = _dates(table, slot)
    past = slot.astimezone(UTC) + timedelta(microseconds=1)
    following = replace(state, backfill=replace(backfill, current=past), last_at=state.last_at)
    try:
        if not _fits(table, dates.date):
            return Wait(until=now, state=following)
    except CannotTell as error:
        return Fail(dates=dates, message=f"Unable to evaluate trigger `{table.trigger.id}`: {error}", state=following)
    return Fire(dates=dates, state=following, backfill=backfill)


def _is_due(state: ScheduleState, now: datetime) -> bool:
    return state.next_at is not None and state.next_at <= now


def next_date(table: Timetable, moment: datetime) -> datetime | None:
    """The first fire time after `moment` at which the conditions hold, or where they cannot be told."""
    return _search(table, moment, forward=True)


def previous_date(table: Timetable, moment: datetime) -> datetime | None:
    """The last fire time before `moment` at which the conditions hold; None also if a long search found none."""
    return _search(table, moment, forward=False)


def _search(table: Timetable, moment: datetime, *, forward: bool) -> datetime | None:
    step = table.times.after if forward else table.times.before
    candidate = step(moment)
    if not table.is_conditional or table.asks_for_keys:
        return candidate
    for _ in range(CANDIDATES_MAX):
        if candidate is None:
            return None
        try:
            circumstances = _at(table, candidate)
            if trigger_applies(table.trigger, circumstances):
                return candidate
            whole_day = fails_all_day(table.trigger.conditions, circumstances)
        except CannotTell:
            return candidate
        following = step(_day_edge(candidate, forward=forward) if whole_day else candidate)
        if following is None:
            return None
        candidate = following
    return candidate if forward else None


def _day_edge(moment: datetime, *, forward: bool) -> datetime:
    """The last instant of the local day (going forward), or the first of it."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if not forward:
        return midnight
    last = (midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=moment.tzinfo)
    return max(last - timedelta(microseconds=1), moment)


def _fits(table: Timetable, candidate: datetime) -> bool:
    return not table.is_conditional or trigger_applies(table.trigger, _at(table, candidate))


def _at(table: Timetable, candidate: datetime) -> Circumstances:
    """The circumstances of a candidate; its neighbours there are those of the bare times."""
    following, previous = None, None
    if table.names_neighbours:
        following, previous = table.times.after(candidate), table.times.before(candidate)
    raw = FireDates(date=candidate, next=following, previous=previous)
    return table.circumstances.with_trigger(raw.variables)


def _dates(table: Timetable, slot: datetime) -> FireDates:
    return FireDates(
        date=slot.astimezone(table.times.zone), next=next_date(table, slot), previous=previous_date(table, slot)
    )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
