"""Questions about what is smaller than a flow: Ion, plugin defaults, keys, addresses, typed rendering."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from segue.expression import ion, iso
from segue.expression.errors import ExpressionError
from segue.expression.template import render_value
from segue.expression.values import plain
from segue.model.flow import PluginDefault
from segue.model.names import KEY
from segue.spec.catalogue import TypeEntry
from segue.spec.fields import Spec
from segue.spec.nested import Role
from segue.spec.plugin_defaults import completed
from segue.storage.address import address_of, execution_parts, task_run_parts

from tests.conformance.reading import Refused, Unsupported, present, scope_of, value_of

Given = dict[str, Any]


def answer(question: dict[str, Any]) -> dict[str, Any]:
    answerer = KINDS.get(question["kind"])
    if answerer is None:
        raise Unsupported(f"misc of kind {question['kind']}")
    now = present(question)
    try:
        return {"value": answerer(value_of(question["given"], now), now)}
    except ExpressionError as error:
        raise Refused(str(error)) from error


def _filtered(name: str, given: Given, now: datetime) -> Any:
    return {"text": render_value("{{ text | " + name + " }}", scope_of({"text": given["text"]}, now))}


def _typed_render(given: Given, now: datetime) -> Any:
    variables = {f"part{at}": part for at, part in enumerate(given["parts"])}
    template = "".join("{{ " + name + " }}" for name in variables)
    return {"value": plain(render_value(template, scope_of(variables, now), typed=True))}


def _ion_rows(given: Given, _now: datetime) -> Any:
    if "rows" in given:
        lines = [ion.write_value(row) for row in given["rows"]]
        return {"lines": lines, "count": len(lines)}
    return {"rows": [_marked(row) for row in ion.read_values("\n".join(given["lines"]))]}


def _ion_roundtrip(given: Given, _now: datetime) -> Any:
    [row] = ion.read_values(ion.write_value(given["row"]))
    return {"row": _marked(row)}


def _marked(value: Any) -> Any:
    """Plain JSON with dates marked by their type."""
    if isinstance(value, dict):
        return {key: _marked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_marked(each) for each in value]
    marks = {"Instant": "$instant", "date": "$localDate", "time": "$localTime", "timedelta": "$duration"}
    name = type(value).__name__
    if isinstance(value, datetime) and name != "Instant":
        if value.tzinfo is None:
            return {"$localDateTime": iso.text_of(value)}
        return {"$instant" if value.tzinfo is UTC else "$zonedDateTime": iso.text_of(value)}
    return {marks[name]: iso.text_of(value)} if name in marks else plain(value)


def _kv_key(given: Given, _now: datetime) -> Any:
    if KEY.fullmatch(given["key"]):
        return {"ok": True}
    raise Refused(f"Key {given['key']!r} must match {KEY.pattern}")


def _storage_address(given: Given, _now: datetime) -> Any:
    flow = (given["namespace"], given.get("flowId", ""))
    match given["of"]:
        case "execution":
            parts = execution_parts(*flow, given["executionId"])
        case "task":
            parts = task_run_parts(*flow, given["executionId"], given["taskId"], given["taskRunId"])
        case other:
            raise Unsupported(f"where the {other} lie")
    address = address_of(parts)
    return {"address": address if given.get("scheme") else address.removeprefix("kestra:")}


def _plugin_defaults(given: Given, _now: datetime) -> Any:
    aliases = given.get("aliases") or {}
    if flow := given.get("flow"):
        defaults = _defaults(given["defaults"], aliases)
        return {"flow": {**flow, "tasks": [_with(task, defaults) for task in flow["tasks"]]}}
    of_flow, of_server = (_defaults(given.get(f"{who}_defaults") or (), aliases) for who in ("flow", "global"))
    name = "task" if "task" in given else "trigger"
    defaults = [*of_server, *of_flow]
    return {name: {**(given.get("type_defaults") or {}), **_with(given[name], defaults)}}


def _defaults(raw: Iterable[Mapping[str, Any]], aliases: Mapping[str, str]) -> list[PluginDefault]:
    return [
        PluginDefault(
            type=aliases.get(each["type"], each["type"]), values=each["values"], forced=each.get("forced", False)
        )
        for each in raw
    ]


def _with(task: Mapping[str, Any], defaults: list[PluginDefault]) -> dict[str, Any]:
    entry = TypeEntry(name=task["type"], role=Role.TASK, model=Spec)
    keys = frozenset(key for default in defaults for key in default.values)
    return dict(completed(task, entry, keys, defaults))


KINDS: dict[str, Callable[[Given, datetime], Any]] = {
    "slugify": partial(_filtered, "slugify"),
    "typed_render": _typed_render,
    "ion_rows": _ion_rows,
    "ion_roundtrip": _ion_roundtrip,
    "kv_key": _kv_key,
    "storage_address": _storage_address,
    "plugin_defaults": _plugin_defaults,
}
