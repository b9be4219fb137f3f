"""Tags, loops, scopes, macros, whitespace and raw text."""

import pytest
from segue.expression.errors import ExpressionError

from tests.unit.expression.rendering import render


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% if a %}x{% elseif b %}y{% else %}z{% endif %}", "y"),
        ("{% if b and not a %}x{% endif %}.", "x."),
        ("{% for x in [1, 2] %}{{ x }},{% endfor %}", "1,2,"),
        ("{% for x in [] %}{{ x }}{% else %}none{% endfor %}", "none"),
        ("{% for x in null %}{{ x }}{% else %}none{% endfor %}", ""),
        ("{% for e in {'k': 1, 'l': 2} %}{{ e.key }}={{ e.value }};{% endfor %}", "k=1;l=2;"),
        (
            "{% for x in 'a'..'c' %}{{ loop.index }}{{ loop.revindex }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
            "02truefalse3 11falsefalse3 20falsetrue3 ",
        ),
        ("{% for x in 1..2 %}{% for y in 1..2 %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}", "010;011;"),
        ("{% set n = 0 %}{% for x in 1..3 %}{% set n = n + x %}{% endfor %}{{ n }}", "6"),
        ("{% set x = 'v' %}{{ x }}", "v"),
        ("{% for b in 1..2 %}{{ b }}{% endfor %}{{ b }}", "12true"),
        ("{% for q in 1..2 %}{% endfor %}{{ q }}", "2"),
        ("{% filter upper | trim %} a{{ 'b' }} {% endfilter %}", "AB"),
        (
            "{% macro m(x, y='d') %}[{{ x }}{{ y }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(y=3, x=4) }}{{ m() }}",
            "[1d][12][43][d]",
        ),
        ("{{ later() }}{% macro later() %}m{% endmacro %}", "m"),
        ("{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "321"),
        ("{% block t %}x{% endblock t %}-{{ block('t') }}", "x-x"),
        ("{{ block('unknown') }}.", "."),
        ("{% verbatim %}{{ a }}{% endverbatim %}", "{{ a }}"),
        ("{% raw %}{{ a }}\n{% if %}{% endraw %}", "{{ a }}\n{% if %}"),
        ("{%- raw -%}{{ a }}{%-endraw-%}", "{{ a }}"),
        ("a {# note {{ b }} #}c", "a c"),
        ("a  {{- 1 -}}  b", "a1b"),
        ("a  {%- if b -%}  x  {%- endif -%}  c", "axc"),
        ("a {#- n -#} b", "ab"),
        ("a\n{% if b %}\nx\n{% endif %}\n", "a\n\nx\n\n"),
        ("{{ {'a': {'b': {}}} }}", '{"a":{"b":{}}}'),
        ("no template { here } }}", "no template { here } }}"),
        ("", ""),
        ("{{ 'a }} b' }}", "a }} b"),
        ("{{\n  1\n  +\n  1\n}}", "2"),
    ],
)
def test_a_template_renders_as(template, expected):
    assert render(template, a=False, b=True) == expected


def test_raw_text_survives_being_rendered_again():
    assert render("{{ render(x) }}", x="{% raw %}{{ y }}{% endraw %}", y="no") == "{{ y }}"


def test_a_macro_sees_nothing_around_it():
    with pytest.raises(ExpressionError, match="Unable to find `a`"):
        render("{% macro m() %}{{ a }}{% endmacro %}{{ m() }}", a=1)


def test_a_failed_macro_leaves_no_scope_behind():
    template = "{% macro m() %}{% for q in [1] %}{{ a }}{% endfor %}{% endmacro %}{{ m() ?? 'caught' }} {{ a }} {{ q ?? 'no q' }}"
    assert render(template, a=1) == "caught 1 no q"


@pytest.mark.parametrize(
    ("template", "words", "line", "column"),
    [
        ("{{ a", "Unclosed `{{`", 1, 1),
        ("x\n {% if a", "Unclosed `{%`", 2, 2),
        ("{% if true %}x", "Missing `{% endif %}`", 1, 15),
        ("{% endif %}", 'Unexpected tag name "endif"', 1, 4),
        ("{% include 'x' %}", 'Unexpected tag name "include"', 1, 4),
        ("{% for x of y %}{% endfor %}", "Expected `in`", 1, 10),
        ("{{ get missing }}", "Unexpected `missing`, expected `}}`", 1, 8),
        ("{{ 'abc }}", "Unclosed string", 1, 4),
        ("{{ }}", "Unexpected `}}`", 1, 4),
        ("{{ 1 + }}", "Unexpected `}}`", 1, 8),
        ("{{ a) }}", "Unexpected `)`", 1, 5),
        ("{{ f(a=1, 2) }}", "Positional arguments must be declared before any named arguments", 1, 11),
        ("{{ a ? 1 }}", "Unexpected `}}`, expected `:`", 1, 10),
        ("{{ 1 ! 2 }}", "Unexpected character `!`", 1, 6),
        ("{# note", "Unclosed comment", 1, 1),
        ("{% raw %}", "Unclosed `raw` block", 1, 1),
        ("{{ 99999999999999999999 }}", "The number 99999999999999999999 does not fit 64 bits", 1, 4),
    ],
)
def test_what_cannot_be_read_has_a_place(template, words, line, column):
    with pytest.raises(ExpressionError) as caught:
        render(template, a=1)
    error = caught.value
    assert (error.message, error.line, error.column, error.expression) == (words, line, column, template)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% if null %}{% endif %}", 'null value given to "if" statement and strict variables is set to true'),
        ("{% if [] %}{% endif %}", "Unsupported value type java.util.ArrayList"),
        ("{% for x in 'abc' %}{% endfor %}", "Not an iterable object. Value = [java.lang.String]"),
        ("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "The macro 'm' takes 1 arguments, not 2"),
        ("{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "The following named argument does not exist: b"),
    ],
)
def test_a_tag_says_what_is_wrong(template, words):
    with pytest.raises(ExpressionError) as caught:
        render(template)
    assert caught.value.message.startswith(words)
    assert caught.value.line == 1
