"""JSON Schema: what of the schema that its author gave a value breaks. A schema that names no draft is of 2020-12.

References lead to nothing outside the schema, and its patterns are bound in time as all of an author's are.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from segue.expression import java_regex

TOLD_MAX: Final = 5
"""So many faults are told of one value."""


def broken(schema: Any, value: Any) -> list[str]:
    """The rules that the value breaks, each with its place; or what is wrong with the schema. `ExpressionError` for a
    pattern that is none, or takes too long."""
    fault = fault_of(schema)
    if fault is not None:
        return [fault]
    errors = _validator_for(json.dumps(schema, sort_keys=True, default=str)).iter_errors(value)
    try:
        return [f"{error.message} (at `{error.json_path}`)" for error in islice(errors, TOLD_MAX)]
    except _library("referencing.exceptions").Unresolvable as error:
        return [f"the JSON schema refers to `{error.ref}`, which is not in it"]


def fault_of(schema: Any) -> str | None:
    """Why this is no schema; None: it is one."""
    if not isinstance(schema, Mapping | bool):
        return "the JSON schema has to be a map"
    library = _library("jsonschema")
    validators, exceptions = library.validators, library.exceptions
    try:
        validators.validator_for(schema, default=library.Draft202012Validator).check_schema(schema)
    except exceptions.SchemaError as error:
        return f"the JSON schema is none: {error.message} (at `{error.json_path}`)"
    return None


@lru_cache(maxsize=64)
def _validator_for(text: str) -> Any:
    schema, library = json.loads(text), _library("jsonschema")
    known = library.validators.validator_for(schema, default=library.Draft202012Validator)
    bounded = {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional}
    nowhere = _library("referencing").Registry()
    return library.validators.extend(known, bounded)(schema, registry=nowhere)


@lru_cache(maxsize=8)
def _library(name: str) -> Any:
    # Loaded by the first who has a schema: it takes longer than all else that reads inputs.
    return importlib.import_module(name)


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "string") and not java_regex.found_in(pattern, value):
        yield _library("jsonschema").ValidationError(f"{value[:100]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, by_pattern: Mapping[str, Any], value: Any, _schema: Any) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    for pattern, schema in by_pattern.items():
        for key in [key for key in value if java_regex.found_in(pattern, key)]:
            yield from validator.descend(value[key], schema, path=key, schema_path=pattern)


def _additional(validator: Any, rule: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    unknown = [
        key for key in value if key not in known and not any(java_regex.found_in(pattern, key) for pattern in patterns)
    ]
    if isinstance(rule, Mapping):
        for key in unknown:
            yield from validator.descend(value[key], rule, path=key)
    elif not rule and unknown:
        names = ", ".join(repr(key[:100]) for key in unknown)
        yield _library("jsonschema").ValidationError(f"Additional properties are not allowed: {names}")
