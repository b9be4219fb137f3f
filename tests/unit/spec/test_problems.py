"""What is wrong in a flow is a problem with its place, its code and what to do."""

import pytest
from segue.model.problem import Severity
from segue.spec.inputs import TYPES

from tests.unit.spec.flows import LOG, codes, flow_of, load, problems_of, with_head, with_task

CASES = {
    "missing key": (with_task("id: a\ntype: core.log.Log"), "missing-key", 4, "tasks[0].message", "must not be null"),
    "null for a missing key": (
        with_task("id: a\ntype: core.log.Log\nmessage:"),
        "missing-key",
        6,
        "tasks[0].message",
        "must not be null",
    ),
    "unknown key": (
        with_task("id: a\ntype: core.log.Log\nmessage: x\nlevl: INFO"),
        "unknown-key",
        7,
        "tasks[0].levl",
        "unknown key 'levl'",
    ),
    "unknown key that is null": (
        with_task("id: a\ntype: core.debug.Return\ninvalid:"),
        "unknown-key",
        6,
        "tasks[0].invalid",
        "unknown key 'invalid'",
    ),
    "unknown type": (
        with_task("id: a\ntype: core.log.Logg\nmessage: x"),
        "unknown-type",
        5,
        "tasks[0].type",
        "Invalid type: core.log.Logg",
    ),
    "a trigger among the tasks": (
        with_task("id: a\ntype: core.trigger.Webhook\nkey: x"),
        "unknown-type",
        5,
        "tasks[0].type",
        "Invalid type: core.trigger.Webhook",
    ),
    "no type": (with_task("id: a\nmessage: x"), "missing-key", 4, "tasks[0].type", "must not be null"),
    "a removed type": (
        with_task("id: a\ntype: io.kestra.plugin.core.flow.Template"),
        "removed-type",
        5,
        "tasks[0].type",
        "Invalid type: io.kestra.plugin.core.flow.Template was removed",
    ),
    "a word out of a list": (
        with_task("id: a\ntype: core.log.Log\nmessage: x\nlevel: WARNING"),
        "invalid-value",
        7,
        "tasks[0].level",
        "must be one of TRACE, DEBUG, INFO, WARN, ERROR",
    ),
    "a text for a number": (
        with_task(
            "id: a\ntype: core.flow.Parallel\nconcurrent: many\ntasks: [{id: b, type: core.log.Log, message: x}]"
        ),
        "invalid-value",
        6,
        "tasks[0].concurrent",
        "must be a whole number",
    ),
    "a bad timeout": (
        with_task("id: a\ntype: core.log.Log\nmessage: x\ntimeout: 5 minutes"),
        "invalid-duration",
        7,
        "tasks[0].timeout",
        "'5 minutes' is not an ISO 8601 duration like PT30S, PT5M or P1DT12H",
    ),
    "a bad retry": (
        with_task("id: a\ntype: core.log.Log\nmessage: x\nretry: {type: constant, interval: PT5S, maxDuration: PT1S}"),
        "invalid-retry",
        7,
        "tasks[0].retry",
        "'interval' must be less than 'maxDuration' but is PT5S",
    ),
    "an unknown retry": (
        with_task("id: a\ntype: core.log.Log\nmessage: x\nretry: {type: constantly, interval: PT5S}"),
        "unknown-type",
        7,
        "tasks[0].retry.type",
        "Invalid type: constantly",
    ),
    "no attempts": (
        with_task("id: a\ntype: core.log.Log\nmessage: x\nretry: {type: constant, interval: PT5S, maxAttempt: 0}"),
        "invalid-value",
        7,
        "tasks[0].retry.maxAttempt",
        "must be greater than or equal to 1",
    ),
    "a task that is null": (with_head("tasks:\n  -\n"), "invalid-value", 4, "tasks[0]", "must not be null"),
    "a task that is a text": (with_head("tasks: [log]"), "invalid-value", 3, "tasks[0]", "must be a map"),
    "tasks that are a text": (with_head("tasks: log"), "invalid-value", 3, "tasks", "must be a list"),
    "no tasks": (with_head(""), "missing-key", 1, "tasks", "must not be empty"),
    "an empty list of tasks": (with_head("tasks: []"), "invalid-value", 3, "tasks", "must not be empty"),
    "a bad id": (
        "id: my flow\nnamespace: a.b\ntasks:\n" + LOG,
        "invalid-id",
        1,
        "id",
        "must match '^[a-zA-Z0-9][a-zA-Z0-9._-]*$'",
    ),
    "a bad namespace": (
        "id: x\nnamespace: A.B\ntasks:\n" + LOG,
        "invalid-namespace",
        2,
        "namespace",
        "must match '^[a-z0-9][a-z0-9._-]*$'",
    ),
    "no namespace": ("id: x\ntasks:\n" + LOG, "missing-key", 1, "namespace", "must not be null"),
    "too long an id": (
        f"id: {'x' * 101}\nnamespace: a\ntasks:\n{LOG}",
        "invalid-id",
        1,
        "id",
        "size must be between 1 and 100",
    ),
    "a bad task id": (
        with_task("id: a b\ntype: core.log.Log\nmessage: x"),
        "invalid-id",
        4,
        "tasks[0].id",
        "must match '^[a-zA-Z0-9][a-zA-Z0-9_-]*$'",
    ),
    "a system label": (
        with_head(f"labels: {{system.id: x}}\ntasks:\n{LOG}"),
        "system-label",
        3,
        "labels",
        "System labels can only be set by the system itself, offending label: system.id",
    ),
    "a system label of an agreement": (
        with_head(
            "sla: [{id: s, type: MAX_DURATION, duration: PT1S, behavior: NONE, labels: {system.id: x}}]\n"
            f"tasks:\n{LOG}"
        ),
        "system-label",
        3,
        "sla[0].labels",
        "System labels can only be set by the system itself, offending label: system.id",
    ),
    "an output of no type in a Loop": (
        with_head(
            "tasks:\n  - id: l\n    type: core.flow.Loop\n    values: [1]\n"
            "    outputs: [{id: o, type: WORD, value: x}]\n    tasks: [{id: t, type: core.log.Log, message: x}]\n"
        ),
        "invalid-type",
        7,
        "tasks[0].outputs[0].type",
        f"'WORD' is no type of outputs, expected one of {', '.join(TYPES)}",
    ),
    "an output of no type": (
        with_head(f"outputs: [{{id: o, type: WORD, value: x}}]\ntasks:\n{LOG}"),
        "invalid-type",
        3,
        "outputs[0].type",
        f"'WORD' is no type of outputs, expected one of {', '.join(TYPES)}",
    ),
    "several conditions that are none": (
        with_head(
            f"tasks:\n{LOG}\ntriggers:\n  - id: t\n    type: core.trigger.Flow\n    conditions:\n"
            "      - {type: core.condition.MultipleCondition, id: m, conditions: {}}"
        ),
        "invalid-value",
        9,
        "triggers[0].conditions[0].conditions",
        "must not be empty",
    ),
    "a switch that leads nowhere": (
        with_task("id: a\ntype: core.flow.Switch\nvalue: x\ncases: {}"),
        "empty-switch",
        4,
        "tasks[0]",
        "No task defined, neither cases or default have any tasks",
    ),
    "a case that is no list": (
        with_task("id: a\ntype: core.flow.Switch\nvalue: x\ncases:\n  one: log"),
        "invalid-value",
        8,
        "tasks[0].cases.one",
        "must be a list",
    ),
    "something wrong deep inside": (
        with_task("""\
            id: a
            type: core.flow.Switch
            value: x
            cases:
              one:
                - id: b
                  type: core.flow.Sequential
                  tasks:
                    - {id: c, type: core.log.Log}
        """),
        "missing-key",
        12,
        "tasks[0].cases.one[0].tasks[0].message",
        "must not be null",
    ),
    "a bad cron line": (
        with_head(f"tasks:\n{LOG}\ntriggers:\n  - {{id: t, type: core.trigger.Schedule, cron: 61 * * * *}}"),
        "invalid-cron",
        6,
        "triggers[0].cron",
        "invalid cron expression '61 * * * *': the minute is '61', expected 0-59",
    ),
    "a bad time zone": (
        with_head(
            f"tasks:\n{LOG}\ntriggers:\n  - {{id: t, type: core.trigger.Schedule, cron: '@daily', timezone: Mars/Base}}"
        ),
        "invalid-timezone",
        6,
        "triggers[0].timezone",
        "'Mars/Base' is not a valid time zone",
    ),
    "a schedule with an interval": (
        with_head(
            f"tasks:\n{LOG}\ntriggers:\n  - {{id: t, type: core.trigger.Schedule, cron: '@daily', interval: PT1S}}"
        ),
        "unknown-key",
        6,
        "triggers[0].interval",
        "must be null",
    ),
    "an unknown input type": (
        with_head(f"inputs:\n  - {{id: a, type: FOO}}\ntasks:\n{LOG}"),
        "unknown-type",
        4,
        "inputs[0].type",
        "Invalid type: FOO",
    ),
    "a bad pattern": (
        with_head(f"inputs:\n  - {{id: a, type: STRING, validator: '['}}\ntasks:\n{LOG}"),
        "invalid-pattern",
        4,
        "inputs[0].validator",
        "invalid pattern [[]",
    ),
    "both values and expression": (
        with_head(f"inputs:\n  - {{id: a, type: SELECT, values: [x], expression: '{{{{ y }}}}'}}\ntasks:\n{LOG}"),
        "values-and-expression",
        4,
        "inputs[0]",
        "`values` and `expression` cannot both be set",
    ),
    "a list of lists": (
        with_head(f"inputs:\n  - {{id: a, type: ARRAY, itemType: ARRAY}}\ntasks:\n{LOG}"),
        "invalid-item-type",
        4,
        "inputs[0].itemType",
        "a: `itemType` cannot be `ARRAY`",
    ),
    "listeners": (with_head(f"listeners: []\ntasks:\n{LOG}"), "removed-key", 3, "listeners", "listeners were removed"),
    "an unquoted expression": (
        with_task("id: a\ntype: core.log.Log\nmessage: {{ x }}"),
        "yaml-key",
        6,
        "",
        "an expression must be quoted here",
    ),
    "an empty file": ("", "not-a-flow", 0, "", "the file is empty"),
    "a list": ("- a\n", "not-a-flow", 1, "", "a flow is a map with `id`, `namespace` and `tasks`"),
}


