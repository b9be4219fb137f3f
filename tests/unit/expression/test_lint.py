"""What is found in a template before it runs."""

import pytest
from segue.expression.lint import KNOWN, Finding, Names, lint_template
from segue.expression.signatures import FunctionSignature


@pytest.mark.parametrize(
    ("template", "code", "hint", "line", "column"),
    [
        ("{{ secert('A') }}", "unknown-function", "did you mean 'secret'?", 1, 4),
        ("{{ fromjson('1') }}", "unknown-function", "did you mean 'fromJson'?", 1, 4),
        ("a\n{{ x | dateadd(1, 'DAYS') }}", "unknown-filter", "did you mean 'dateAdd'?", 2, 6),
        ("{{ x | zzz }}", "unknown-filter", None, 1, 6),
        ("{{ x is defind }}", "unknown-test", "did you mean 'defined'?", 1, 6),
        ("{{ uuid(1) }}", "wrong-arity", None, 1, 4),
        ("{{ x | indent }}", "wrong-arity", None, 1, 6),
        ("{{ x | dateAdd(1) }}", "wrong-arity", None, 1, 6),
        ("{{ max() }}", "wrong-arity", None, 1, 4),
        ("{{ now(timezone='UTC') }}", "unknown-argument", "did you mean 'timeZone'?", 1, 17),
        ("{{ kv('k', key='k') }}", "duplicate-argument", None, 1, 16),
        ("{{ x | date('YYYY-MM-dd') }}", "week-year", "did you mean 'yyyy-MM-dd'?", 1, 13),
        ("{{ now(format='YYYY') }}", "week-year", "did you mean 'yyyy'?", 1, 15),
        ("{{ x | dateAdd(1, 'DAYS', 'yyyy-MM-DD') }}", "day-of-year", "did you mean 'yyyy-MM-dd'?", 1, 27),
        ("{{ x | date('yyyy-jj') }}", "bad-date-pattern", None, 1, 13),
        ("{% filter uper %}x{% endfilter %}", "unknown-filter", "did you mean 'upper'?", 1, 1),
        ("{% if nosuch(1) %}{% endif %}", "unknown-function", None, 1, 7),
        ('{{ "a #{b | uper}" }}', "unknown-filter", "did you mean 'upper'?", 1, 11),
        ("{{ a", "expression-syntax", None, 1, 1),
    ],
)
def test_a_mistake_is_found_where_it_is(template, code, hint, line, column):
    [finding] = lint_template(template)
    assert (finding.code, finding.hint, finding.line, finding.column) == (code, hint, line, column)


@pytest.mark.parametrize(
    "template",
    [
        "no template { }",
        "{{ inputs.a ?? 'x' | upper }}",
        "{{ x | date('iso_local_date') }}{{ x | date('full') }}{{ x | date(f) }}",
        "{{ x | date(\"YYYY-'W'ww\") }}{{ x | date(\"'Y'yyyy\") }}",
        "{% macro mine(a) %}{{ a }}{% endmacro %}{{ mine(1) }}",
        "{{ 'a' | format(1, 2, 3) }}{{ max(1, 2, 3) }}",
        "{{ kv(key='a', errorOnMissing=false) }}",
        "{% raw %}{{ nosuch() }}{% endraw %}",
    ],
)
def test_nothing_is_found_in_what_is_right(template):
    assert lint_template(template) == []


def test_findings_come_in_the_order_of_the_text():
    findings = lint_template("{{ a | one }}\n{{ two() }} {{ b is three }}")
    assert [(finding.code, finding.line) for finding in findings] == [
        ("unknown-filter", 1),
        ("unknown-function", 2),
        ("unknown-test", 2),
    ]


def test_more_names_can_be_made_known():
    extended = Names(
        functions={**KNOWN.functions, "credential": FunctionSignature(lambda *_: None, ("key",), required=1)}
    )
    assert lint_template("{{ credential('a') }}", extended) == []
    assert lint_template("{{ credential() }}", extended) == [
        Finding("wrong-arity", "The function 'credential' needs the argument 'key'", 1, 4)
    ]
