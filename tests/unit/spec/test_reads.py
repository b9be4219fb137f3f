"""What templates read: inputs, variables, outputs of tasks, what triggers give and loops hold."""

from textwrap import indent

import pytest
from segue.model.problem import Severity

from tests.unit.spec.flows import load, problems_of, with_head

RETURN = "type: core.debug.Return"
HTTP = "  - {id: req, type: core.http.Request, uri: 'http://x'}\n"


def reading(expression: str, *, before: str = "", after: str = "", head: str = "") -> str:
    """A flow whose task `here` reads the expression, with tasks before and after."""
    return with_head(f'{head}tasks:\n{before}  - id: here\n    {RETURN}\n    format: "{expression}"\n{after}')


def direct(expression: str) -> str:
    """The expression in a task directly inside a loop, with one before."""
    return with_head(f"""\
        tasks:
          - id: each
            type: core.flow.ForEach
            values: ['a', 'b']
            tasks:
              - {{id: first, {RETURN}, format: x}}
              - {{id: here, {RETURN}, format: "{expression}"}}
    """)


def items_in_a_loop(items: str, own: str = "") -> str:
    return with_head(f"""\
        tasks:
          - id: each
            type: core.flow.ForEach
            values: ['a', 'b']
            tasks:
              - {{id: here, type: core.flow.ForEachItem, {own}items: "{items}", namespace: a.b, flowId: y}}
    """)


def nested(expression: str, kind: str = "Sequential") -> str:
    """each > inner > here."""
    key, condition = ("then", "condition: \"{{ taskrun.value == 'a' }}\"") if kind == "If" else ("tasks", "")
    return with_head(f"""\
        tasks:
          - id: each
            type: core.flow.ForEach
            values: ['a', 'b']
            tasks:
              - id: inner
                type: core.flow.{kind}
                {condition}
                {key}:
                  - {{id: here, {RETURN}, format: "{expression}"}}
    """)


def iterating(inside: str = "x", *, own: str = "", after: str = "x", values: str = "[1]") -> str:
    """loop > first, here; and a task after it."""
    return with_head(f"""\
        tasks:
          - {{id: ahead, {RETURN}, format: x}}
          - id: loop
            type: core.flow.Loop
            values: {values}
            {own}
            tasks:
              - {{id: first, {RETURN}, format: x}}
              - {{id: here, {RETURN}, format: "{inside}"}}
          - {{id: after, {RETURN}, format: "{after}"}}
    """)


SAID = "outputs: [{id: said, type: STRING, value: '{{ outputs.here.value }}{{ item.key }}'}]"
INPUTS = "inputs:\n  - {id: name, type: STRING}\n  - {id: a.b, type: JSON}\n"
FORM = "inputs:\n  - {id: form, type: FORM, inputs: [{id: city, type: STRING}]}\n"
VARS = "variables: {greeting: {en: hello}, count: 1}\n"
SET = "  - {id: set, type: core.execution.SetVariables, variables: {later: 1}}\n"
SCHEDULE = "triggers: [{id: t, type: core.trigger.Schedule, cron: '@daily'}]\n"
WEBHOOK = "triggers: [{id: t, type: core.trigger.Webhook, key: k}]\n"
VALUES = "  - {id: o, type: core.output.OutputValues, values: {total: 1}}\n"
PAUSE = "  - {id: p, type: core.flow.Pause, onResume: [{id: reason, type: STRING}]}\n"
APPROVAL = "  - {id: p, type: core.flow.Approval, inputs: [{id: reason, type: STRING}]}\n"


def around_approval(on_wait: str, on_deny: str, **keys: str) -> str:
    """An approval with tasks before and after its wait."""
    more = "".join(f", {key}: '{value}'" for key, value in keys.items())
    return with_head(f"""\
        tasks:
          - {{id: p, type: core.flow.Approval{more}, onWait: [{{id: w, {RETURN}, format: "{on_wait}"}}],
              onDeny: [{{id: d, {RETURN}, format: "{on_deny}"}}], onApprove: [{{id: y, {RETURN}, format: x}}]}}
    """)


