"""Operators: what each does to which values, and how tightly they bind."""

import pytest
from segue.expression.errors import ExpressionError
from segue.expression.template import Dialect

from tests.unit.expression.rendering import render, typed, value

VARIABLES = {
    "a": {"b": "c", "none": None},
    "list": [1, 2, 3],
    "map": {"k": 1, "size": "own"},
    "empty": {},
    "text": "hello",
    "null_value": None,
    "zero": 0,
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2", 3),
        ("1 + 2.5", 3.5),
        ("'a' + 1", "a1"),
        ("1 + 'a'", "1a"),
        ("'a' + null", "anull"),
        ("list + 4", [1, 2, 3, 4]),
        ("list + [4, 5]", [1, 2, 3, 4, 5]),
        ("list - 2", [1, 3]),
        ("3 - 5", -2),
        ("2 * 3.0", 6.0),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7.0 / 2", 3.5),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("9223372036854775807 + 1", -9223372036854775808),
        ("1.0 / 0 == 1.0 / 0", True),
        ("'a' ~ 1 ~ null ~ true", "a1true"),
        ("1..3", [1, 2, 3]),
        ("'a'..'c'", ["a", "b", "c"]),
        ("3..1", []),
        ("-(3)", -3),
        ("+3", 3),
        ("10L", 10),
        ("1 == 1.0", True),
        ("1 == '1'", False),
        ("1 == true", False),
        ("null == null", True),
        ("[1, {'a': 2}] == [1.0, {'a': 2}]", True),
        ("'a' equals 'a'", True),
        ("1 != 2", True),
        ("2 > 1", True),
        ("2 >= 2.0", True),
        ("null < 1", False),
        ("null_value > 1", False),
        ("true and 1 and 'x'", True),
        ("false or 0 or ''", False),
        ("not ''", True),
        ("not true == false", True),
        ("list contains 2", True),
        ("list contains [1, 3]", True),
        ("list contains 9", False),
        ("map contains 'k'", True),
        ("text contains 'ell'", True),
        ("null contains 'x'", False),
        ("2 isIn list", True),
        ("'2' isIn list", True),
        ("'k' isIn map", True),
        ("null isIn list", False),
        ("missing ?? 'd'", "d"),
        ("a.none ?? 'd'", "d"),
        ("a.missing.deep ?? 'd'", "d"),
        ("missing[other] ?? 'd'", "d"),
        ("empty ?? 'd'", {}),
        ("missing ??? 'd'", "d"),
        ("null_value ??? 'd'", None),
        ("true ? 'y' : 'n'", "y"),
        ("null ? 'y' : 'n'", "n"),
        ("zero ? 'y' : 'n'", "n"),
        ("false ? 1 : true ? 2 : 3", 2),
        ("{'a': 1, 'b': [true, null]}", {"a": 1, "b": [True, None]}),
        ("{text: 1}", {"hello": 1}),
        ("TRUE and not FALSE", True),
        ("NONE is null and NULL is null and none is null", True),
        ('"x#{1 + 1}y#{text}"', "x2yhello"),
        ("'x#{1}'", "x#{1}"),
        (r"'a\nb'", r"a\nb"),
        (r"'it\'s'", "it's"),
        (r'"say \"hi\""', 'say "hi"'),
        ('"#{a["b"]}"', "c"),
    ],
)
def test_an_operator_gives(expression, expected):
    result = value(expression, **VARIABLES)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("expression", "first_x", "second_x"),
    [
        ("'a' ~ 'b' | upper", "AB", "AB"),
        ("'a' + 'b' | upper", "aB", "aB"),
        ("x ?? 'd' | upper", "D", "D"),
        ("missing ?? 'a' ~ 'b'", "ab", "ab"),
        ("'1' ?? 'a' ~ 'b'", "1b", "1"),
        ("'v' ?? 'd' | upper", "V", "v"),
        ("1 + 2 * 3", "7", "7"),
        ("2 * 3 % 4", "2", "2"),
        ("1 + 1 == 2", "true", "true"),
        ("true or false and false", "true", "true"),
        ("1..2 | length", "2", "2"),
        ("-1 | abs", "1", "1"),
        ("'ab' | upper contains 'A'", "true", "true"),
        ("1 == 1 is null", "false", "false"),
        ("10 - 2 - 3", "5", "5"),
    ],
)
def test_precedence_in_both_dialects(expression, first_x, second_x):
    template = "{{ " + expression + " }}"
    assert render(template) == first_x
    assert render(template, dialect=Dialect.V2) == second_x


