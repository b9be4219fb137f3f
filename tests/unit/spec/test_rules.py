"""Rules over a whole flow."""

import pytest
from segue.model.problem import Severity

from tests.unit.spec.flows import LOG, codes, flow_of, problems_of, with_head, with_task

ERRORS = {
    "task ids, however deep": (
        with_head("""\
            tasks:
              - {id: a, type: core.log.Log, message: x}
              - id: b
                type: core.flow.Sequential
                tasks:
                  - {id: a, type: core.log.Log, message: x}
            errors:
              - {id: b, type: core.log.Log, message: x}
        """),
        "duplicate-task-id",
        "tasks[1].tasks[0].id",
        "Duplicate task id with name [a, b]",
    ),
    "trigger ids": (
        with_head(f"tasks:\n{LOG}\ntriggers:\n" + "  - {id: t, type: core.trigger.Webhook, key: k}\n" * 2),
        "duplicate-trigger-id",
        "triggers[1].id",
        "Duplicate trigger id with name [t]",
    ),
    "input ids": (
        with_head("inputs:\n" + "  - {id: i, type: STRING}\n" * 2 + "tasks:\n" + LOG),
        "duplicate-input-id",
        "inputs[1].id",
        "Duplicate input id with name [i]",
    ),
    "output ids of a Loop": (
        with_head(
            "tasks:\n  - id: l\n    type: core.flow.Loop\n    values: [1]\n    outputs:\n"
            + "      - {id: o, type: STRING, value: x}\n" * 2
            + "    tasks: [{id: t, type: core.log.Log, message: x}]\n"
        ),
        "duplicate-output-id",
        "tasks[0].outputs[1].id",
        "Duplicate output id with name [o]",
    ),
    "output ids": (
        with_head("outputs:\n" + "  - {id: o, type: STRING, value: x}\n" * 2 + "tasks:\n" + LOG),
        "duplicate-output-id",
        "outputs[1].id",
        "Duplicate output id with name [o]",
    ),
    "an input that depends on none": (
        with_head(f"inputs:\n  - {{id: i, type: STRING, dependsOn: {{inputs: [j]}}}}\ntasks:\n{LOG}"),
        "unknown-input",
        "inputs[0].dependsOn.inputs[0]",
        "input 'i' depends on the unknown input 'j'",
    ),
    "inputs in a circle": (
        with_head(
            "inputs:\n  - {id: i, type: STRING, dependsOn: {inputs: [j]}}\n"
            f"  - {{id: j, type: STRING, dependsOn: {{inputs: [i]}}}}\ntasks:\n{LOG}"
        ),
        "cyclic-inputs",
        "inputs[0].dependsOn",
        "inputs depend on each other in a circle: i -> j -> i",
    ),
    "variables in a circle": (
        with_head(f"variables:\n  a: '{{{{ vars.b }}}}'\n  b: \"{{{{ vars['a'] }}}}\"\ntasks:\n{LOG}"),
        "cyclic-variables",
        "variables.a",
        "variables need each other in a circle: a -> b -> a",
    ),
    "a Dag with an unknown dependency": (
        with_task(
            "id: d\ntype: core.flow.Dag\ntasks: [{task: {id: a, type: core.log.Log, message: x}, dependsOn: [z]}]"
        ),
        "unknown-dependency",
        "tasks[0].tasks[0].dependsOn[0]",
        "task 'a' depends on 'z', which is no task of the Dag 'd'",
    ),
    "a Dag in a circle": (
        with_task("""\
            id: d
            type: core.flow.Dag
            tasks:
              - {task: {id: a, type: core.log.Log, message: x}, dependsOn: [b]}
              - {task: {id: b, type: core.log.Log, message: x}, dependsOn: [a]}
        """),
        "cyclic-dependency",
        "tasks[0].tasks[0].dependsOn",
        "Cyclic dependency detected: a -> b -> a",
    ),
    "a working directory with a flowable": (
        with_task("id: w\ntype: core.flow.WorkingDirectory\ntasks: [{id: p, type: core.flow.Pause}]"),
        "flowable-in-working-directory",
        "tasks[0].tasks[0].type",
        "w: Only runnable tasks are allowed as children of a WorkingDirectory task",
    ),
    "a working directory without tasks": (
        with_task("id: w\ntype: core.flow.WorkingDirectory"),
        "missing-key",
        "tasks[0].tasks",
        "w: The 'tasks' property cannot be empty",
    ),
    "a flow that calls itself": (
        with_task("id: s\ntype: core.flow.Subflow\nnamespace: a.b\nflowId: x"),
        "recursive-call",
        "tasks[0].flowId",
        "Recursive call to flow [a.b.x]",
    ),
    "the default of a file": (
        with_head(f"inputs:\n  - {{id: f, type: FILE, defaults: a.csv}}\ntasks:\n{LOG}"),
        "default-of-file",
        "inputs[0].defaults",
        "f: no `defaults` can be set for inputs of type 'FILE'",
    ),
    "a plugin default that is null": (
        with_head(f"pluginDefaults:\n  - {{type: x.y, values: {{a: }}}}\ntasks:\n{LOG}"),
        "invalid-value",
        "pluginDefaults[0].values.a",
        "must not be null",
    ),
    "a plugin default that its type does not know": (
        with_head(f"pluginDefaults:\n  - {{type: core.log.Log, values: {{a: 1}}}}\ntasks:\n{LOG}"),
        "unknown-key",
        "pluginDefaults[0].values.a",
        "No such key 'a' in io.kestra.plugin.core.log.Log",
    ),
}


