"""Triggers and conditions as read, without faults -> `model.trigger`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from segue.model.state import State
from segue.model.trigger import (
    Condition,
    Files,
    FlowEnds,
    Polling,
    RecoverMissed,
    Schedule,
    ScheduleOnDates,
    Trigger,
    TriggerBody,
    UpstreamFlow,
    Webhook,
)
from segue.spec.catalogue import PREFIX
from segue.spec.reading import Object
from segue.spec.triggers import TRIGGER_KEYS, TriggerCommon

# Keys of the Flow trigger that the engine reads as its author wrote them.
_FLOW_OPTIONS: Final = ("preconditions", "window", "mode", "minSatisfied", "onMiss")
_EXTRA: Final = ("logToFile", "failOnTriggerError", "workerGroup", "workerSelector", "assets")
_STATES: Final = frozenset(State)
_INTERVAL_DEFAULT: Final = timedelta(seconds=60)


def trigger_of(read: Object) -> Trigger:
    shared: TriggerCommon = read.shared
    return Trigger(
        id=shared.id,
        type=read.type,
        body=_BODIES.get(read.type, _polling)(read),
        description=shared.description or "",
        disabled=shared.disabled,
        when=shared.when,
        conditions=tuple(map(condition_of, (*read.under("conditions"), *read.under("scheduleConditions")))),
        inputs=shared.inputs or {},
        labels=shared.labels or {},
        stop_after=states_of(shared.stop_after),
        allow_concurrent=shared.allow_concurrent,
        log_level=shared.log_level,
        extra={key: read.raw[key] for key in _EXTRA if read.raw.get(key) is not None},
    )


def states_of(names: Iterable[str] | None) -> tuple[State, ...]:
    """The states of these names; Kestra has a few that never occur here, which are left out."""
    return tuple(State(name) for name in names or () if name in _STATES)


def condition_of(read: Object) -> Condition:
    properties = {key: value for key, value in read.raw.items() if key != "type" and value is not None}
    if isinstance(properties.get("conditions"), list):
        properties["conditions"] = tuple(map(condition_of, read.under("conditions")))
    elif isinstance(properties.get("conditions"), dict):
        names = properties["conditions"]
        properties["conditions"] = {
            name: condition_of(each) for name, each in zip(names, read.under("conditions"), strict=True)
        }
    if "labels" in properties:
        properties["labels"] = read.own.labels
    return Condition(type=read.type, properties=properties)


def _recover(name: str | None) -> RecoverMissed | None:
    return None if name is None else RecoverMissed(name)


def _schedule(read: Object) -> TriggerBody:
    own = read.own
    return Schedule(
        cron=own.cron,
        timezone=own.timezone,
        with_seconds=own.with_seconds,
        late_maximum_delay=own.late_maximum_delay,
        recover_missed=_recover(own.recover_missed_schedules),
    )


def _schedule_on_dates(read: Object) -> TriggerBody:
    own = read.own
    dates = own.dates if isinstance(own.dates, list) else [own.dates]
    return ScheduleOnDates(
        dates=tuple(dates), timezone=own.timezone, recover_missed=_recover(own.recover_missed_schedules)
    )


def _webhook(read: Object) -> TriggerBody:
    own = read.own
    return Webhook(
        key=own.key,
        wait=own.wait,
        return_outputs=own.return_outputs,
        response_content_type=own.response_content_type,
        response_code=own.response_code,
        fetch_type=own.fetch_type or "FETCH",
    )


def _flow_ends(read: Object) -> TriggerBody:
    own = read.own
    return FlowEnds(
        states=states_of(own.states),
        depends_on=tuple(
            UpstreamFlow(
                namespace=each.namespace,
                flow_id=each.flow_id,
                states=states_of(each.states),
                labels=each.labels or {},
                when=each.when,
            )
            for each in own.depends_on or ()
        ),
        options={key: read.raw[key] for key in _FLOW_OPTIONS if read.raw.get(key) is not None},
    )


def _files(read: Object) -> TriggerBody:
    own = read.own
    return Files(
        path=own.path,
        glob=tuple(own.glob),
        events=tuple(own.events),
        debounce=own.debounce,
        recursive=own.recursive,
    )


def _polling(read: Object) -> TriggerBody:
    properties: dict[str, Any] = {
        key: value for key, value in read.raw.items() if key not in TRIGGER_KEYS and value is not None
    }
    properties.pop("interval", None)
    interval = getattr(read.own, "interval", _INTERVAL_DEFAULT)
    return Polling(interval=interval, properties=properties, state_key=getattr(read.own, "state_key", None))


_BODIES: Final[Mapping[str, Callable[[Object], TriggerBody]]] = {
    PREFIX + "core.trigger.Schedule": _schedule,
    PREFIX + "core.trigger.ScheduleOnDates": _schedule_on_dates,
    PREFIX + "core.trigger.Webhook": _webhook,
    PREFIX + "core.trigger.Flow": _flow_ends,
    "segue.trigger.Files": _files,
}
