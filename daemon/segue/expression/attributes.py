"""`a.b`, `a[b]` and `a.b()`: keys of maps, places in lists, and the few properties and methods of values that Java's would have.

Nothing here reaches a Python attribute: what can be asked for is in the tables below.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from segue.expression import iso
from segue.expression.budget import Meter
from segue.expression.errors import ExpressionError, NotFound
from segue.expression.values import class_name, equal, key_text, to_text

_MISSING = object()


def _entries(entries: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in entries.items()]


_MONTHS = (
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
)
_WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_PROPERTIES: dict[type, dict[str, Callable[[Any], Any]]] = {
    str: {"length": len, "empty": lambda text: not text, "blank": lambda text: not text.strip()},
    list: {
        "size": len,
        "empty": lambda items: not items,
        "first": lambda items: items[0] if items else None,
        "last": lambda items: items[-1] if items else None,
    },
    dict: {
        "size": len,
        "empty": lambda entries: not entries,
        "keySet": list,
        "values": lambda entries: list(entries.values()),
        "entrySet": _entries,
    },
    datetime: {
        "hour": lambda moment: moment.hour,
        "minute": lambda moment: moment.minute,
        "second": lambda moment: moment.second,
        "nano": lambda moment: moment.microsecond * 1000,
    },
    time: {
        "hour": lambda moment: moment.hour,
        "minute": lambda moment: moment.minute,
        "second": lambda moment: moment.second,
        "nano": lambda moment: moment.microsecond * 1000,
    },
    date: {
        "year": lambda day: day.year,
        "monthValue": lambda day: day.month,
        "month": lambda day: _MONTHS[day.month - 1],
        "dayOfMonth": lambda day: day.day,
        "dayOfYear": lambda day: day.timetuple().tm_yday,
        "dayOfWeek": lambda day: _WEEKDAYS[day.weekday()],
    },
}


def attribute(target: Any, key: Any, owner: str | None) -> Any:
    """The value at a key or place, or a property. `owner` is the variable's name where the target is one: it is named if null."""
    if isinstance(target, dict):
        if isinstance(key, str) and key in target:
            return target[key]
        return _by_text(target, key)
    if isinstance(target, list) and (place := _place(key)) is not None:
        if 0 <= place < len(target):
            return target[place]
        raise NotFound(str(key))
    if target is None:
        raise NotFound(owner if owner is not None else _name(key))
    return _property(target, key)


def _by_text(target: dict[Any, Any], key: Any) -> Any:
    """A key that is not text is looked up by its text; then the properties of a map have their turn."""
    if not isinstance(key, str | dict | list) and (text := key_text(key)) in target:
        return target[text]
    return _property(target, key)


def _place(key: Any) -> int | None:
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    return int(key) if isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) < 19 else None


def _property(target: Any, key: Any) -> Any:
    if isinstance(key, str):
        read = _lookup(_PROPERTIES, target, key)
        if read is not None:
            return read(target)
    raise NotFound(_name(key))


def _lookup(table: dict[type, dict[str, Callable[..., Any]]], target: Any, name: str) -> Callable[..., Any] | None:
    for kind, entries in table.items():
        if isinstance(target, kind) and name in entries:
            return entries[name]
    return None


def _name(key: Any) -> str:
    return key[:80] if isinstance(key, str) else "[…]" if isinstance(key, dict | list) else key_text(key)


# Methods


def _index_of(target: Any, item: Any, meter: Meter) -> int:
    if isinstance(target, str):
        return target.find(to_text(item, meter))
    return next((place for place, other in enumerate(target) if equal(other, item, meter)), -1)


def _contains(target: Any, item: Any, meter: Meter) -> bool:
    return _index_of(target, item, meter) >= 0


def _substring(text: str, start: Any, end: Any, _meter: Meter) -> str:
    last = len(text) if end is _MISSING else end
    if not (isinstance(start, int) and isinstance(last, int) and 0 <= start <= last <= len(text)):
        raise ExpressionError(f"begin {start}, end {last}, length {len(text)}")
    return text[start:last]


