"""Properties of tasks, rendered and read as their types: what the models of task types do with them."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError
from segue.expression import ion, iso
from segue.expression.evaluation import Scope
from segue.expression.template import render_value
from segue.expression.values import plain
from segue.model.order import LogLevel
from segue.spec.duration import NotADuration, parse_duration

from tests.conformance.reading import Refused, Unsupported

_ENUMS: Mapping[str, type[StrEnum]] = {"Level": LogLevel}
_SCALARS: Mapping[str, Any] = {
    "integer": int,
    "int": int,
    "long": int,
    "double": float,
    "float": float,
    "boolean": bool,
}


def read(as_: str, template: Any, scope: Scope) -> Any:
    """The value of a property of the type that `as_` names."""
    kind, _, of = as_.partition("<")
    match kind:
        case "list":
            return [_scalar(of.rstrip(">"), each) for each in _collection(template, scope, list)]
        case "map":
            of_values = of.rstrip(">").partition(",")[2].strip()
            return {key: _scalar(of_values, each) for key, each in _collection(template, scope, dict).items()}
        case _ if as_.startswith("data "):
            return _items(as_.removeprefix("data "), template, scope)
        case _:
            return None if template is None else _scalar(as_, render_value(template, scope))


def _scalar(kind: str, value: Any) -> Any:
    try:
        match kind.split():
            case ["string" | "object"]:
                return value
            case ["duration"]:
                return {"$duration": iso.text_of(parse_duration(str(value)))}
            case ["enum", name] if name in _ENUMS:
                return _ENUMS[name](str(value).strip().upper()).value
            case ["enum", _]:
                return value
            case [name] if name in _SCALARS:
                return TypeAdapter(_SCALARS[name]).validate_python(value)
            case _:
                raise Unsupported(f"a property of type {kind}")
    except (ValidationError, NotADuration, ValueError) as error:
        raise Refused(str(error)) from error


def _collection(template: Any, scope: Scope, kind: type) -> Any:
    """A list or map; a text is JSON once it is rendered."""
    if template is None:
        return kind()
    rendered = plain(render_value(template, scope, typed=True))
    if isinstance(rendered, str):
        try:
            rendered = json.loads(rendered)
        except ValueError as error:
            raise Refused(f"{rendered!r} is no JSON: {error}") from error
    if not isinstance(rendered, kind):
        raise Refused(f"expected a {kind.__name__}, found {rendered!r}")
    return rendered


def _items(source: str, template: Any, scope: Scope) -> list[Any]:
    match source:
        case _ if template is None:
            return []
        case "fromMap":
            return [_collection(template, scope, dict)]
        case "fromList":
            return list(_collection(template, scope, list))
        case "fromURI":
            text = scope.outside.read(render_value(template, scope), None, None)
            return [plain(row) for row in ion.read_values(text)]
        case _:
            raise Unsupported(f"data {source}")
