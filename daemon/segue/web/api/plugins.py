"""What flows can be made of: types of tasks, triggers, conditions and runners, inputs, and the schemas of all of these."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.spec.catalogue import Catalogue, TypeEntry
from segue.spec.inputs import TYPES as INPUTS
from segue.spec.nested import Role
from segue.spec.schema import definition_of, flow_schema
from segue.web import asks
from segue.web.answers import as_json, found
from segue.web.context import Web

# Kestra's words for the kinds of types, in its lists of plugins.
_KINDS: Final[Mapping[Role, str]] = {
    Role.TASK: "tasks",
    Role.FLOWABLE: "tasks",
    Role.TRIGGER: "triggers",
    Role.CONDITION: "conditions",
    Role.RUNNER: "taskRunners",
}
# What `/plugins/schemas/{type}` can be asked for beside `flow`.
_PARTS: Final[Mapping[str, Role]] = {
    "task": Role.TASK,
    "trigger": Role.TRIGGER,
    "condition": Role.CONDITION,
    "taskrunner": Role.RUNNER,
}
# The schema is the same while the catalogue is, and takes a tenth of a second.
schema_of: Final = lru_cache(maxsize=2)(flow_schema)


async def search(web: Web, request: Request) -> Response:
    """By group: the part of a type's name before its own."""
    groups: dict[str, dict[str, Any]] = {}
    for entry in sorted(web.daemon.catalogue(), key=lambda each: each.name):
        name = entry.name.rpartition(".")[0]
        group = groups.setdefault(
            name, {"name": name, "title": name, "group": name, **{kind: [] for kind in _KINDS.values()}}
        )
        group[_KINDS[entry.role]].append({"cls": entry.name, "deprecated": False, "available": entry.available})
    query = request.query_params
    shown = asks.page_of(query, list(groups.values()), size=max(1, len(groups)))
    return as_json({"results": shown, "total": len(groups)})


async def read(web: Web, request: Request) -> Response:
    """One type, in any of its spellings: what it does, and its properties as JSON Schema."""
    catalogue, name = web.daemon.catalogue(), request.path_params["cls"]
    entry = found(catalogue.resolve(name), f"type {name}")
    schema = await web.read(schema_of, catalogue)
    definition = definition_of(schema, entry)
    properties = {
        "properties": definition.get("properties", {}),
        "required": definition.get("required", []),
        "title": entry.name,
        "description": definition.get("description", ""),
    }
    return as_json(
        {
            "markdown": _markdown(entry, definition),
            "schema": {"properties": properties, "outputs": {}, "definitions": schema["definitions"]},
        }
    )


def _markdown(entry: TypeEntry, definition: Mapping[str, Any]) -> str:
    notes = [f"# {entry.name.rpartition('.')[2]}", definition.get("description", ""), f"`type: {entry.name}`"]
    if not entry.available:
        notes.append("This type is known but cannot run here.")
    return "\n\n".join(note for note in notes if note)


async def schema(web: Web, request: Request) -> Response:
    """Of a flow, or of a task, trigger, condition or task runner anywhere in one; `?arrayOf=true` a list of these."""
    name = request.path_params["type"].lower()
    whole = await web.read(schema_of, web.daemon.catalogue())
    if name == "flow":
        part: dict[str, Any] = whole
    else:
        role = found(_PARTS.get(name), f"schema of `{name}`")
        reference = {"$ref": f"#/definitions/{role}"}
        part = {"$schema": whole["$schema"], **reference, "definitions": whole["definitions"]}
    if asks.flag(request.query_params, "arrayOf"):
        items = {key: value for key, value in part.items() if key not in {"definitions", "$schema"}}
        part = {"$schema": whole["$schema"], "type": "array", "items": items, "definitions": whole["definitions"]}
    return as_json(part)


async def flow(web: Web, _: Request) -> Response:
    """For editors."""
    return as_json(await web.read(schema_of, web.daemon.catalogue()))


async def inputs(_: Web, __: Request) -> Response:
    return as_json([{"type": name, "cls": model.__name__} for name, model in sorted(INPUTS.items())])


async def input_type(web: Web, request: Request) -> Response:
    name = request.path_params["type"].upper()
    found(INPUTS.get(name), f"input type {name}")
    whole = await web.read(schema_of, web.daemon.catalogue())
    return as_json({**definition_of(whole, name), "definitions": whole["definitions"]})


async def triggers(web: Web, _: Request) -> Response:
    shown = [{"cls": name} for name in _names(web.daemon.catalogue(), Role.TRIGGER)]
    return as_json({"results": shown, "total": len(shown)})


def _names(catalogue: Catalogue, role: Role) -> list[str]:
    return sorted(entry.name for entry in catalogue if entry.role is role)