@pytest.mark.parametrize(("text", "code", "line", "where", "message"), CASES.values(), ids=CASES)
def test_a_fault_has_its_code_its_place_and_its_message(
    text: str, code: str, line: int, where: str, message: str
) -> None:
    loaded = load(text)
    assert loaded.flow is None
    (problem,) = loaded.errors
    assert (problem.code, problem.line, problem.where, problem.message) == (code, line, where, message)


HINTS = {
    "a key that is nearly right": (
        with_task("id: a\ntype: core.log.Log\nmesage: x\nmessage: y"),
        "did you mean 'message'?",
    ),
    "a shared key that is nearly right": (
        with_task("id: a\ntype: core.log.Log\nmessage: y\ntimeuot: PT1S"),
        "did you mean 'timeout'?",
    ),
    "a key out of the blue": (
        with_task("id: a\ntype: core.log.Log\nmessage: y\nzzz: 1"),
        "possible here: level, message",
    ),
    "a type that is nearly right": (
        with_task("id: a\ntype: core.log.Logg\nmessage: y"),
        "did you mean io.kestra.plugin.core.log.Log?",
    ),
    "a word that is nearly right": (
        with_task("id: a\ntype: core.log.Log\nmessage: y\nlevel: info"),
        "did you mean 'INFO'?",
    ),
}


