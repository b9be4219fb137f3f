"""Plugin defaults: values for every object whose type is, or lies below, a given one. Applied to the raw mapping, before
it is validated, so that defaults may give what is mandatory."""

from collections.abc import Iterable, Mapping
from typing import Any

from segue.model.flow import PluginDefault
from segue.spec.catalogue import PREFIX, Catalogue, TypeEntry

# Two spellings of one key; where an object has the one, a default for the other must stay away.
_SYNONYMS: Mapping[str, str] = {"runIf": "when", "when": "runIf", "pauseDuration": "delay", "delay": "pauseDuration"}


def defaults_written(given: object, catalogue: Catalogue) -> tuple[PluginDefault, ...]:
    """The defaults of a flow as its author wrote them, the usable ones; what is wrong with others is told elsewhere."""
    entries = given if isinstance(given, list) else []
    return tuple(
        PluginDefault(type=canonical(each["type"], catalogue), values=each["values"], forced=each.get("forced") is True)
        for each in entries
        if isinstance(each, dict) and isinstance(each.get("type"), str) and isinstance(each.get("values"), dict)
    )


def canonical(name: str, catalogue: Catalogue) -> str:
    """The full name of a type or of the beginning of types."""
    entry = catalogue.resolve(name)
    if entry is not None:
        return entry.name
    return PREFIX + name if name.startswith(("core.", "scripts.")) or name in ("core", "scripts") else name


def completed(
    raw: Mapping[str, Any],
    entry: TypeEntry,
    keys: frozenset[str],
    defaults: Iterable[PluginDefault],
) -> Mapping[str, Any]:
    """The object with its defaults. Later defaults win over earlier ones (their lists are joined), the object over them,
    forced ones over all.

    A default for a whole package may name keys that only some of its types have; the others (not in `keys`) go
    without.
    """
    weak: dict[str, Any] = {}
    forced: dict[str, Any] = {}
    for default in defaults:
        if not (entry.name == default.type or entry.name.startswith(default.type + ".")):
            continue
        target = forced if default.forced else weak
        for key, value in default.values.items():
            if key in keys and (default.forced or _SYNONYMS.get(key) not in raw):
                target[key] = _joined(target.get(key), value)
    if not weak and not forced:
        return raw
    result = merged(weak, {key: value for key, value in raw.items() if value is not None or key not in weak})
    for key, value in forced.items():
        result.pop(_SYNONYMS.get(key, ""), None)
        _put(result, key, value)
    return result


def _joined(earlier: Any, later: Any) -> Any:
    """Two defaults for one key: lists are joined, maps go into each other, else the later one counts."""
    if isinstance(earlier, list) and isinstance(later, list):
        return [*earlier, *(value for value in later if value not in earlier)]
    if isinstance(earlier, dict) and isinstance(later, dict):
        return {**earlier, **{key: _joined(earlier.get(key), value) for key, value in later.items()}}
    return later


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    known = target.get(key)
    target[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value


def merged(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Both maps in one: `high` wins, maps go into each other, lists replace."""
    result = dict(low)
    for key, value in high.items():
        _put(result, key, value)
    return result