@pytest.mark.parametrize(("text", "code", "where", "message"), ERRORS.values(), ids=ERRORS)
def test_what_no_single_object_can_see_is_an_error(text: str, code: str, where: str, message: str) -> None:
    found = [(each.code, each.where, each.message) for each in problems_of(text)]
    assert found == [(code, where, message)]


WARNINGS = {
    "a schedule that gives no input": (
        with_head(
            f"inputs:\n  - {{id: i, type: STRING}}\ntasks:\n{LOG}\n"
            "triggers:\n  - {id: t, type: core.trigger.Schedule, cron: '@daily'}"
        ),
        "missing-inputs",
    ),
    "a flow trigger for everything": (
        with_head(f"tasks:\n{LOG}\ntriggers:\n  - {{id: t, type: core.trigger.Flow}}"),
        "fires-on-everything",
    ),
    "a name of the past": (with_task("id: a\ntype: io.kestra.core.tasks.log.Log\nmessage: x"), "replaced-type"),
    "a deprecated type": (
        with_task(
            "id: a\ntype: core.flow.EachSequential\nvalue: [1]\ntasks: [{id: b, type: core.log.Log, message: x}]"
        ),
        "deprecated",
    ),
    "a deprecated key": (
        with_task("id: a\ntype: scripts.shell.Commands\nrunner: PROCESS\ncommands: [ls]"),
        "deprecated",
    ),
    "a condition in a block": (
        with_task("id: a\ntype: core.log.Log\nmessage: x\nrunIf: |\n  {{ 1 == 2 }}"),
        "always-true",
    ),
    "a condition behind a space": (
        with_task("id: a\ntype: core.execution.Fail\ncondition: ' {{ 1 == 2 }}'"),
        "always-true",
    ),
    "an agreement in a block": (
        with_head(
            "sla:\n  - id: s\n    type: EXECUTION_ASSERTION\n    behavior: NONE\n    assert: >\n      {{ 1 == 2 }}\n"
            f"tasks:\n{LOG}"
        ),
        "always-true",
    ),
    "an agreement that asks for a key": (
        with_head(
            "sla:\n  - {id: s, type: EXECUTION_ASSERTION, behavior: FAIL, assert: \"{{ kv('x') == 1 }}\"}\n"
            f"tasks:\n{LOG}"
        ),
        "never-judged",
    ),
    "a time for a list of tasks": (
        with_task("id: a\ntype: core.flow.Sequential\ntimeout: PT1S\ntasks: [{id: b, type: core.log.Log, message: x}]"),
        "ignored-key",
    ),
    "a key that steers nothing": (with_head(f"quotas: []\ntasks:\n{LOG}"), "ignored-key"),
    "what a catalogue says of a flow": (with_head(f"extend: {{title: Logs}}\ntasks:\n{LOG}"), "ignored-key"),
    "an id that is a path of the API": (f"id: search\nnamespace: a.b\ntasks:\n{LOG}", "reserved-id"),
}


