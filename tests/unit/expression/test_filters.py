"""Filters: a table of what each makes of what."""

import pytest
from segue.expression.errors import ExpressionError
from segue.expression.filters import FILTERS

from tests.unit.expression.rendering import typed, value

CASES = [
    ("'abc' | upper", "ABC"),
    ("'ABC' | lower", "abc"),
    ("' abc d' | capitalize", " Abc d"),
    ("'the lord of' | title", "The Lord Of"),
    ("'  x ' | trim", "x"),
    ("'This is a long text' | abbreviate(10)", "This is..."),
    ("'short' | abbreviate(10)", "short"),
    ("'a-b' | replace({'a': 'x', '-': '+'})", "x+b"),
    ("{'k': ['a', {'j': 'ba'}]} | replace({'a': 'z'})", {"k": ["z", {"j": "bz"}]}),
    ("'a1b22' | replace({'[0-9]+': '#'}, regexp=true)", "a#b#"),
    ("'ab' | replace({'(a)(b)': '$2$1'}, true)", "ba"),
    ("'a.b.c' | substringBefore('.')", "a"),
    ("'a.b.c' | substringBeforeLast('.')", "a.b"),
    ("'a.b.c' | substringAfter('.')", "b.c"),
    ("'a.b.c' | substringAfterLast('.')", "c"),
    ("'abc' | substringAfterLast('.')", ""),
    ("'abc' | substringBeforeLast('.')", "abc"),
    ("'abc' | startsWith('ab')", True),
    ("'abc' | endsWith('ab')", False),
    ("'Mon Été_à Paris !' | slugify", "mon-ete-a-paris"),
    ("12 | string", "12"),
    ("[1] | string", "[1]"),
    ("'a\nb' | indent(2)", "a\n  b"),
    ("'a\nb' | nindent(1, '-')", "\n-a\n-b"),
    ("\"it's\" | escapeChar('shell')", "it'\\''s"),
    ("[\"it's\"] | escapeChar('single')", ["it\\'s"]),
    ("'a b/é' | urlencode", "a+b%2F%C3%A9"),
    ("'a+b%2F' | urldecode", "a b/"),
    ("'héllo' | base64encode", "aMOpbGxv"),
    ("'aMOpbGxv' | base64decode", "héllo"),
    ("'hello' | sha1", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"),
    ("'hello' | sha256 | length", 64),
    ("'hello' | sha512 | length", 128),
    ("'hello' | md5", "5d41402abc4b2a76b9719d911017c592"),
    ("'a,b,,c,,' | split(',')", ["a", "b", "", "c"]),
    ("'a,b,c' | split(',', 2)", ["a", "b,c"]),
    ("'a1b22c' | split('[0-9]+')", ["a", "b", "c"]),
    ("'abc' | split('')", ["a", "b", "c"]),
    ("[1, null, 'x'] | join('-')", "1-null-x"),
    ("'%s has %d of %.2f, %05d' | format('Ada', 3, 1.5, 7)", "Ada has 3 of 1.50, 00007"),
    ("1234.5 | numberFormat('#,##0.00')", "1,234.50"),
    ("3.14159 | numberformat('#.##')", "3.14"),
    ("'order-12345' | regexMatch('[0-9]+$')", True),
    ("null | regexMatch('x')", False),
    ("'john doe' | regexReplace('(?<first>\\w+) (\\w+)', '$2 ${first}')", "doe john"),
    ("'order-12345-x' | regexExtract('(\\d)(\\d)', 2)", "2"),
    ("'abc' | regexExtract('z')", None),
    ("'été' | regexMatch('^\\p{L}+$')", True),
    ("'ab' | regexMatch('^(?i)AB$')", True),
    ("[3, 1, 2] | first", 3),
    ("'abc' | first", "a"),
    ("[] | first", None),
    ("[3, 1, 2] | last", 2),
    ("'abc' | last", "c"),
    ("'abc' | length", 3),
    ("{'a': 1} | length", 1),
    ("null | length", 0),
    ("12 | length", 0),
    ("[1, 2, 3, 4] | slice(1, 3)", [2, 3]),
    ("'abcd' | slice(2)", "cd"),
    ("'abcd' | slice(toIndex=2)", "ab"),
    ("[3, 1, 2.5] | sort", [1, 2.5, 3]),
    ("['b', 'a'] | sort", ["a", "b"]),
    ("[] | sort", []),
    ("[3, 1, 2] | rsort", [3, 2, 1]),
    ("[3, 1, 2] | reverse", [2, 1, 3]),
    ("{'a': 1} | merge({'b': 2, 'a': 3})", {"a": 3, "b": 2}),
    ("[1] | merge([2, 3])", [1, 2, 3]),
    ("null | merge([2])", [2]),
    ("[1, 2, 1, [3], [3], 'a', 'a'] | distinct", [1, 2, [3], "a"]),
    ("[1, [2, [3]], 4] | flatten", [1, 2, [3], 4]),
    ("{'a': 1, 'b': 2} | keys", ["a", "b"]),
    ("['x', 'y'] | keys", [0, 1]),
    ("{'a': 1, 'b': 2} | values", [1, 2]),
    ("[1, 2, 3] | chunk(2)", [[1, 2], [3]]),
    ("{'a': [1, null, true, 'x\"']} | json", '{"a":[1,null,true,"x\\""]}'),
    ("null | toJson", "null"),
    ("'x' | toJson", '"x"'),
    ("{'a': {'b': 1}, 'l': [1, 2]} | yaml", "a:\n  b: 1\nl:\n - 1\n - 2\n"),
    ("['true', '12', 'a: b', ''] | yaml", ' - "true"\n - 12\n - "a: b"\n - ""\n'),
    ("{'m': 'l1\nl2\n'} | yaml", "m: |\n  l1\n  l2\n"),
    ("{'a b': [1.5, null, 'q']} | toIon", "{'a b':[1.5e0,null,\"q\"]}"),
    ("{'a': [1, 2]} | jq('.a[]')", [1, 2]),
    ("'{\"a\": 1}' | jq('.a')", [1]),
    ("{'a': 1} | jq('.b')", [None]),
    ("'12' | number", 12),
    ("'12.5' | number('DOUBLE')", 12.5),
    ("'12' | number('BIGINTEGER') | className", "java.math.BigInteger"),
    ("'1.5' | number('BIGDECIMAL') | className", "java.math.BigDecimal"),
    ("'12' | number | className", "java.lang.Integer"),
    ("'12' | number('LONG') | className", "java.lang.Long"),
    ("'0x1F' | number", 31),
    ("'10L' | number | className", "java.lang.Long"),
    ("'1.1' | number | className", "java.lang.Float"),
    ("'1.5d' | number | className", "java.lang.Double"),
    ("'123456789.12' | number | className", "java.lang.Double"),
    ("'3.14159265358979323846' | number | className", "java.math.BigDecimal"),
    ("'1e400' | number | className", "java.math.BigDecimal"),
    ("'99999999999999999999' | number | className", "java.math.BigInteger"),
    ("-3 | abs", 3),
    ("-3.5 | abs", 3.5),
    ("missing | default('d')", "d"),
    ("'  ' | default('d')", "d"),
    ("[] | default('d')", "d"),
    ("0 | default('d')", 0),
    ("missing.a.b | default('d')", "d"),
    ("'<b>' | raw", "<b>"),
    ("'x' | className", "java.lang.String"),
    ("'2024-05-15' | date('yyyy/MM/dd')", "2024/05/15"),
    ("'2024-01-31' | dateAdd(1, 'MONTHS', 'iso_local_date')", "2024-02-29"),
    ("'2024-05-15T10:30:45.123456Z' | timestamp", 1715769045),
    ("'2024-05-15T10:30:45.123456Z' | timestampMilli", 1715769045123),
    ("'2024-05-15T10:30:45.123456Z' | timestampMicro", "1715769045000123456"),
    ("'2024-05-15T10:30:45.123456Z' | timestampNano", "1715769045123456000"),
]


@pytest.mark.parametrize(("expression", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_filter_gives(expression, expected):
    result = value(expression)
    assert result == expected
    assert isinstance(result, type(expected))


def test_every_filter_is_in_the_table():
    shown = " ".join(expression for expression, _ in CASES)
    assert [name for name in FILTERS if f"| {name}" not in shown] == []


_NULL_IN_NULL_OUT = set(FILTERS) - {
    "default",
    "distinct",
    "json",
    "toJson",
    "toIon",
    "yaml",
    "length",
    "merge",
    "regexMatch",
}


@pytest.mark.parametrize("name", sorted(_NULL_IN_NULL_OUT))
def test_nearly_all_filters_leave_null_alone(name):
    arguments = ", ".join(["1"] * FILTERS[name].required)
    assert value(f"null | {name}({arguments})") is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("'' | first", "The 'first' filter cannot be applied to an empty string."),
        ("1 | first", "The 'first' filter expects"),
        ("'abc' | slice(2, 1)", "Invalid arguments; fromIndex 2 is larger than toIndex 1"),
        ("'abc' | slice(0, 9)", "Invalid argument toIndex; 9 is larger than input size 3"),
        ("[1, 'a'] | sort", "The 'sort' filter cannot put"),
        ("12 | number", "'number' filter can only be applied to String. Actual type was: java.lang.Integer"),
        ("'x' | number", "'x' is not a valid number"),
        ("'99999999999' | number('INT')", "'99999999999' is not a valid number of type INT"),
        ("'a' | chunk(2)", "'chunk' filter can only be applied to List. Actual type was: java.lang.String"),
        ("[1] | chunk", "'chunk' filter expects an argument 'size'."),
        ("[1] | chunk(0)", "'chunk' filter argument 'size' must be greater than 0."),
        ("1 | flatten", "The 'flatten' filter can only be applied to lists."),
        ("'a' | keys", "'keys' filter can only be applied to List, Map, Array. Actual type was: java.lang.String"),
        ("[1] | values", "'values' filter can only be applied to Map. Actual type was: java.util.ArrayList"),
        ("'a' | indent", "The 'indent' filter expects an integer as argument 'amount'."),
        ("'a' | indent(-1)", "The 'indent' filter expects a positive integer >=0 as argument 'amount'."),
        ("'a' | escapeChar('x')", "The 'escapeChar' filter expects the value of 'type' to be either"),
        ("'a' | replace", "The argument 'replace_pairs' is required."),
        ("'a' | regexMatch('(')", "Invalid regular expression '('"),
        ("'a' | nosuch", "Filter [nosuch] does not exist."),
        ("'a' | upper(1)", "The 'upper' filter takes no arguments, not 1"),
        ("'a' | indent(amuont=1)", "The following named argument does not exist: amuont"),
        ("'{' | jq('.')", "Unable to parse jq value '{'"),
        ("{} | jq('.[')", "Unable to parse jq value"),
        ("'1e999' | number | numberFormat('0')", "The 'numberFormat' filter failed: the number is out of range"),
        ("'nonsense' | date", "Text 'nonsense' could not be parsed as a date"),
        ("'2024-01-01' | date('b')", "Unknown pattern letter: b"),
        ("'2024-01-01' | date(timeZone='Mars/Base')", "Invalid time zone 'Mars/Base'"),
        ("'2024-01-01' | dateAdd(1, 'FORTNIGHTS')", "Unknown date unit 'FORTNIGHTS'"),
    ],
)
def test_a_filter_says_what_is_wrong(expression, words):
    with pytest.raises(ExpressionError) as caught:
        value(expression)
    assert caught.value.message.startswith(words)
    assert caught.value.line == 1


@pytest.mark.parametrize("program", ["env", "$ENV", "env.PATH", "1) | (env", "[.] | map(env)", "$ENV.PATH # )"])
def test_jq_cannot_see_the_environment(program):
    results = value(f"{{}} | jq('{program}')")
    assert all(result in ({}, None, [{}]) for result in results)


@pytest.mark.parametrize(
    "program", ['import "a" as a; 1', 'include "a"; 1', "input", "$__prog_args", "1); def f: env; (f"]
)
def test_jq_cannot_reach_files_or_escape_its_brackets(program):
    with pytest.raises(ExpressionError):
        typed("{{ {} | jq(p) }}", p=program)
