"""How values print, what leaves the package, and what is an error where."""

# ruff: noqa: DTZ001 - local date-times are values too

import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from segue.expression.budget import Budget, Meter
from segue.expression.errors import ExpressionError, NotFound
from segue.expression.template import Dialect, compile_template, concatenated, plain, render_value, truthy
from segue.expression.values import BigInteger, Float32, Instant

from tests.unit.expression.rendering import render, scope, typed

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("given", "printed", "in_json"),
    [
        (None, "", "null"),
        (True, "true", "true"),
        (12, "12", "12"),
        (BigInteger(1 << 80), "1208925819614629174706176", "1208925819614629174706176"),
        (1.0, "1.0", "1.0"),
        (0.1, "0.1", "0.1"),
        (100.0, "100.0", "100.0"),
        (1234567.0, "1234567.0", "1234567.0"),
        (1e7, "1.0E7", "1.0E7"),
        (1e10, "1.0E10", "1.0E10"),
        (1.5e-3, "0.0015", "0.0015"),
        (1.25e-5, "1.25E-5", "1.25E-5"),
        (-0.0, "-0.0", "-0.0"),
        (float("inf"), "Infinity", '"Infinity"'),
        (float("nan"), "NaN", '"NaN"'),
        (Float32(1.123), "1.123", "1.123"),
        (Float32(16777216), "1.6777216E7", "1.6777216E7"),
        (Decimal("1.50"), "1.50", "1.50"),
        ('é\n"', 'é\n"', '"é\\n\\""'),
        ([1, "a", None, 1.0], '[1,"a",null,1.0]', '[1,"a",null,1.0]'),
        ({"a": {"b": []}, "c": {}}, '{"a":{"b":[]},"c":{}}', '{"a":{"b":[]},"c":{}}'),
        (
            datetime(2013, 9, 8, 16, 19, tzinfo=timezone(timedelta(hours=2))),
            "2013-09-08T16:19+02:00",
            '"2013-09-08T16:19:00+02:00"',
        ),
        (
            datetime(2013, 9, 8, 16, 19, 1, 500000, tzinfo=PARIS),
            "2013-09-08T16:19:01.500+02:00[Europe/Paris]",
            '"2013-09-08T16:19:01.5+02:00"',
        ),
        (Instant(2013, 9, 8, 16, 19, tzinfo=UTC), "2013-09-08T16:19:00Z", '"2013-09-08T16:19:00Z"'),
        (datetime(2013, 9, 8, 16, 19), "2013-09-08T16:19", '"2013-09-08T16:19:00"'),
        (date(2013, 9, 8), "2013-09-08", '"2013-09-08"'),
        (time(16, 19, 1), "16:19:01", '"16:19:01"'),
        (timedelta(hours=25, seconds=1, milliseconds=500), "PT25H1.5S", '"PT25H1.5S"'),
        (timedelta(0), "PT0S", '"PT0S"'),
        (-timedelta(minutes=90), "PT-1H-30M", '"PT-1H-30M"'),
    ],
    ids=str,
)
def test_a_value_prints(given, printed, in_json):
    assert render("{{ x }}", x=given) == printed
    assert render("{{ x | toJson }}", x=given) == in_json


def test_plain_leaves_only_what_json_knows():
    given = {"i": Instant(2024, 1, 1, tzinfo=UTC), "d": [Decimal("1.5"), Float32(1.1)], "b": BigInteger(3)}
    result = plain(given)
    assert result == {"i": "2024-01-01T00:00:00Z", "d": [1.5, 1.1], "b": 3}
    assert [type(item) for item in result["d"]] == [float, float]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ [1, 2] }}", [1, 2]),
        ("{{ 12 }}", 12),
        ("{{ null }}", None),
        ("{{ '12' }}", "12"),
        ("plain", "plain"),
        ("a {{ 1 }}", "a 1"),
        (" {{ 1 }}", " 1"),
        ("{{ 1 }}{{ 2 }}", 3),
        ("{{ 'a' }}{{ 'b' }}", "ab"),
        ("{{ 'a' }}{{ 1 }}", "a1"),
        ("{{ null }}{{ [1] }}", [1]),
        ("a {{ [1] }}", "a [1]"),
        ("{% if true %}{{ 1 }}{% endif %}", "1"),
    ],
)
def test_typed_rendering_keeps_the_value_of_a_lone_expression(template, expected):
    result = typed(template)
    assert result == expected
    assert type(result) is type(expected)


def test_numbers_side_by_side_add_up_only_in_the_first_dialect():
    meter = Meter(Budget())
    assert concatenated([1.0, 2.0, 3.0], Dialect.V1, meter) == 6.0
    assert concatenated([1, 2], Dialect.V2, meter) == "12"
    with pytest.raises(ExpressionError, match=r"Tried to add java\.lang\.String to java\.lang\.Integer"):
        concatenated([1, "a"], Dialect.V1, meter)
    with pytest.raises(ExpressionError, match="Cannot concat"):
        concatenated(["a", [1]], Dialect.V1, meter)


def test_a_value_is_rendered_through_maps_and_lists():
    given = {"{{ k }}": ["{{ n }}", {"x": "{{ n }}!"}, 5, None, True], "plain": "text"}
    where = scope(k="key", n=7)
    assert render_value(given, where) == {"key": ["7", {"x": "7!"}, 5, None, True], "plain": "text"}
    assert render_value(given, where, typed=True) == {"key": [7, {"x": "7!"}, 5, None, True], "plain": "text"}


def test_results_are_not_rendered_again_unless_the_setting_says_so():
    where = {"third": "{{ second }}", "second": "{{ first }}", "first": "1"}
    assert render("{{ third }}", **where) == "{{ second }}"
    assert compile_template("{{ third }}").render(scope(recursive=True, **where)) == "1"


@pytest.mark.parametrize(
    ("rendered", "truth"),
    [
        (None, False),
        ("", False),
        ("false", False),
        ("0", False),
        ("-0", False),
        ("true", True),
        ("no", True),
        (" false", True),
        ("false\n", True),
        (" ", True),
        ("False", True),
        ("0.0", True),
        ("[]", True),
    ],
)
def test_truth_of_a_rendered_condition(rendered, truth):
    assert truthy(rendered) is truth


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("missing", "missing"),
        ("missing.a.b", "missing"),
        ("a.b", "b"),
        ("a['b c']", "b c"),
        ("list[9]", "9"),
        ("nothing.attribute", "nothing"),
        ("a.nothing.attribute", "attribute"),
    ],
)
def test_what_is_not_there_is_named_in_kestras_words(expression, name):
    template = "first line\n{{ " + expression + " }}"
    with pytest.raises(NotFound) as caught:
        render(template, a={"nothing": None}, list=[1], nothing=None)
    assert caught.value.message == f"Unable to find `{name}` used in the expression `{template}` at line 2"
    assert str(caught.value) == caught.value.message


def test_an_error_says_where_and_survives_a_pipe():
    with pytest.raises(ExpressionError) as caught:
        render("a\n  {{ 1 / 0 }}")
    error = caught.value
    assert (error.line, error.column) == (2, 8)
    assert str(error) == "Could not perform division: / by zero (`a\n  {{ 1 / 0 }}` at line 2, column 8)"
    for raised in (error, NotFound("x", 1, 2).within("{{ x }}")):
        copy = pickle.loads(pickle.dumps(raised))
        assert (type(copy), str(copy), copy.line, copy.expression) == (
            type(raised),
            str(raised),
            raised.line,
            raised.expression,
        )