def _replace(text: str, old: Any, new: Any, meter: Meter) -> str:
    old_text, new_text = to_text(old, meter), to_text(new, meter)
    meter.join(len(text) + text.count(old_text) * len(new_text))
    return text.replace(old_text, new_text)


# name -> (least arguments, most arguments, function of target, arguments, meter)
_METHODS: dict[type, dict[str, tuple[int, int, Callable[..., Any]]]] = {
    str: {
        "length": (0, 0, lambda text, _: len(text)),
        "isEmpty": (0, 0, lambda text, _: not text),
        "isBlank": (0, 0, lambda text, _: not text.strip()),
        "trim": (0, 0, lambda text, _: text.strip()),
        "strip": (0, 0, lambda text, _: text.strip()),
        "toLowerCase": (0, 0, lambda text, _: text.lower()),
        "toUpperCase": (0, 0, lambda text, _: text.upper()),
        "startsWith": (1, 1, lambda text, prefix, meter: text.startswith(to_text(prefix, meter))),
        "endsWith": (1, 1, lambda text, suffix, meter: text.endswith(to_text(suffix, meter))),
        "contains": (1, 1, _contains),
        "indexOf": (1, 1, _index_of),
        "substring": (
            1,
            2,
            lambda text, start, *rest: _substring(text, start, rest[0] if len(rest) > 1 else _MISSING, rest[-1]),
        ),
        "replace": (2, 2, _replace),
        "equals": (1, 1, equal),
        "toString": (0, 0, lambda text, _: text),
    },
    list: {
        "size": (0, 0, lambda items, _: len(items)),
        "isEmpty": (0, 0, lambda items, _: not items),
        "get": (1, 1, lambda items, place, _: attribute(items, place, None)),
        "contains": (1, 1, _contains),
        "indexOf": (1, 1, _index_of),
        "toString": (0, 0, to_text),
        "equals": (1, 1, equal),
    },
    dict: {
        "size": (0, 0, lambda entries, _: len(entries)),
        "isEmpty": (0, 0, lambda entries, _: not entries),
        "get": (1, 1, lambda entries, key, _: entries.get(key_text(key))),
        "getOrDefault": (2, 2, lambda entries, key, other, _: entries.get(key_text(key), other)),
        "containsKey": (1, 1, lambda entries, key, _: key_text(key) in entries),
        "containsValue": (1, 1, lambda entries, value, meter: _contains(list(entries.values()), value, meter)),
        "keySet": (0, 0, lambda entries, _: list(entries)),
        "values": (0, 0, lambda entries, _: list(entries.values())),
        "entrySet": (0, 0, lambda entries, _: _entries(entries)),
        "toString": (0, 0, to_text),
        "equals": (1, 1, equal),
    },
    date: {
        "getYear": (0, 0, lambda day, _: day.year),
        "getMonthValue": (0, 0, lambda day, _: day.month),
        "getDayOfMonth": (0, 0, lambda day, _: day.day),
        "toString": (0, 0, lambda day, _: iso.text_of(day)),
    },
}


def method(target: Any, name: str, arguments: list[Any], meter: Meter) -> Any:
    """`target.name(arguments)`, for the methods in the table."""
    if target is None:
        raise NotFound(name)
    meter.read(target) if isinstance(target, str) else meter.step(
        1 + (len(target) >> 4 if isinstance(target, list) else 0)
    )
    found = next((table[name] for kind, table in _METHODS.items() if isinstance(target, kind) and name in table), None)
    if found is None:
        raise NotFound(name)
    least, most, call = found
    if not least <= len(arguments) <= most:
        raise ExpressionError(
            f"The method {name} of {class_name(target)} takes {_arity(least, most)} arguments, not {len(arguments)}"
        )
    return call(target, *arguments, meter)


def _arity(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
