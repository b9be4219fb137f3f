"""Questions about what is smaller than a flow: Ion, plugin defaults, keys, addresses, typed rendering."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from segue.engine.scope import nested
from segue.expression import ion, iso
from segue.expression.errors import ExpressionError
from segue.expression.template import render_value
from segue.expression.values import plain
from segue.model.flow import PluginDefault
from segue.model.order import Metric, Order
from segue.spec.catalogue import TypeEntry
from segue.spec.fields import Spec
from segue.spec.nested import Role
from segue.spec.plugin_defaults import completed, merged
from segue.storage import address as addresses
from segue.tasks.globs import matcher, with_syntax
from segue.tasks.kind import TaskFailed
from segue.tasks.metrics import added_up
from segue.tasks.storage.files import extension_of
from segue.tasks.targets import target_of

from tests.conformance import agreements, keys, lines, repository_files, task_files
from tests.conformance.reading import Refused, Unsupported, present, scope_of, value_of

Given = dict[str, Any]
_WITHOUT_ROOT = frozenset({"namespace files", "cache"})  # told as paths in the storage, not as addresses


def answer(question: dict[str, Any]) -> dict[str, Any]:
    answerer = KINDS.get(question["kind"])
    if answerer is None:
        raise Unsupported(f"misc of kind {question['kind']}")
    now = present(question)
    try:
        return {"value": answerer(value_of(question["given"], now), now)}
    except keys.NoSuchKey as missing:
        return {"error": str(missing), "http_status": 404}
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


def _file_extension(given: Given, _now: datetime) -> Any:
    return {"extension": None if given["path"] is None else extension_of(given["path"])}


def _glob_pattern(given: Given, _now: datetime) -> Any:
    return {"patterns": [with_syntax(pattern, given.get("base")) for pattern in given["patterns"]]}


def _glob_match(given: Given, _now: datetime) -> Any:
    is_meant = matcher(given.get("patterns") or given.get("includes") or ["**"])
    is_left_out = matcher(given.get("excludes") or [])
    return {"matched": [path for path in given["paths"] if is_meant(path) and not is_left_out(path)]}


def _metrics(given: Given, _now: datetime) -> Any:
    """Given are type, name, value and tags; a timer's value is a duration."""
    published = [
        Metric(name=name, kind=kind, value=_figure(value), tags=dict(*tags))
        for kind, name, value, *tags in given["metrics"]
    ]
    return {
        "metrics": [
            [
                each.name,
                iso.duration_text(timedelta(seconds=each.value)) if each.kind == "timer" else each.value,
                dict(each.tags),
            ]
            for each in added_up(published)
        ]
    }


def _figure(value: Any) -> float:
    span = iso.read_duration(value) if isinstance(value, str) else None
    return float(value) if span is None else span.total_seconds()


def _execution_parameters(given: Given, _now: datetime) -> Any:
    flow, execution = given["variables"]["flow"], given["variables"]["execution"]
    order = Order(
        id="order",
        execution_id=execution["id"],
        namespace=flow["namespace"],
        flow_id=flow["id"],
        revision=flow.get("revision", 1),
        commit="",
        task_run_id=None,
        task_id="",
        task_type="",
        attempt=1,
    )
    try:
        target = target_of(order, given.get("namespace"), given.get("flowId"), given.get("executionId"))
    except TaskFailed as failed:
        raise Refused(failed.message) from failed
    return {"namespace": target.namespace, "flowId": target.flow_id, "id": target.execution_id}


def _storage_address(given: Given, _now: datetime) -> Any:
    address = addresses.address_of(_folder(given))
    if given["of"] in _WITHOUT_ROOT and not given.get("scheme"):
        return {"address": address.removeprefix(addresses.PREFIX)}
    return {"address": address if given.get("scheme") else address.removeprefix("kestra:")}


def _folder(given: Given) -> tuple[str, ...]:
    namespace, flow, execution = given["namespace"], given.get("flowId", ""), given.get("executionId", "")
    match given["of"]:
        case "flow":
            return addresses.flow_parts(namespace, flow)
        case "execution":
            return addresses.execution_parts(namespace, flow, execution)
        case "task" | "task run":
            return addresses.task_run_parts(namespace, flow, execution, given["taskId"], given["taskRunId"])
        case "trigger":
            return addresses.trigger_parts(namespace, flow, execution, given["triggerId"])
        case "namespace files":
            return addresses.namespace_files_parts(namespace)
        case "cache":
            return addresses.cache_parts(namespace, flow, given["taskId"], given.get("value"))
        case other:
            raise Unsupported(f"where the {other} lie")


def _flatten(given: Given, _now: datetime) -> Any:
    return {"map": nested(given["map"])}


def _merge(given: Given, _now: datetime) -> Any:
    return merged(given["a"], given["b"])


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
    entry = TypeEntry(name=task["type"], role=Role.TASK, load=lambda: Spec)
    keys = frozenset(key for default in defaults for key in default.values)
    return dict(completed(task, entry, keys, defaults))


KINDS: dict[str, Callable[[Given, datetime], Any]] = {
    "slugify": partial(_filtered, "slugify"),
    "typed_render": _typed_render,
    "ion_rows": _ion_rows,
    "ion_roundtrip": _ion_roundtrip,
    "file_extension": _file_extension,
    "glob_pattern": _glob_pattern,
    "glob_match": _glob_match,
    "metrics": _metrics,
    "execution_parameters": _execution_parameters,
    **keys.KINDS,
    **task_files.KINDS,
    **repository_files.KINDS,
    **lines.KINDS,
    **agreements.KINDS,
    "flatten": _flatten,
    "merge": _merge,
    "storage_address": _storage_address,
    "plugin_defaults": _plugin_defaults,
}
