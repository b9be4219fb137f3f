"""From a question's JSON to what the library works with: typed values, files, inputs, triggers, the present."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from segue.engine.source import Source
from segue.engine.typed import UploadedFile
from segue.engine.zones import parse_moment, zone_of
from segue.expression import iso
from segue.expression.evaluation import Scope
from segue.expression.outside import FrozenOutside
from segue.expression.values import Float32, Long, plain
from segue.model.flow import DependsOn, Input
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.trigger import (
    Condition,
    FlowEnds,
    RecoverMissed,
    Schedule,
    ScheduleOnDates,
    Trigger,
    TriggerBody,
    UpstreamFlow,
)
from segue.tasks.encryption import Cipher

NAME_PARTS = {"SECONDS": "second", "MINUTES": "minute", "HOURS": "hour", "DAYS": "day"}


class Refused(Exception):
    """The library refuses what was asked."""


class Unsupported(Exception):
    """Not built, or not to be asked this way."""


def flows_folder() -> Path:
    return Path(os.environ.get("CONFORMANCE_FLOWS", "."))


def present(question: Mapping[str, Any]) -> datetime:
    return parse_moment(question["now"]) if question.get("now") else datetime.now(UTC)


def value_of(value: Any, now: datetime, *, key: str | None = None) -> Any:
    """A value with its typed parts made real, at any depth; `key` is what a text marked as encrypted is encrypted with."""
    if isinstance(value, list):
        return [value_of(each, now, key=key) for each in value]
    if not isinstance(value, dict):
        return value
    marker = next((key for key in value if key.startswith("$")), None)
    if marker is None:
        return {name: value_of(each, now, key=key) for name, each in value.items()}
    if marker == "$encrypted":
        if key is None:
            raise Unsupported("an encrypted text without a key")
        return Cipher.of(key).seal(value[marker])
    return _typed(marker, value, now)


def _typed(marker: str, value: dict[str, Any], now: datetime) -> Any:
    given = value[marker]
    match marker:
        case "$float32":
            return Float32(given)
        case "$long":
            return Long(given)
        case "$char" | "$uri":
            return given
        case "$set":
            return value_of(given, now)
        case "$instant" | "$date":
            return iso.Instant.fromisoformat(parse_moment(given).astimezone(UTC).isoformat())
        case "$zonedDateTime" | "$offsetDateTime":
            return parse_moment(given)
        case "$localDateTime":
            return iso.read_date_time(given, zone_of)
        case "$localDate":
            return iso.read_date(given)
        case "$localTime":
            return iso.read_time(given)
        case "$duration":
            return iso.read_duration(given)
        case "$now":
            return iso.json_text(_moved(given, value, now))
        case "$nowTime":
            return iso.text_of(_moved(given, value, now).timetz())
        case "$file":
            path = flows_folder() / given
            return UploadedFile(path.name, str(path), path.stat().st_size)
        case "$fileContent":
            return UploadedFile(value.get("name", "file"), "", len(given.encode()))
        case _:
            raise Unsupported(f"a value marked {marker}")


def _moved(given: Any, value: Mapping[str, Any], now: datetime) -> datetime:
    moment = now if given is True else now + _span(given)
    if unit := value.get("truncate"):
        names = list(NAME_PARTS.values())
        cut = dict.fromkeys(names[: names.index(NAME_PARTS[unit])], 0)
        moment = moment.replace(microsecond=0, **cut)
    return moment


def _span(text: str) -> timedelta:
    sign = -1 if text.startswith("-") else 1
    return sign * (iso.read_duration(text.lstrip("+-")) or timedelta())


def scope_of(variables: Mapping[str, Any], now: datetime) -> Scope:
    return Scope(variables=dict(variables), outside=FrozenOutside(now=now, random=bytes))


def given_of(given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What a caller sends: files as uploads, all else plain."""
    read = {key: value_of(value, now) for key, value in given.items()}
    return {key: value if isinstance(value, UploadedFile) else plain(value) for key, value in read.items()}