@pytest.mark.parametrize(
    ("test", "yes", "no"),
    [
        ("defined", "text", "missing"),
        ("defined", "a.b", "a.missing.deeper"),
        ("defined", "list[0]", "list[9]"),
        ("defined", "zero", "null_value"),
        ("empty", "'  '", "'x'"),
        ("empty", "[]", "[0]"),
        ("empty", "null", "zero"),
        ("null", "null_value", "zero"),
        ("even", "2", "3"),
        ("odd", "3", "2"),
        ("iterable", "list", "text"),
        ("map", "map", "list"),
        ("json", "'{\"a\": 1}'", "'{'"),
    ],
)
def test_a_test_tells_apart(test, yes, no):
    assert value(f"{yes} is {test}", **VARIABLES) is True
    assert value(f"{no} is {test}", **VARIABLES) is False
    assert value(f"{no} is not {test}", **VARIABLES) is True


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("map.size", "own"),
        ("empty.size", 0),
        ("empty.empty", True),
        ("list.size", 3),
        ("list.empty", False),
        ("text.length", 5),
        ("list.size()", 3),
        ("text.toUpperCase()", "HELLO"),
        ("text.startsWith('he')", True),
        ("text.substring(1)", "ello"),
        ("text.substring(1, 3)", "el"),
        ("map.get('k')", 1),
        ("map.getOrDefault('x', 7)", 7),
        ("map.containsKey('x')", False),
        ("list.contains(2)", True),
        ("list.get(0)", 1),
        ("map['k']", 1),
        ("list['1']", 2),
        ("map.entrySet[0].key", "k"),
    ],
)
def test_properties_and_methods_that_java_values_have(expression, expected):
    assert value(expression, **VARIABLES) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "'' .__class__",
        "text.__len__",
        "text.format(1)",
        "map.keys()",
        "map.pop('k')",
        "list.append(1)",
        "list.__add__([1])",
        "text.encode()",
        "zero.real",
        "list.-1",
        "list[-1]",
    ],
)
def test_nothing_of_python_can_be_reached(expression):
    with pytest.raises(ExpressionError):
        value(expression, **VARIABLES)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("{} + 1", "Could not perform addition"),
        ("true + 1", "Could not perform addition"),
        ("[1] * 2", "Could not perform multiplication"),
        ("1 / 0", "Could not perform division: / by zero"),
        ("1 % 0", "Could not perform modulus: / by zero"),
        ("'a' < 'b'", "Could not perform less than comparison"),
        ("[] and true", "Unsupported value type java.util.ArrayList"),
        ("null or true", "null value given to"),
        ("not null", "null value given to"),
        ("[] ? 1 : 2", "Unsupported value type"),
        ("1 contains 1", "Contains operator can only be used on"),
        ("null is even", 'Can not pass null value to "even" test.'),
        ("1 is strange", "Test [strange] does not exist."),
        ("-'a'", "Could not negate"),
        ("1..{}", "Arguments of range function"),
    ],
)
def test_what_an_operator_does_not_take_is_an_error(expression, words):
    with pytest.raises(
        ExpressionError, match="^" + words.translate(str.maketrans({c: "\\" + c for c in "[](){}.?*+"}))
    ):
        value(expression, **VARIABLES)


def test_the_second_dialect_orders_texts():
    assert typed("{{ 'a' < 'b' }}", dialect=Dialect.V2) is True
