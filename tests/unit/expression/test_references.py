"""Which variables a template may read, and whether it needs a worker."""

import pytest
from segue.expression.references import CURRENT, PARENT_VALUE, VALUE
from segue.expression.template import compile_template, effects_of, references_of


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("text", set()),
        ("{{ inputs.name }}", {("inputs", "name")}),
        (
            "{{ outputs.a.b ~ outputs.each[taskrun.value].v ~ inputs[x] }}",
            {("outputs", "a", "b"), ("outputs", "each", VALUE, "v"), ("inputs",), ("x",)},
        ),
        ("{{ outputs['my-task'].list[0] }}", {("outputs", "my-task", "list", 0)}),
        (
            "{{ outputs.e[parent.taskrun.value][parents[1].taskrun.value].v }}",
            {("outputs", "e", PARENT_VALUE(0), PARENT_VALUE(1), "v")},
        ),
        ("{{ outputs.a[inputs.k].z }}", {("outputs", "a"), ("inputs", "k")}),
        ("{{ currentEachOutput(outputs.t).value }}", {("outputs", "t", CURRENT)}),
        ("{{ currentEachOutput(x[y]) }}", {("x",), ("y",)}),
        ("{{ parentOutput() }}", {("outputs",)}),
        ("{{ tasksWithState('FAILED') }}", {("tasks",)}),
        ("{{ fileURI('a') }}", {("flow", "namespace")}),
        ("{{ render(vars.x) }}", {()}),
        ("{{ printContext() }}{{ a.b }}", {()}),
        ("{% for x in outputs.l %}{{ x.a }}{{ loop.index }}{{ y }}{% endfor %}", {("outputs", "l"), ("y",)}),
        ("{% set q = vars.a %}{% if c.d %}{{ e | f(g) }}{% endif %}", {("vars", "a"), ("c", "d"), ("e",), ("g",)}),
        ("{% macro m(p, q=r) %}{{ p.a }}{% endmacro %}{{ m(s.t) }}", {("r",), ("s", "t")}),
        ('{{ a.b is defined ? c : "#{d.e}" }}', {("a", "b"), ("c",), ("d", "e")}),
        ("{{ fromJson(outputs.a.body).x[y] }}", {("outputs", "a", "body"), ("y",)}),
        ("{{ a.size() }}{{ [b, {'c': d}] }}", {("a",), ("b",), ("d",)}),
    ],
)
def test_a_template_reads(template, expected):
    assert compile_template(template).references == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ now() }}{{ uuid() }}{{ x | date }}", set()),
        ("{{ secret('a') }}{{ kv('b') }}", {"secret", "kv"}),
        ("{{ x | jq('.') }}", {"jq"}),
        ("{{ x | regexMatch('a') }}", {"regexMatch"}),
        ("{{ x | split(',') }}", set()),
        ("{{ x | split('(a+)+') }}", {"split"}),
        ("{{ x | split(y) }}", {"split"}),
        ("{{ x | replace({'a': 'b'}) }}", set()),
        ("{{ x | replace({'a': 'b'}, regexp=false) }}", set()),
        ("{{ x | replace({'a': 'b'}, true) }}", {"replace"}),
        ("{% filter jq('.') %}{}{% endfilter %}", {"jq"}),
        ("{% if read('a') %}{% endif %}", {"read"}),
        ("{{ render(x) }}", {"render"}),
        ("{% macro m(x=http('u')) %}{% endmacro %}", {"http"}),
    ],
)
def test_a_template_needs_a_worker_for(template, expected):
    assert compile_template(template).effects == expected


def test_references_and_effects_are_found_through_values():
    given = {"{{ k.a }}": ["{{ v }}", {"x": "{{ secret('s') ~ w[0] }}"}], "n": 5, "broken": "{{ "}
    assert references_of(given) == {("k", "a"), ("v",), ("w", 0)}
    assert effects_of(given) == {"secret"}


def test_a_template_without_expressions_is_constant():
    assert compile_template("text").is_constant
    assert compile_template("{% raw %}{{ x }}{% endraw %} {# note #}").is_constant
    assert not compile_template("{{ 1 }}").is_constant
