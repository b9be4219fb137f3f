"""Values of keys: their kinds, what a text becomes, which keys and namespaces there are."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from segue.spec.key_values import (
    KEY_RULE,
    KeyRefused,
    NotOfKind,
    check_reachable,
    checked_key,
    converted,
    literal,
    told_apart,
)

BY_ITSELF = {
    "text": ("hello", "STRING", "hello"),
    "empty text": ("", "STRING", ""),
    "a text that reads as a duration": ("PT5S", "DURATION", "PT5S"),
    "a text that reads as a date": ("2021-09-01", "STRING", "2021-09-01"),
    "true": (True, "BOOLEAN", True),
    "integer": (1, "NUMBER", 1),
    "float": (1.0, "NUMBER", 1.0),
    "decimal": (Decimal("1.0"), "NUMBER", 1.0),
    "date": (date(2021, 9, 1), "DATE", "2021-09-01"),
    "date-time": (datetime(2021, 9, 1, 1, 2, 3, tzinfo=UTC), "DATETIME", "2021-09-01T01:02:03Z"),
    "duration": (timedelta(seconds=5), "DURATION", "PT5S"),
    "map": ({"a": 1}, "JSON", {"a": 1}),
    "list": ([1], "JSON", [1]),
    "nothing": (None, "JSON", None),
}


@pytest.mark.parametrize(("value", "kind", "stored"), BY_ITSELF.values(), ids=BY_ITSELF.keys())
def test_a_value_tells_its_kind(value: Any, kind: str, stored: Any) -> None:
    assert told_apart(value) == (kind, stored)


CONVERTED = {
    "number": ("123.45", "NUMBER", 123.45),
    "integer": (" 7 ", "NUMBER", 7),
    "boolean": ("True", "BOOLEAN", True),
    "date-time": ("2023-05-02T01:02:03Z", "DATETIME", "2023-05-02T01:02:03Z"),
    "date-time with an offset": ("2023-05-02T01:02:03+02:00", "DATETIME", "2023-05-01T23:02:03Z"),
    "date": ("2023-05-02", "DATE", "2023-05-02"),
    "duration": ("P1DT5S", "DURATION", "PT24H5S"),
    "JSON": ('[{"a": 1}]', "JSON", [{"a": 1}]),
    "a map stays one": ({"a": 1}, "JSON", {"a": 1}),
    "a number as text": (5, "STRING", "5"),
    "a map as text": ({"a": 1}, "STRING", '{"a": 1}'),
}


@pytest.mark.parametrize(("value", "kind", "stored"), CONVERTED.values(), ids=CONVERTED.keys())
def test_a_value_becomes_one_of_the_kind_asked_for(value: Any, kind: str, stored: Any) -> None:
    assert converted(value, kind) == stored


NOT_OF_KIND = [
    ("many", "NUMBER"),
    ("NaN", "NUMBER"),
    ("true", "NUMBER"),
    ("yes", "BOOLEAN"),
    ("2023-05-02", "DATETIME"),
    ("2023-05-02T01:02:03", "DATETIME"),
    ("2023-13-02", "DATE"),
    ("5 seconds", "DURATION"),
    ("{", "JSON"),
]


@pytest.mark.parametrize(("value", "kind"), NOT_OF_KIND, ids=[f"{value}-{kind}" for value, kind in NOT_OF_KIND])
def test_a_text_that_is_not_of_the_kind_is_refused(value: str, kind: str) -> None:
    with pytest.raises(NotOfKind, match=f"Invalid value for the type {kind}"):
        converted(value, kind)


LITERALS = {
    "JSON text": ('"hello"', "STRING", "hello"),
    "bare text": ("hello", "STRING", "hello"),
    "number": ("1.0", "NUMBER", 1.0),
    "bare date": ("2021-09-01", "DATE", "2021-09-01"),
    "quoted date": ('"2021-09-01"', "STRING", "2021-09-01"),
    "bare date-time": ("2021-09-01T01:02:03Z", "DATETIME", "2021-09-01T01:02:03Z"),
    "bare duration": ("PT5S", "DURATION", "PT5S"),
    "quoted duration": ('"PT5S"', "DURATION", "PT5S"),
    "list": ("[1]", "JSON", [1]),
}


@pytest.mark.parametrize(("text", "kind", "stored"), LITERALS.values(), ids=LITERALS.keys())
def test_what_was_sent_as_text_is_read_as_a_literal(text: str, kind: str, stored: Any) -> None:
    assert literal(text) == (kind, stored)


@pytest.mark.parametrize("key", ["a", "AN_UPPER.CASE-key", "9"])
def test_legal_keys(key: str) -> None:
    assert checked_key(key) == key


@pytest.mark.parametrize("key", ["", "a/b", ".a", ":state:x", "a b", "ü"])
def test_other_keys_are_refused_in_kestras_words(key: str) -> None:
    with pytest.raises(KeyRefused) as refused:
        checked_key(key)
    assert str(refused.value) == KEY_RULE


REACHABLE = {
    "own": ("a.b", "a.b", []),
    "above": ("a", "a.b", []),
    "it has flows": ("c", "a.b", ["c"]),
    "one below it has flows": ("c", "a.b", ["c.d"]),
}


@pytest.mark.parametrize(("namespace", "own", "existing"), REACHABLE.values(), ids=REACHABLE.keys())
def test_namespaces_that_can_be_reached(namespace: str, own: str, existing: list[str]) -> None:
    check_reachable(namespace, own=own, existing=existing)


@pytest.mark.parametrize("namespace", ["a.b.c", "b", "ab"], ids=["below", "unknown", "begins alike"])
def test_namespaces_that_do_not_exist_cannot_be_reached(namespace: str) -> None:
    with pytest.raises(KeyRefused, match=f"The namespace '{namespace}' does not exist"):
        check_reachable(namespace, own="a.b", existing=["x"])