# Text -> code, place of the expression, what the message and the hint hold.
FOUND = {
    "an input that is not declared": (
        reading("{{ inputs.nme }}", head=INPUTS),
        "unknown-input",
        "there is no input 'nme'",
        "did you mean 'name'?",
    ),
    "any input of a flow without": (
        reading("{{ inputs.x }}"),
        "unknown-input",
        "there is no input 'x'",
        "the flow declares no inputs",
    ),
    "an input below one with a dot": (
        reading("{{ inputs.a.c }}", head=INPUTS),
        "unknown-input",
        "there is no input 'a.c'",
        "did you mean 'a.b'?",
    ),
    "an input of a form": (
        reading("{{ inputs.form.town }}", head=FORM),
        "unknown-input",
        "there is no input 'form.town'",
        "did you mean 'form.city'?",
    ),
    "a variable that does not exist": (
        reading("{{ input.name }}", head=INPUTS),
        "unknown-variable",
        "there is no variable 'input' here",
        "did you mean 'inputs'?",
    ),
    "a secret as a variable": (
        reading("{{ secret.KEY }}"),
        "unknown-variable",
        "there is no variable 'secret' here",
        "secrets are a function: secret('NAME')",
    ),
    "a key that the flow does not have": (
        reading("{{ flow.name }}"),
        "unknown-variable",
        "the variable 'flow' has no 'name'",
        "did you mean 'namespace'?",
    ),
    "the item of a Loop outside": (
        reading("{{ item.value }}"),
        "unknown-variable",
        "there is no variable 'item' here",
        "it exists in the tasks, `outputs` and `breakWhen` of a Loop; in a ForEach the value is `taskrun.value`",
    ),
    "the item in the errors of its Loop": (
        iterating(own=f"errors: [{{id: e, {RETURN}, format: '{{{{ item.value }}}}'}}]"),
        "unknown-variable",
        "there is no variable 'item' here",
        "it exists in the tasks, `outputs` and `breakWhen` of a Loop; in a ForEach the value is `taskrun.value`",
    ),
    "the item in the values of its Loop": (
        iterating(values='"{{ item.value }}"'),
        "unknown-variable",
        "there is no variable 'item' here",
        "it exists in the tasks, `outputs` and `breakWhen` of a Loop; in a ForEach the value is `taskrun.value`",
    ),
    "no part of the item": (
        iterating("{{ item.number }}"),
        "unknown-variable",
        "the variable 'item' has no 'number'",
        None,
    ),
    "an iteration inside it": (
        iterating("{{ iteration.state }}"),
        "unknown-variable",
        "there is no variable 'iteration' here",
        "it exists in `breakWhen` of a Loop; the number of an iteration is `item.index`",
    ),
    "the parent of an item without one": (
        iterating("{{ item.parent.value }}"),
        "no-parent",
        "'item.parent' does not exist here: around the Loop there is no other",
        None,
    ),
    "the value of a ForEach in a Loop": (
        iterating("{{ taskrun.value }}"),
        "no-loop",
        "'taskrun.value' exists only in a loop: the task is in no ForEach",
        "in a Loop it is item.value",
    ),
    "a sibling in an iteration by value": (
        iterating("{{ outputs.first[item.value].value }}"),
        "output-of-loop",
        "the outputs of 'first' are flat: each iteration of 'loop' has its own",
        "use outputs.first.value",
    ),
    "a sibling in an iteration as in a ForEach": (
        iterating("{{ currentEachOutput(outputs.first).value }}"),
        "output-of-loop",
        "the outputs of 'first' are flat: each iteration of 'loop' has its own",
        "use outputs.first.value",
    ),
    "a task of an iteration from outside": (
        iterating(after="{{ outputs.here.value }}"),
        "output-of-loop",
        "the task 'here' runs in the iterations of 'loop', and its outputs stay in them",
        "give 'loop' `outputs`, and read them as outputs.loop.outputs",
    ),
    "a task of an iteration when that has ended": (
        iterating(own="breakWhen: \"{{ outputs.here.value == 'x' }}\""),
        "output-of-loop",
        "the task 'here' runs in the iterations of 'loop', and its outputs stay in them",
        "give 'loop' `outputs`, and read those of an iteration as iteration.outputs",
    ),
    "outputs of a Loop that declares none": (
        iterating(after="{{ outputs.loop.outputs }}"),
        "unknown-output",
        "the task 'loop' has no output 'outputs': Loop gives iterationCount, runningIterations, terminatedIterations",
        None,
    ),
    "outputs of a Loop that go to a file": (
        iterating(own=f"fetchType: STORE\n            {SAID}", after="{{ loopOutputs(outputs.loop.outputs, 'said') }}"),
        "unknown-output",
        "the task 'loop' has no output 'outputs': Loop gives iterationCount, runningIterations, terminatedIterations, uri",
        None,
    ),
    "a script's variable outside scripts": (
        reading("{{ workingDir }}"),
        "unknown-variable",
        "there is no variable 'workingDir' here",
        None,
    ),
    "a constant that is not set": (
        reading("{{ vars.greting }}", head=VARS),
        "unknown-variable",
        "there is no variable 'vars.greting'",
        "did you mean 'greeting'?",
    ),
    "a key that a constant does not have": (
        reading("{{ vars.greeting.fr }}", head=VARS),
        "unknown-variable",
        "'vars.greeting' has no 'fr'",
        None,
    ),
    "a task that does not exist": (
        reading("{{ outputs.frist.value }}", before=f"  - {{id: first, {RETURN}, format: x}}\n"),
        "unknown-task",
        "there is no task 'frist'",
        "did you mean 'first'?",
    ),
    "the state of a task that does not exist": (
        reading("{{ tasks.x.state }}"),
        "unknown-task",
        "there is no task 'x'",
        None,
    ),
    "a task that runs later": (
        reading("{{ outputs.next.value }}", after=f"  - {{id: next, {RETURN}, format: x}}\n"),
        "later-task",
        "the task 'next' runs later than this",
        None,
    ),
    "the task itself": (
        reading("{{ outputs.here.value }}"),
        "later-task",
        "the task 'here' is this task itself, which has no outputs before it has run",
        None,
    ),
    "a task of the errors branch": (
        reading("{{ outputs.oops.value }}") + f"errors: [{{id: oops, {RETURN}, format: x}}]\n",
        "later-task",
        "the task 'oops' runs later than this",
        None,
    ),
    "a task that is disabled": (
        reading("{{ outputs.off.value }}", before=f"  - {{id: off, {RETURN}, format: x, disabled: true}}\n"),
        "disabled-task",
        "the task 'off' is disabled and never runs",
        None,
    ),
    "an output that the type never has": (
        reading("{{ outputs.req.status }}", before=HTTP),
        "unknown-output",
        "the task 'req' has no output 'status': Request gives uri, code, headers, body, encryptedBody",
        None,
    ),
    "any output of a type without": (
        reading("{{ outputs.log.value }}", before="  - {id: log, type: core.log.Log, message: x}\n"),
        "unknown-output",
        "the task 'log' has no outputs: Log gives none",
        None,
    ),
    "a value that OutputValues does not give": (
        reading("{{ outputs.o.values.totl }}", before=VALUES),
        "unknown-output",
        "the task 'o' has no 'values.totl'",
        "did you mean 'total'?",
    ),
    "an answer that a pause does not ask for": (
        reading("{{ outputs.p.onResume.reasn }}", before=PAUSE),
        "unknown-output",
        "the task 'p' has no 'onResume.reasn'",
        "did you mean 'reason'?",
    ),
    "an input that an approval does not ask for": (
        reading("{{ outputs.p.inputs.reasn }}", before=APPROVAL),
        "unknown-output",
        "the task 'p' has no 'inputs.reasn'",
        "did you mean 'reason'?",
    ),
    "what runs after the wait, before it": (
        around_approval("{{ outputs.d.value }}", "x"),
        "later-task",
        "the task 'd' runs later than this",
        None,
    ),
    "what runs after another decision": (
        around_approval("x", "{{ outputs.y.value }}"),
        "later-task",
        "the task 'y' is in the other branch: only one of the two runs",
        None,
    ),
    "an approval in what it is asked first": (
        around_approval("x", "x", autoApprove='{{ outputs.p.comment == "x" }}'),
        "later-task",
        "the task 'p' is this task itself, which has no outputs before it has run",
        None,
    ),
    "a trigger's variable without triggers": (
        reading("{{ trigger.date }}"),
        "unknown-trigger-variable",
        "no trigger gives 'trigger.date': the flow has none",
        "it comes from Schedule, ScheduleOnDates",
    ),
    "a webhook's variable from a schedule": (
        reading("{{ trigger.body }}", head=SCHEDULE),
        "unknown-trigger-variable",
        "no trigger gives 'trigger.body': Schedule gives none",
        "it comes from Webhook, Trigger",
    ),
    "the value of a loop outside loops": (
        reading("{{ taskrun.value }}"),
        "no-loop",
        "'taskrun.value' exists only in a loop: the task is in no ForEach",
        None,
    ),
    "the value of a loop one level too deep": (
        nested("{{ taskrun.value }}"),
        "no-loop",
        "'taskrun.value' is that of the task itself, which has none inside the Sequential 'inner'",
        "use parent.taskrun.value",
    ),
    "the value of a loop around items": (
        items_in_a_loop("{{ taskrun.value }}"),
        "no-loop",
        "'taskrun.value' is that of the task run of a batch, which has none",
        "use parent.taskrun.value",
    ),
    "a parent where there is none": (
        reading("{{ parent.taskrun.value }}"),
        "no-parent",
        "'parent' does not exist here: the task has no parent with a value or outputs",
        "the value of a loop is `taskrun.value`",
    ),
    "a parent beyond the outermost": (
        nested("{{ parents[1].taskrun.value }}"),
        "no-parent",
        "'parents[1]' does not exist here: the task has 1 parent with a value or outputs",
        "parents count from 0, the nearest first",
    ),
}