@pytest.mark.parametrize(("text", "hint"), HINTS.values(), ids=HINTS)
def test_a_fault_says_what_was_meant(text: str, hint: str) -> None:
    assert problems_of(text)[0].hint == hint


def test_one_look_shows_every_fault_in_the_order_of_the_text() -> None:
    text = with_head("""\
        labels: [a]
        tasks:
          - {id: a, type: core.log.Log}
          - {id: b, type: core.nothing.Here}
        triggers:
          - {id: t, type: core.trigger.Schedule}
    """)
    assert codes(problems_of(text)) == ["invalid-labels", "missing-key", "unknown-type", "missing-key"]


def test_a_warning_keeps_no_flow_from_going_live() -> None:
    loaded = load(with_task("id: a\ntype: core.debug.Echo\nformat: x"))
    assert loaded.flow is not None
    assert [(each.code, each.severity) for each in loaded.problems] == [("deprecated", Severity.WARNING)]


def test_a_missing_namespace_is_that_of_the_folder() -> None:
    assert flow_of("id: x\ntasks:\n" + LOG, default_namespace="company.team").namespace == "company.team"


def test_one_document_of_several_is_a_flow_of_its_own() -> None:
    text = "---\nid: a\nnamespace: n\ntasks:\n" + LOG + "\n---\nid: b\nnamespace: n\ntasks:\n" + LOG
    assert [flow_of(text, document=each).id for each in (0, 1)] == ["a", "b"]


def test_yaml_that_breaks_off_is_told_whichever_document_is_wanted() -> None:
    text = "id: a\nnamespace: n\ntasks:\n" + LOG + "\n---\n]"
    assert flow_of(text).id == "a"
    assert codes(problems_of(text, document=1)) == ["yaml-syntax"]


def test_a_problem_names_the_file() -> None:
    assert str(problems_of("]")[0]).startswith("flow.yaml:1:1 yaml-syntax ")
