"""Whatever a template tries, it ends soon, with a value or an ExpressionError."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from segue.expression.budget import Budget
from segue.expression.errors import BudgetExceeded, ExpressionError
from segue.expression.filters import FILTERS
from segue.expression.functions import FUNCTIONS
from segue.expression.references import references_in
from segue.expression.template import Dialect, compile_template, plain
from segue.expression.value_tests import TESTS

from tests.unit.expression.rendering import scope

SHARED = "{% set s = ['a', 'a'] %}{% for i in 1..60 %}{% set s = [s, s] %}{% endfor %}"
DEEP = "{% set s = ['a'] %}{% for i in 1..5000 %}{% set s = [s] %}{% endfor %}"
LONG = "{% set s = 'abc' %}{% for i in 1..20 %}{% set s = s ~ s %}{% endfor %}"

HOSTILE = {
    "power in a dead branch": "{% if false %}{{ 9**(9**9) }}{% endif %}",
    "a long range": "{{ range(0, 2000000000) }}",
    "the longest range": "{{ 0..9223372036854775807 }}",
    "a range downwards": "{{ range(9223372036854775807, -9223372036854775807, -1) }}",
    "nested loops": "{% for a in 1..900 %}{% for b in 1..900 %}{% for c in 1..900 %}{% endfor %}{% endfor %}{% endfor %}",
    "text doubled by ~": "{% set s = 'ab' %}{% for i in 1..60 %}{% set s = s ~ s %}{% endfor %}{{ s }}",
    "text doubled by +": "{% set s = 'ab' %}{% for i in 1..60 %}{% set s = s + s %}{% endfor %}{{ s }}",
    "lists doubled": "{% set s = [1, 2] %}{% for i in 1..60 %}{% set s = s + s %}{% endfor %}{{ s }}",
    "lists doubled by flatten": "{% set s = [1] %}{% for i in 1..60 %}{% set s = [s, s] | flatten %}{% endfor %}{{ s }}",
    "lists doubled by merge": "{% set s = [1] %}{% for i in 1..60 %}{% set s = s | merge(s) %}{% endfor %}{{ s }}",
    "a shared list printed": SHARED + "{{ s }}",
    "a shared list compared": SHARED + "{% set t = ['a', 'a'] %}{{ s == [s] }}",
    "a shared list as YAML": SHARED + "{{ s | yaml }}",
    "a shared list as Ion": SHARED + "{{ s | toIon }}",
    "a shared list replaced in": SHARED + "{{ s | replace({'a': 'b'}) | length }}",
    "a deep list printed": DEEP + "{{ s }}",
    "a deep list compared": DEEP + "{{ s == [s] }}",
    "a deep list replaced in": DEEP + "{{ s | replace({'a': 'b'}) | length }}",
    "long text in a list many times": LONG + "{{ [s, s, s, s, s, s] }}",
    "wide indent": "{{ 'a\n\n' | indent(900000000) }}",
    "wide format": "{{ '%999999d%999999d%999999d%999999d%999999d' | format(1, 1, 1, 1, 1) }}",
    "growing replace": "{% set s = 'a' %}{% for i in 1..60 %}{% set s = s | replace({'a': 'aaaa'}) %}{% endfor %}",
    "long separator": LONG + "{{ 1..1000 | join(s) }}{{ (1..1000) | join(s) }}",
    "long text in a loop": LONG + "{% for i in 1..10000 %}{% set x = s | upper %}{% endfor %}",
    "long text compared in a loop": LONG
    + "{% set t = s ~ '' %}{% for i in 1..90000 %}{% set x = s == t %}{% endfor %}",
    "endless macro": "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
    "macro tree": "{% macro m(x) %}{% if x > 0 %}{{ m(x-1) }}{{ m(x-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "endless block": "{% block b %}{{ block('b') }}{% endblock %}",
    "endless render": "{{ render(self) }}",
    "big integers": "{% set n = '99999999999' | number('BIGINTEGER') %}{% for i in 1..60 %}{% set n = n * n %}{% endfor %}",
    "number too long": "{{ 99999999999999999999999999 }}",
    "brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "lists": "{{ " + "[" * 5000 + "1" + "]" * 5000 + " }}",
    "signs": "{{ " + "-" * 5000 + "1 }}",
    "sums": "{{ " + " + ".join(["1"] * 5000) + " }}",
    "filters": "{{ 'a'" + " | upper" * 5000 + " }}",
    "attributes": "{{ a" + ".b" * 5000 + " }}",
    "ternaries": "{{ " + "true ? " * 5000 + "1" + " : 0" * 5000 + " }}",
    "nested tags": "{% if true %}" * 5000,
    "openings": "{{ " * 100_000,
    "raw openings": "{% raw %}" * 50_000,
    "escaped quotes": "{{ '" + "\\'" * 100_000,
    "interpolations": '{{ "' + '#{"' * 3000,
    "spaces": "{{ " + " " * 1_000_000,
    "too long": "{{ 1 }}" * 200_000,
    "deep JSON": "{{ fromJson('" + "[" * 50_000 + "') }}",
    "deep Ion": "{{ fromIon('" + "[" * 50_000 + "') }}",
    "Ion comments": "{{ fromIon('" + "/*" * 30_000 + "') }}",
    "contains": "{{ (1..20000) contains (1..20000) }}",
    "far dates": "{{ '9999-12-31' | dateAdd(5000000, 'YEARS') }}",
    "long date pattern": "{{ 0 | date('" + "y" * 5000 + "') }}",
    "context in a loop": "{% for i in 1..90000 %}{{ printContext() }}{% endfor %}",
    "JSON in a loop": "{% set s = 1..20000 %}{% for i in 1..10000 %}{% set x = s | json %}{% endfor %}",
    "ids in a loop": "{% for i in 1..90000 %}{% set x = nanoId(1000) %}{% endfor %}",
}
# A tenth of a second on a quiet machine; the tests' machine is shared.
SECONDS_MAX = 1.0


@pytest.mark.parametrize("template", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_is_refused_in_time(template):
    started = time.process_time()
    with pytest.raises(ExpressionError):
        compile_template(template).render(scope(self="{{ render(self) }}", big={str(i): i for i in range(1000)}))
    assert time.process_time() - started < SECONDS_MAX


@pytest.mark.parametrize(
    "template", ["{{ " + " ~ ".join(["'a'"] * 5000) + " }}", "{{ " + " or ".join(["false"] * 5000) + " }}"]
)
def test_long_chains_of_joining_and_choosing_are_fine(template):
    assert compile_template(template).render(scope()) in {"a" * 5000, "false"}


def test_a_loop_of_ten_thousand_fits_the_budget():
    template = compile_template("{% for x in 1..10000 %}{{ x | string ~ ',' }}{% endfor %}")
    assert template.render(scope()).count(",") == 10000


@pytest.mark.parametrize(
    ("budget", "template"),
    [
        (Budget(steps=10), "{% for x in xs %}{% endfor %}"),
        (Budget(output=10), "{{ 'abcdefghijk' }}"),
        (Budget(output=10), "0123456789a{{ 1 }}"),
        (Budget(nesting=2), "{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}"),
    ],
)
def test_each_bound_holds(budget, template):
    with pytest.raises(BudgetExceeded):
        compile_template(template).render(scope(budget=budget, xs=list(range(20))))


_NAMES = st.sampled_from(["a", "b", "list", "map", "text", "number", "missing", "taskrun", "null_value", "date"])
_VALUES = {
    "a": {"b": {"c": 1}},
    "b": True,
    "list": [1, "x", None, 2.5, [3]],
    "map": {"k": "v", "size": 3},
    "text": "héllo wörld {{ a }}",
    "number": -7,
    "taskrun": {"value": "k"},
    "null_value": None,
    "date": datetime(2024, 5, 15, tzinfo=UTC),
}
_LITERALS = st.one_of(
    st.integers(0, 1 << 62).map(str),
    st.floats(0, 1e6).map(lambda number: f"{number:.3f}"),
    st.text("abc '{}#\\\n%", max_size=6).map(lambda text: "'" + text.replace("'", "\\'") + "'"),
    st.sampled_from(["true", "null", "[]", "{}", "''", '"#{a}"', "-1", "0", "'yyyy'", "'DAYS'", "'('"]),
)
_OPERATORS = ["+", "-", "*", "/", "%", "~", "==", "!=", "<", ">=", "and", "or", "contains", "isIn", "??", "???", ".."]
# Filters and functions that are not bounded stay out: a worker's time limit ends those.
_FILTERS = sorted(name for name, signature in FILTERS.items() if not signature.effect or name == "replace")
_FUNCTIONS = sorted(name for name, signature in FUNCTIONS.items() if not signature.effect)


def _compound(inner):
    arguments = st.lists(inner, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(inner, st.sampled_from(_OPERATORS), inner).map(" ".join),
        st.tuples(inner, st.sampled_from(_FILTERS), arguments).map(lambda part: f"({part[0]}) | {part[1]}({part[2]})"),
        st.tuples(st.sampled_from(_FUNCTIONS), arguments).map(lambda part: f"{part[0]}({part[1]})"),
        st.tuples(inner, inner).map(lambda part: f"({part[0]})[{part[1]}]"),
        st.tuples(inner, st.sampled_from(sorted(TESTS))).map(lambda part: f"({part[0]}) is {part[1]}"),
        st.tuples(inner, inner, inner).map(lambda part: f"(({part[0]}) ? ({part[1]}) : ({part[2]}))"),
        st.tuples(inner, _NAMES).map(lambda part: f"({part[0]}).{part[1]}"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.tuples(inner, inner).map(lambda part: f"{{{part[0]}: {part[1]}}}"),
        inner.map(lambda part: f"not ({part})"),
        inner.map(lambda part: f"-({part})"),
    )


_EXPRESSIONS = st.recursive(st.one_of(_NAMES, _LITERALS), _compound, max_leaves=8)
_quick = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _try(text, dialect):
    try:
        template = compile_template(text, dialect)
        references_in(template.body)
        return plain(template.render_typed(scope(**_VALUES)))
    except ExpressionError as error:
        return _placed(error)


def _placed(error):
    assert error.line >= 1
    return str(error)


@_quick
@given(_EXPRESSIONS, st.sampled_from(Dialect))
def test_any_expression_is_a_value_or_an_expression_error(expression, dialect):
    _try("{{ " + expression + " }}", dialect)


_PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{-",
    "-}}",
    '"',
    "'",
    "#{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "a",
    ".",
    "|",
    "~",
    "1",
    "??",
    "if",
    "else",
    "endif",
    "for",
    "in",
    "endfor",
    "set",
    "=",
    "raw",
    "endraw",
    "verbatim",
    "macro",
    "not",
    "is",
    "\\",
    "é",
]


@_quick
@given(st.lists(st.sampled_from([*_PIECES, "\n"]), max_size=25).map(" ".join))
def test_any_text_is_a_template_or_an_expression_error(text):
    _try(text, Dialect.V1)


@_quick
@given(_EXPRESSIONS)
def test_rendering_twice_gives_the_same(expression):
    text = "{% for q in [1, 2] %}{{ " + expression + " }}{% endfor %}"
    assert _try(text, Dialect.V1) == _try(text, Dialect.V1)