@pytest.mark.parametrize(("text", "code", "message", "hint"), FOUND.values(), ids=FOUND)
def test_what_can_only_fail_is_an_error_for_those_who_ask(text: str, code: str, message: str, hint: str | None) -> None:
    (problem,) = problems_of(text, refuse_broken_expressions=True)
    assert (problem.code, problem.message, problem.hint) == (code, message, hint)
    assert problem.severity is Severity.ERROR
    line = text.splitlines()[problem.line - 1]
    assert "{{ " in line[: problem.column - 1]
    assert line[problem.column - 1 :].startswith(
        ("input", "secret", "iteration", "currentEach", "flow", "item", "work", "vars", "out", "t", "par")
    )


@pytest.mark.parametrize("text", [text for text, *_ in FOUND.values()], ids=FOUND)
def test_at_a_sync_it_is_a_warning_and_the_flow_is_live(text: str) -> None:
    loaded = load(text)
    assert loaded.flow is not None
    assert [each.severity for each in loaded.problems] == [Severity.WARNING]


PERHAPS = {
    "in a branch": (reading("{{ flow.id == 'x' ? inputs.x : 'y' }}"), "unknown-input"),
    "in a condition's body": (reading("{% if flow.id == 'x' %}{{ outputs.x }}{% endif %}"), "unknown-task"),
    "caught": (reading("{{ inputs.x ?? 'y' }}"), "unknown-input"),
    "of a task that runs at the same time": (
        with_head(f"""\
            tasks:
              - id: both
                type: core.flow.Parallel
                tasks:
                  - {{id: a, {RETURN}, format: x}}
                  - {{id: b, {RETURN}, format: "{{{{ outputs.a.value }}}}"}}
        """),
        "later-task",
    ),
    "in a task that is off": (
        with_head(f'tasks:\n  - {{id: a, {RETURN}, disabled: true, format: "{{{{ inputs.x }}}}"}}\n'),
        "unknown-input",
    ),
    "in a variable, which only another text renders": (
        with_head(f'variables: {{a: "{{{{ inputs.x }}}}"}}\ntasks:\n  - {{id: a, {RETURN}, format: x}}\n'),
        "unknown-input",
    ),
    "a field of an answer's text": (reading("{{ outputs.req.body.id }}", before=HTTP), "field-of-text"),
    "an output that is kept by value": (direct("{{ outputs.first.value }}"), "output-of-loop"),
}


