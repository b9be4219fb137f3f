"""Ion as text: read and written."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from segue.expression.errors import ExpressionError
from segue.expression.ion import read_values, write_value
from segue.expression.values import BigInteger, Float32, Instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{a:1,\'b c\':"x","d":[true,null,null.string]}', [{"a": 1, "b c": "x", "d": [True, None, None]}]),
        ("1 2 3", [1, 2, 3]),
        ("-1_000 0x1F 0b101", [-1000, 31, 5]),
        ("1.5e0 1.5 2d1 +inf", [1.5, Decimal("1.5"), Decimal(20), float("inf")]),
        ("123456789012345678901", [BigInteger(123456789012345678901)]),
        ("symbol 'quoted symbol'", ["symbol", "quoted symbol"]),
        ("note::{a:x::1}", [{"a": 1}]),
        ("'''long ''' '''text'''", ["long text"]),
        (
            r'"a\n\"b\u00e9\x41\
c"',
            ['a\n"béAc'],
        ),
        ("{{ aGVsbG8= }}", ["aGVsbG8="]),
        ("// note\n1 /* two\nlines */ 2", [1, 2]),
        ("[1,2,]", [[1, 2]]),
        ("2021-09-01T10:30:00.5Z", [Instant(2021, 9, 1, 10, 30, 0, 500000, UTC)]),
        ("2021-09-01", [Instant(2021, 9, 1, tzinfo=UTC)]),
        ("", []),
    ],
)
def test_ion_is_read(text, expected):
    assert list(read_values(text)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"a": 1, "b c": [None, True]}, "{a:1,'b c':[null,true]}"),
        ({"null": 1, "it's": 2}, "{'null':1,'it\\'s':2}"),
        ('a"b\n', '"a\\"b\\n"'),
        (1.5, "1.5e0"),
        (1e10, "1.0E10"),
        (Float32(1.123), "1.1230000257492065e0"),
        (float("nan"), "nan"),
        (Decimal("1.50"), "1.50"),
        (Decimal(2), "2."),
        (Instant(2021, 9, 1, 10, 30, tzinfo=UTC), "2021-09-01T10:30:00Z"),
        (datetime(2021, 9, 1, 10, 30, tzinfo=UTC), 'ZonedDateTime::"2021-09-01T10:30:00Z"'),
        (timedelta(seconds=5), 'Duration::"PT5S"'),
    ],
    ids=str,
)
def test_ion_is_written(given, expected):
    assert write_value(given) == expected


@pytest.mark.parametrize("given", [{"a": [1, "x", None, True, {"b c": "\u00e9\x01'\"\\"}]}, "2021-09-01", 1 << 70])
def test_what_is_written_is_read_back(given):
    assert list(read_values(write_value(given))) == [given]


@pytest.mark.parametrize(
    "text", ["{", "{a}", "{a:}", "[1 2]", '"open', "(1 2)", "2021-99-01T00:00Z", "}", "a::", "1" * 2000]
)
def test_what_is_not_ion_is_an_error(text):
    with pytest.raises(ExpressionError, match="Invalid ion"):
        list(read_values(text))