def input_of(raw: Mapping[str, Any]) -> Input:
    known = {"id", "name", "type", "required", "defaults", "prefill", "dependsOn", "displayName", "description"}
    depends = raw.get("dependsOn")
    return Input(
        id=raw.get("id") or raw["name"],
        type=raw["type"],
        required=raw.get("required", True),
        defaults=raw.get("defaults"),
        depends_on=DependsOn(inputs=tuple(depends.get("inputs") or ()), condition=depends.get("condition"))
        if depends
        else None,
        options={key: value for key, value in raw.items() if key not in known},
    )


def labels_of(raw: Any) -> dict[str, Any]:
    if isinstance(raw, list):
        return {each["key"]: each["value"] for each in raw}
    return dict(raw or {})


def condition_of(raw: Mapping[str, Any]) -> Condition:
    properties = {key: value for key, value in raw.items() if key != "type"}
    inner = properties.get("conditions")
    if isinstance(inner, list):
        properties["conditions"] = [condition_of(each) for each in inner]
    elif isinstance(inner, dict):
        properties["conditions"] = {name: condition_of(each) for name, each in inner.items()}
    return Condition(type=raw["type"], properties=properties)


def trigger_of(type_: str, raw: Mapping[str, Any], now: datetime) -> Trigger:
    raw = value_of(dict(raw), now)
    return Trigger(
        id=raw.get("id", "trigger"),
        type=type_,
        body=_body_of(type_, raw),
        disabled=raw.get("disabled", False),
        when=raw.get("when"),
        conditions=tuple(condition_of(each) for each in raw.get("conditions") or ()),
        inputs=raw.get("inputs") or {},
        labels=labels_of(raw.get("labels")),
        stop_after=tuple(State(each) for each in raw.get("stopAfter") or ()),
        allow_concurrent=raw.get("allowConcurrent", False),
    )


def _body_of(type_: str, raw: Mapping[str, Any]) -> TriggerBody:
    recover = RecoverMissed(raw["recoverMissedSchedules"]) if raw.get("recoverMissedSchedules") else None
    match type_.rpartition(".")[2]:
        case "Schedule":
            return Schedule(
                cron=raw["cron"],
                timezone=raw.get("timezone"),
                with_seconds=raw.get("withSeconds", False),
                late_maximum_delay=iso.read_duration(raw["lateMaximumDelay"]) if raw.get("lateMaximumDelay") else None,
                recover_missed=recover,
            )
        case "ScheduleOnDates":
            return ScheduleOnDates(dates=tuple(raw["dates"]), timezone=raw.get("timezone"), recover_missed=recover)
        case "Flow":
            options = {key: raw[key] for key in ("preconditions", "window", "mode", "minSatisfied") if key in raw}
            return FlowEnds(
                states=_states(raw), depends_on=tuple(map(_upstream, raw.get("dependsOn") or ())), options=options
            )
        case _:
            raise Unsupported(f"trigger type {type_}")


def _upstream(raw: Mapping[str, Any]) -> UpstreamFlow:
    return UpstreamFlow(
        namespace=raw.get("namespace"),
        flow_id=raw.get("flowId"),
        states=_states(raw),
        labels=labels_of(raw.get("labels")),
        when=raw.get("when"),
    )


def _states(raw: Mapping[str, Any]) -> tuple[State, ...]:
    return tuple(State(each) for each in raw.get("states") or ())


def source_of(context: Mapping[str, Any], now: datetime) -> Source | None:
    execution = context.get("execution")
    if execution is None:
        return None
    flow = context.get("flow") or {}
    state = execution["state"]
    return Source(
        id=ExecutionId(execution.get("id", "execution")),
        namespace=execution.get("namespace") or flow.get("namespace", ""),
        flow_id=execution.get("flowId") or flow.get("id", ""),
        revision=execution.get("flowRevision") or 1,
        state=State(state["current"] if isinstance(state, dict) else state),
        started_at=now,
        labels=labels_of(execution.get("labels")),
        outputs=execution.get("outputs") or {},
        attempts=tuple(
            tuple(State(each) for each in run.get("attempts") or ()) for run in execution.get("taskruns") or ()
        ),
    )