@pytest.mark.parametrize(("text", "code"), WARNINGS.values(), ids=WARNINGS)
def test_what_may_be_meant_is_a_warning(text: str, code: str) -> None:
    assert flow_of(text)
    assert [(each.code, each.severity) for each in problems_of(text)] == [(code, Severity.WARNING)]


def test_what_only_kestra_2_refuses_is_told_to_those_who_look_ahead() -> None:
    text = with_head(f"inputs:\n  - {{id: i, type: STRING, required: false, defaults: x}}\ntasks:\n{LOG}")
    assert problems_of(text) == ()
    assert codes(problems_of(text, looks_ahead=True)) == ["default-of-optional"]


def test_the_namespace_of_the_file_wins_over_the_folder_with_a_warning() -> None:
    text = with_head("tasks:\n" + LOG)
    assert flow_of(text, folder_namespace="c.d").namespace == "a.b"
    assert codes(problems_of(text, folder_namespace="c.d")) == ["namespace-folder"]


def test_inputs_that_need_no_value_are_not_missed() -> None:
    text = with_head(f"""\
inputs:
  - {{id: a, type: STRING, defaults: x}}
  - {{id: b, type: STRING, required: false}}
  - {{id: c, type: STRING}}
tasks:
{LOG}
triggers:
  - {{id: t, type: core.trigger.Webhook, key: k, inputs: {{c: x}}}}
""")
    assert problems_of(text) == ()


EXPRESSIONS = {
    "a function that does not exist": (
        "message: '{{ rendr(1) }}'",
        "unknown-function",
        (6, 18),
        "did you mean 'render'?",
    ),
    "a filter that does not exist": ('message: "a {{ 1 | uper }}"', "unknown-filter", (6, 22), "did you mean 'upper'?"),
    "what cannot be read": ("message: a {{ 1 ~ }}", "expression-syntax", (6, 23), None),
    "in a folded block": (
        "message: >-\n  first\n  {{ 1 }} and\n    {{\n  rendr(1) }}",
        "unknown-function",
        (10, 7),
        "did you mean 'render'?",
    ),
    "in quotes over lines": (
        "message: 'it''s\n  {{ ''a'' }} {{ rendr(1) }}'",
        "unknown-function",
        (7, 22),
        "did you mean 'render'?",
    ),
    "after escapes": (
        r'message: "{{ \"\u00e4\" ~ rendr(1) }}"',
        "unknown-function",
        (6, 31),
        "did you mean 'render'?",
    ),
    "in a block": ("message: |\n  first\n  and {{ rendr(1) }}", "unknown-function", (8, 14), "did you mean 'render'?"),
}


@pytest.mark.parametrize(("message", "code", "place", "hint"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_a_broken_expression_is_told_at_its_place_in_the_file(
    message: str, code: str, place: tuple[int, int], hint: str | None
) -> None:
    (problem,) = problems_of(with_task(f"id: a\ntype: core.log.Log\n{message}"))
    assert (problem.code, (problem.line, problem.column), problem.hint) == (code, place, hint)


@pytest.mark.parametrize(("refuse", "severity"), [(False, Severity.WARNING), (True, Severity.ERROR)])
def test_a_broken_expression_is_an_error_for_those_who_ask(refuse: bool, severity: Severity) -> None:
    text = with_task("id: a\ntype: core.log.Log\nmessage: '{{ rendr(1) }}'")
    assert [each.severity for each in problems_of(text, refuse_broken_expressions=refuse)] == [severity]


@pytest.mark.parametrize("condition", ["'{{ 1 == 2 }}'", "|-\n  {{ 1 == 2 }}", "|\n  {{ 1 == 2 -}}", "yes "])
def test_a_condition_without_a_space_beside_it_is_not_warned_of(condition: str) -> None:
    assert problems_of(with_task(f"id: a\ntype: core.log.Log\nmessage: x\nrunIf: {condition}")) == ()


def test_texts_that_are_never_rendered_may_say_anything() -> None:
    assert problems_of(with_task("id: a\ntype: core.log.Log\nmessage: x\ndescription: 'write {{ x'")) == ()