@pytest.mark.parametrize(("text", "code"), PERHAPS.values(), ids=PERHAPS)
def test_what_may_not_come_to_pass_is_a_warning(text: str, code: str) -> None:
    found = [(each.code, each.severity) for each in problems_of(text, refuse_broken_expressions=True)]
    assert found == [(code, Severity.WARNING)]


def test_the_hint_for_a_field_of_a_text_names_the_function() -> None:
    (problem,) = problems_of(reading("{{ outputs.req.body.user.id }}", before=HTTP))
    assert problem.hint == "read it first: fromJson(outputs.req.body).user.id"


def test_the_hint_for_an_output_of_a_loop_says_how_to_come_to_it() -> None:
    (problem,) = problems_of(direct("{{ outputs.first.value }}"))
    assert problem.hint == "use outputs.first[taskrun.value].value or currentEachOutput(outputs.first).value"


def test_a_dash_is_a_minus() -> None:
    text = reading("{{ outputs.my-task.value }}", before=f"  - {{id: my-task, {RETURN}, format: x}}\n")
    found = {each.code: each.hint for each in problems_of(text)}
    assert found["unknown-task"] == "write outputs['my-task']: a dash is a minus"


GOOD = {
    "inputs": reading("{{ inputs.name }} {{ inputs.a.b.c[0].d }} {{ inputs['name'] }}", head=INPUTS),
    "an input of a form": reading("{{ inputs.form.city }} {{ inputs.form }}", head=FORM),
    "a key that only running tells": reading("{{ inputs[flow.id] }}", head=INPUTS),
    "names that the template sets": reading("{% set x = 1 %}{{ x }}{% for y in [1] %}{{ y ~ loop.index }}{% endfor %}"),
    "constants": reading("{{ vars.greeting.en }} {{ vars.count }} {{ vars.later }}", before=SET, head=VARS),
    "constants that only running tells": reading(
        "{{ vars.x }}", before="  - {id: s, type: core.execution.SetVariables, variables: '{{ inputs }}'}\n"
    ),
    "what may be missing": reading("{{ vars.x ?? outputs.here.value ?? trigger.date ?? 1 }}{{ x | default(1) }}"),
    "what is asked for first": reading("{% if trigger.date is defined %}{{ trigger.date }}{% endif %}"),
    "an earlier task": reading(
        "{{ outputs.first.value }} {{ tasks.first.state }}", before=f"  - {{id: first, {RETURN}, format: x}}\n"
    ),
    "values that are given": reading("{{ outputs.o.values.total }}", before=VALUES),
    "answers to a pause": reading("{{ outputs.p.onResume.reason }}{{ outputs.p.resumed.by }}", before=PAUSE),
    "answers to an approval": reading("{{ outputs.p.inputs.reason }}{{ outputs.p.by }}", before=APPROVAL),
    "an approval in what it leads to": around_approval(
        "{{ outputs.p.url }}",
        "{{ outputs.p.comment }}{{ outputs.w.value }}",
        denyBehavior="{{ outputs.p.comment }}{{ outputs.d.value }}",
        due="{{ outputs.w.value }}",
        timeout="{{ outputs.w.value }}",
    ),
    "an answer that is read": reading("{{ fromJson(outputs.req.body).id }} {{ outputs.req.body }}", before=HTTP),
    "a header": reading("{{ outputs.req.headers['content-type'][0] }}", before=HTTP),
    "a trigger's date": reading("{{ trigger.date }} {{ schedule.date }}", head=SCHEDULE),
    "a call": reading("{{ trigger.body.user.id }} {{ trigger.headers }}", head=WEBHOOK),
    "the caller": reading("{{ trigger.executionId }}"),
    "outputs of all kinds in the flow's own": reading(
        "x", after="outputs:\n  - {id: o, type: STRING, value: '{{ outputs.here.value }}'}\n"
    ),
    "the value of a loop": direct(
        "{{ taskrun.value }} {{ taskrun.iteration }} {{ outputs.first[taskrun.value].value }}"
        "{{ currentEachOutput(outputs.first).value }}"
    ),
    "an iteration": iterating(
        "{{ item.value }}{{ item.index }}{{ outputs.first.value }}{{ outputs.ahead.value }}{{ tasks.first.state }}",
        own="breakWhen: \"{{ iteration.state == 'FAILED' or iteration.outputs.said == item.value }}\"\n"
        f"            {SAID}\n"
        f"            errors: [{{id: e, {RETURN}, format: '{{{{ outputs.loop.terminatedIterations }}}}'}}]",
        after="{{ loopOutputs(outputs.loop.outputs, 'said') }}{{ outputs.loop.uri }}{{ outputs.loop.iterationCount }}",
    ),
    "an iteration of an iteration": with_head(f"""\
        tasks:
          - id: outer
            type: core.flow.Loop
            values: [[1]]
            tasks:
              - {{id: seen, {RETURN}, format: x}}
              - id: inner
                type: core.flow.Loop
                values: "{{{{ item.value }}}}"
                breakWhen: "{{{{ item.parent.index > 2 and iteration.state == 'FAILED' }}}}"
                tasks:
                  - {{id: here, {RETURN}, format: "{{{{ item.parents[0].value }}}}{{{{ outputs.seen.value }}}}"}}
    """),
    "a ForEach in a Loop in a ForEach": with_head(f"""\
        tasks:
          - id: each
            type: core.flow.ForEach
            values: [a]
            tasks:
              - {{id: around, {RETURN}, format: x}}
              - id: loop
                type: core.flow.Loop
                values: [1]
                tasks:
                  - id: within
                    type: core.flow.ForEach
                    values: [b]
                    tasks:
                      - {{id: f, {RETURN}, format: x}}
                      - {{id: here, {RETURN}, format: "{{{{ currentEachOutput(outputs.f).value }}}}{{{{ parent.taskrun.value }}}}
                          {{{{ outputs.around[parent.taskrun.value].value }}}}"}}
    """),
    "the value of a loop around items": items_in_a_loop("{{ parent.taskrun.value }}{{ taskrun.iteration }}"),
    "whether items of a loop are looked at": items_in_a_loop("x", own="runIf: '{{ taskrun.value }}', "),
    "the value of a loop around": nested("{{ parent.taskrun.value }} {{ parents[0].taskrun.value }}"),
    "the outputs of a parent": nested("{{ parent.outputs.evaluationResult }}", "If"),
    "a failed task, in the errors branch": reading("x")
    + f"errors: [{{id: e, {RETURN}, format: '{{{{ outputs.here.value }}}}'}}]\n",
    "what a text shows raw": reading("{% raw %}{{ nothing }}{% endraw %}"),
    "the fields of items": with_head(
        "tasks:\n  - {id: f, type: core.storage.FilterItems, from: x, filterCondition: '{{ price > 1 }}'}"
    ),
    "the answer to a poll": reading("x")
    + "triggers: [{id: t, type: core.http.Trigger, uri: 'http://x', responseCondition: '{{ response.statusCode }}'}]\n",
    "an upstream flow": reading("x")
    + "triggers: [{id: t, type: core.trigger.Flow, inputs: {}, dependsOn: [{flowId: y, when: '{{ outputs.a > 1 }}'}]}]\n",
    "a pass of a loop, in its condition": with_head(f"""\
        tasks:
          - id: until
            type: core.flow.LoopUntil
            condition: "{{{{ outputs.ask.value == 'done' }}}}"
            tasks: [{{id: ask, {RETURN}, format: done}}]
    """),
    "the parts of a ForEachItem": reading(
        "{{ outputs.items_merge.subflowOutputs }} {{ outputs.items_split.splits }}",
        before="  - {id: items, type: core.flow.ForEachItem, items: x, namespace: a.b, flowId: y, "
        "inputs: {f: '{{ taskrun.items }}'}}\n",
    ),
    "a dependency of a Dag": with_head(f"""\
        tasks:
          - id: dag
            type: core.flow.Dag
            tasks:
              - {{task: {{id: c, {RETURN}, format: "{{{{ outputs.a.value }}}}"}}, dependsOn: [b]}}
              - {{task: {{id: b, {RETURN}, format: x}}, dependsOn: [a]}}
              - {{task: {{id: a, {RETURN}, format: x}}}}
    """),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_is_there_is_not_complained_of(text: str) -> None:
    assert [str(each) for each in problems_of(text, refuse_broken_expressions=True)] == []


UNREACHABLE = {
    "behind a Fail": ("{id: a, type: core.execution.Fail}", "'a' before it always ends the list"),
    "behind an Exit": ("{id: a, type: core.execution.Exit}", "'a' before it always ends the list"),
}


@pytest.mark.parametrize(("task", "because"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_tasks_behind_an_end_never_run(task: str, because: str) -> None:
    (problem,) = problems_of(with_head(f"tasks:\n  - {task}\n  - {{id: b, type: core.log.Log, message: x}}\n"))
    assert (problem.code, problem.where) == ("unreachable-task", "tasks[1]")
    assert problem.message == f"the task 'b' never runs: {because}"


REACHABLE = [
    "{id: a, type: core.execution.Fail, condition: '{{ flow.id }}'}",
    "{id: a, type: core.execution.Fail, runIf: '{{ flow.id }}'}",
    "{id: a, type: core.execution.Fail, allowFailure: true}",
    "{id: a, type: core.execution.Fail, disabled: true}",
]


@pytest.mark.parametrize("task", REACHABLE)
def test_tasks_behind_what_may_end_are_not_complained_of(task: str) -> None:
    assert problems_of(with_head(f"tasks:\n  - {task}\n  - {{id: b, type: core.log.Log, message: x}}\n")) == ()


def test_branches_that_are_never_chosen_are_told() -> None:
    text = with_head("""\
        tasks:
          - id: if
            type: core.flow.If
            condition: "false"
            then: [{id: a, type: core.log.Log, message: x}]
          - id: switch
            type: core.flow.Switch
            value: "1"
            cases: {"1": [{id: b, type: core.log.Log, message: x}], "2": [{id: c, type: core.log.Log, message: x}]}
            defaults: [{id: d, type: core.log.Log, message: x}]
    """)
    assert [(each.code, each.where) for each in problems_of(text)] == [
        ("unreachable-task", "tasks[0].then[0]"),
        ("unreachable-task", "tasks[1].cases.2[0]"),
        ("unreachable-task", "tasks[1].defaults[0]"),
    ]


# Faults of the kinds that published flows have.
PUBLISHED = {
    "{{ secrets('API_KEY') }}": ("unknown-function", "did you mean 'secret'?"),
    "{{ now() | dateFormat('yyyy') }}": ("unknown-filter", "use `date`: {{ x | date('yyyy-MM-dd') }}"),
    "{{ flow.id | truncate(3) }}": ("unknown-filter", "use `abbreviate`: {{ x | abbreviate(20) }}"),
    "{{ flow.id | ternary('a', 'b') }}": ("unknown-filter", "write it as {{ condition ? a : b }}"),
    "{{ outputs.req.body | fromJson }}": ("unknown-filter", "it is a function: {{ fromJson(x) }}"),
    "{{ outputs.req.body.items }}": ("field-of-text", "read it first: fromJson(outputs.req.body).items"),
    "{{ now() | date('YYYY-MM-dd') }}": ("week-year", "did you mean 'yyyy-MM-dd'?"),
}


@pytest.mark.parametrize(("expression", "found"), PUBLISHED.items(), ids=PUBLISHED)
def test_faults_of_published_flows_are_found(expression: str, found: tuple[str, str]) -> None:
    assert [(each.code, each.hint) for each in problems_of(reading(expression, before=HTTP))] == [found]


def test_the_place_is_that_of_the_expression_inside_a_block() -> None:
    script = indent("import os\nfirst = 1\nprint('{{ inputs.nme }}')", "      ")
    text = with_head(f"{INPUTS}tasks:\n  - id: py\n    type: scripts.python.Script\n    script: |\n{script}\n")
    (problem,) = problems_of(text)
    assert text.splitlines()[problem.line - 1][problem.column - 1 :] == "inputs.nme }}')"
