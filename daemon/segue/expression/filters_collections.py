"""Filters on lists and maps: ends, slices, order, joining, shape."""

from __future__ import annotations

from typing import Any

from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.signatures import FilterSignature, Given, integer_argument, text_argument
from segue.expression.values import class_name, equal, is_empty, is_number, negated, to_text


def _end(name: str, place: int) -> FilterSignature:
    def apply(value: Any, _given: Given, _evaluation: Evaluation) -> Any:
        if value is None:
            return None
        if isinstance(value, str):
            if not value:
                raise ExpressionError(f"The '{name}' filter cannot be applied to an empty string.")
            return value[place]
        if isinstance(value, list):
            return value[place] if value else None
        raise ExpressionError(
            f"The '{name}' filter expects that the input is either a collection, an array or a string, "
            f"not {class_name(value)}."
        )

    return FilterSignature(apply)


def _length(value: Any, _given: Given, _evaluation: Evaluation) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


def _slice(value: Any, given: Given, _evaluation: Evaluation) -> Any:
    if value is None:
        return None
    if not isinstance(value, str | list):
        raise ExpressionError(
            f"Slice filter can only be applied to String, List and array inputs, not {class_name(value)}."
        )
    length = len(value)
    start = integer_argument(given, "fromIndex", "The 'slice' filter", 0)
    end = integer_argument(given, "toIndex", "The 'slice' filter", length)
    if start < 0:
        raise ExpressionError("Invalid argument fromIndex; must be greater than zero")
    if end > length:
        raise ExpressionError(f"Invalid argument toIndex; {end} is larger than input size {length}")
    if start > end:
        raise ExpressionError(f"Invalid arguments; fromIndex {start} is larger than toIndex {end}")
    return value[start:end]


def _sorted(name: str, *, reverse: bool) -> FilterSignature:
    def apply(value: Any, _given: Given, evaluation: Evaluation) -> list[Any] | None:
        if value is None:
            return None
        items = _list(value, name)
        evaluation.meter.step(1 + len(items) // 4)
        if not _orderable(items):
            raise ExpressionError(f"The '{name}' filter cannot put values of different or unordered kinds in order")
        return sorted(items, reverse=reverse)

    return FilterSignature(apply)


def _orderable(items: list[Any]) -> bool:
    if all(map(is_number, items)):
        return True
    return len({type(item) for item in items}) == 1 and not isinstance(items[0], dict | list | type(None))


def _reverse(value: Any, _given: Given, _evaluation: Evaluation) -> list[Any] | None:
    return None if value is None else _list(value, "reverse")[::-1]


def _join(value: Any, given: Given, evaluation: Evaluation) -> str | None:
    if value is None:
        return None
    items = value if isinstance(value, list) else None
    if items is None:
        raise ExpressionError(
            f"The 'join' filter expects that the input is either a collection or an array, not {class_name(value)}."
        )
    separator = text_argument(given, "separator", "The 'join' filter", "")
    texts = ["null" if item is None else to_text(item, evaluation.meter) for item in items]
    evaluation.meter.join(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _merge(value: Any, given: Given, evaluation: Evaluation) -> Any:
    items = given.get("items")
    if value is None or items is None:
        if value is None and items is None:
            raise ExpressionError("The two arguments to be merged are null")
        return items if value is None else value
    if not isinstance(value, dict | list) or not isinstance(items, dict | list):
        raise ExpressionError(
            f"The 'merge' filter merges a map or a list with a map or a list, not {class_name(value)} with {class_name(items)}."
        )
    evaluation.meter.step(1 + ((len(value) + len(items)) >> 4))
    if isinstance(value, dict):
        added = items if isinstance(items, dict) else {to_text(item, evaluation.meter): item for item in items}
        return {**value, **added}
    entries = [{"key": key, "value": item} for key, item in items.items()] if isinstance(items, dict) else items
    return [*value, *entries]


def _distinct(value: Any, _given: Given, evaluation: Evaluation) -> Any:
    if value is None:
        return "null"
    if not isinstance(value, list):
        raise ExpressionError(f"Input must be a list, but received : {class_name(value)}")
    seen: set[Any] = set()
    others: list[Any] = []
    kept: list[Any] = []
    for item in value:
        if isinstance(item, dict | list):
            evaluation.meter.step(1 + len(others))
            if any(equal(item, other, evaluation.meter) for other in others):
                continue
            others.append(item)
        elif (mark := (type(item), item)) in seen:
            continue
        else:
            seen.add(mark)
        kept.append(item)
    return kept


def _flatten(value: Any, _given: Given, evaluation: Evaluation) -> list[Any] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise ExpressionError("The 'flatten' filter can only be applied to lists.")
    evaluation.meter.step(1 + (sum(len(item) for item in value if isinstance(item, list)) >> 4))
    return [part for item in value for part in (item if isinstance(item, list) else [item])]


def _keys(value: Any, _given: Given, _evaluation: Evaluation) -> list[Any] | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list):
        return list(range(len(value)))
    raise ExpressionError(
        f"'keys' filter can only be applied to List, Map, Array. Actual type was: {class_name(value)}"
    )


def _values(value: Any, _given: Given, _evaluation: Evaluation) -> list[Any] | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return list(value.values())
    raise ExpressionError(f"'values' filter can only be applied to Map. Actual type was: {class_name(value)}")


def _chunk(value: Any, given: Given, _evaluation: Evaluation) -> list[Any] | None:
    if value is None:
        return None
    if given.get("size") is None:
        raise ExpressionError("'chunk' filter expects an argument 'size'.")
    if not isinstance(value, list):
        raise ExpressionError(f"'chunk' filter can only be applied to List. Actual type was: {class_name(value)}")
    size = given["size"]
    if not is_number(size):
        raise ExpressionError(f"'chunk' filter argument 'size' must be a number. Actual type was: {class_name(size)}")
    if int(size) <= 0:
        raise ExpressionError("'chunk' filter argument 'size' must be greater than 0.")
    return [value[start : start + int(size)] for start in range(0, len(value), int(size))]


def _default(value: Any, given: Given, _evaluation: Evaluation) -> Any:
    return given.get("default") if is_empty(value) else value


def _absolute(value: Any, _given: Given, _evaluation: Evaluation) -> Any:
    if value is None:
        return None
    if not is_number(value):
        raise ExpressionError(f"The 'abs' filter takes a number, not {class_name(value)}.")
    return negated(value) if value < 0 else value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ExpressionError(f"The '{name}' filter can only be applied to a list, not {class_name(value)}.")
    return value


COLLECTION_FILTERS: dict[str, FilterSignature] = {
    "abs": FilterSignature(_absolute),
    "chunk": FilterSignature(_chunk, ("size",), required=1),
    "default": FilterSignature(_default, ("default",), required=1),
    "distinct": FilterSignature(_distinct),
    "first": _end("first", 0),
    "flatten": FilterSignature(_flatten),
    "join": FilterSignature(_join, ("separator",)),
    "keys": FilterSignature(_keys),
    "last": _end("last", -1),
    "length": FilterSignature(_length),
    "merge": FilterSignature(_merge, ("items",), required=1),
    "reverse": FilterSignature(_reverse),
    "rsort": _sorted("rsort", reverse=True),
    "slice": FilterSignature(_slice, ("fromIndex", "toIndex")),
    "sort": _sorted("sort", reverse=False),
    "values": FilterSignature(_values),
}
