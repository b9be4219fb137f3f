"""Flows as they come out: both dialects as one, defaults put in."""

from datetime import timedelta
from pathlib import Path

import pytest
from segue.model.flow import ConcurrencyBehavior, DependsOn, PluginDefault
from segue.model.state import State
from segue.model.task import (
    AllowFailure,
    Approval,
    Dag,
    ForEach,
    If,
    Parallel,
    Retry,
    RetryBehavior,
    RetryKind,
    Runnable,
    Sequential,
    Sleep,
    Switch,
)
from segue.model.trigger import Files, FlowEnds, Polling, RecoverMissed, Schedule, ScheduleOnDates, Webhook
from segue.spec.loader import load_flow

from tests.unit.spec.flows import EVERYTHING, LOG, flow_of, load, problems_of, with_head, with_task

FLOWS = Path(__file__).parents[3] / "flows"


def task_of(text: str, **around: object):
    return flow_of(with_task(text), **around).tasks[0]


def trigger_of(text: str):
    return flow_of(with_head(f"tasks:\n{LOG}\ntriggers:\n  - {{id: t, {text}}}\n")).triggers[0]


@pytest.mark.parametrize("file", sorted(FLOWS.glob("*/*.yaml")), ids=lambda file: file.stem)
def test_the_flows_of_this_repository_are_good(file: Path) -> None:
    loaded = load_flow(file.read_bytes(), path=str(file), catalogue=EVERYTHING, folder_namespace=file.parent.name)
    assert loaded.errors == ()


def test_the_overview_of_kestra_is_read_as_it_stands() -> None:
    flow = flow_of((FLOWS / "company.team" / "overview.yaml").read_text())
    assert flow.variables == {"first": "1", "second": "{{vars.first}} > 2"}
    assert flow.plugin_defaults == (PluginDefault(type="io.kestra.plugin.core.log.Log", values={"level": "ERROR"}),)


@pytest.mark.parametrize("body", ["tasks: []", "nothing: at all", "tasks: [{id: a, type: no.such.Type}]"])
def test_a_draft_is_kept_whatever_is_wrong_with_it(body: str) -> None:
    loaded = load(with_head(f"draft: true\ndescription: later\n{body}\n"))
    assert loaded.flow is not None
    assert (loaded.flow.id, loaded.flow.why_off, loaded.flow.description) == ("x", "a draft", "later")
    assert (loaded.errors, bool(loaded.warnings)) == ((), True)


@pytest.mark.parametrize("text", ["namespace: a.b\ndraft: true\n", "id: 'a b'\nnamespace: a.b\ndraft: true\n"])
def test_a_draft_says_which_flow_it_is(text: str) -> None:
    assert load(text).errors


def test_a_draft_that_is_right_is_a_flow_that_nothing_starts() -> None:
    flow = flow_of(with_head(f"draft: true\ntasks:\n{LOG}\n"))
    assert (len(flow.tasks), flow.why_off) == (1, "a draft")


LOGGED = "{id: b, type: core.log.Log, message: x}"


@pytest.mark.parametrize(
    ("text", "body", "children"),
    [
        (f"type: core.flow.Sequential\ntasks: [{LOGGED}]", Sequential, "tasks"),
        (f"type: core.flow.Parallel\ntasks: [{LOGGED}]", Parallel, "tasks"),
        (f"type: core.flow.AllowFailure\ntasks: [{LOGGED}]", AllowFailure, "tasks"),
        (f"type: core.flow.Dag\ntasks: [{{task: {LOGGED}}}]", Dag, "tasks"),
        (f"type: core.flow.If\ncondition: true\nthen: [{LOGGED}]", If, "then"),
        (f"type: core.flow.If\ncondition: x\nthen: [{LOGGED}]\nelse: [{LOGGED.replace('b', 'c')}]", If, "otherwise"),
        (f"type: core.flow.Switch\nvalue: x\ndefaults: [{LOGGED}]", Switch, "defaults"),
        (f"type: core.flow.ForEach\nvalues: [1]\ntasks: [{LOGGED}]", ForEach, "tasks"),
        (f"type: core.flow.Sequential\ntasks: [{LOGGED}]\nerrors: [{LOGGED.replace('b', 'c')}]", Sequential, "errors"),
        (
            f"type: core.flow.Sequential\ntasks: [{LOGGED}]\nfinally: [{LOGGED.replace('b', 'c')}]",
            Sequential,
            "finally_",
        ),
    ],
)
def test_a_flowable_holds_its_children(text: str, body: type, children: str) -> None:
    found = task_of(f"id: a\n{text}").body
    assert isinstance(found, body)
    assert len(getattr(found, children)) == 1


def test_cases_are_texts_whatever_they_were_written_as() -> None:
    body = task_of(f"id: a\ntype: core.flow.Switch\nvalue: '{{{{ x }}}}'\ncases:\n  true: [{LOGGED}]").body
    assert list(body.cases) == ["true"]


def test_the_old_loops_are_a_for_each() -> None:
    one = task_of(f"id: a\ntype: core.flow.EachSequential\nvalue: [1, 2]\ntasks: [{LOGGED}]").body
    many = task_of(f"id: a\ntype: core.flow.EachParallel\nvalue: '{{{{ x }}}}'\ntasks: [{LOGGED}]").body
    assert (one.values, one.concurrency_limit) == ((1, 2), 1)
    assert (many.values, many.concurrency_limit) == ("{{ x }}", 0)


def test_a_dag_keeps_what_waits_for_what() -> None:
    body = task_of(f"""\
        id: d
        type: core.flow.Dag
        tasks:
          - task: {LOGGED}
          - task: {LOGGED.replace("b", "c")}
            dependsOn: [b]
    """).body
    assert body.depends_on == {"b": (), "c": ("b",)}


def test_a_runnable_task_keeps_its_own_properties_unrendered() -> None:
    task = task_of("id: a\ntype: core.log.Log\nmessage: '{{ x }}'\nlevel: null\ntimeout: '{{ t }}'\nwhen: false")
    assert task.body == Runnable(properties={"message": "{{ x }}"})
    assert (task.timeout, task.run_if) == ("{{ t }}", "false")


def test_an_approval_keeps_what_it_asks_for_and_its_lists() -> None:
    body = task_of(f"""\
        id: a
        type: core.flow.Approval
        decisions: {{approve: Ship}}
        commentRequired: "{{{{ vars.comments }}}}"
        autoApprove: true
        due: P1D
        denyBehavior: WARN
        inputs: [{{id: why, type: STRING}}]
        onWait: [{LOGGED}]
        onDeny: [{LOGGED.replace("b", "c")}]
    """).body
    assert isinstance(body, Approval)
    assert (body.approve, body.deny, body.comment_required, body.due) == ("Ship", "Deny", "{{ vars.comments }}", "P1D")
    assert (body.auto_approve, body.approve_behavior, body.deny_behavior) == (True, "CONTINUE", "WARN")
    assert [each.id for each in body.inputs] == ["why"]
    assert ([each.id for each in body.on_wait], body.on_approve, [each.id for each in body.on_deny]) == (
        ["b"],
        (),
        ["c"],
    )


@pytest.mark.parametrize(
    "wrong", ["denyBehavior: EXPLODE", "due: soon", "autoApprove: perhaps", "commentRequired: maybe", "onWait: {}"]
)
def test_an_approval_is_told_what_is_wrong_with_it(wrong: str) -> None:
    assert problems_of(with_task(f"id: a\ntype: core.flow.Approval\n{wrong}"))


def test_sleep_is_a_timer() -> None:
    assert task_of("id: a\ntype: core.flow.Sleep\nduration: PT1S").body == Sleep(duration="PT1S")


@pytest.mark.parametrize("spelling", ["maxAttempt", "maxAttempts"])
def test_a_retry_is_the_same_in_both_dialects(spelling: str) -> None:
    text = f"{{type: exponential, interval: PT1S, maxInterval: PT1M, {spelling}: 3, behavior: CREATE_NEW_EXECUTION}}"
    assert task_of(f"id: a\ntype: core.log.Log\nmessage: x\nretry: {text}").retry == Retry(
        kind=RetryKind.EXPONENTIAL,
        interval=timedelta(seconds=1),
        interval_max=timedelta(minutes=1),
        attempts_max=3,
        behavior=RetryBehavior.CREATE_NEW_EXECUTION,
    )


def test_inputs_are_the_same_in_both_dialects() -> None:
    flow = flow_of(
        with_head(f"""\
inputs:
  - {{name: a, type: BOOLEAN}}
  - {{id: b, type: ENUM, values: [x, 1]}}
  - {{id: c, type: MULTISELECT, options: [x], dependsOn: {{inputs: [a], condition: "{{{{ inputs.a }}}}"}}}}
  - {{id: d, type: FORM, inputs: [{{id: e, type: INT, min: 1}}]}}
tasks:
{LOG}
""")
    )
    a, b, c, d = flow.inputs
    assert (a.id, a.type, b.type) == ("a", "BOOL", "SELECT")
    assert c.options == {"values": ["x"]}
    assert c.depends_on == DependsOn(inputs=("a",), condition="{{ inputs.a }}")
    assert [(each.id, each.options) for each in d.options["inputs"]] == [("e", {"min": 1})]


def test_the_rest_of_a_flow_is_there() -> None:
    flow = flow_of(
        with_head(f"""\
description: d
labels: [{{key: team, value: data}}]
outputs: [{{id: o, type: STRING, value: "{{{{ x }}}}"}}]
concurrency: {{limit: 2, behavior: CANCEL}}
disabled: true
sla: [{{id: s, type: MAX_DURATION, duration: PT1H, behavior: FAIL}}]
tasks:
{LOG}
finally:
  - {{id: f, type: core.log.Log, message: x}}
afterExecution:
  - {{id: e, type: core.log.Log, message: x}}
""")
    )
    assert (flow.description, dict(flow.labels), flow.disabled) == ("d", {"team": "data"}, True)
    assert flow.outputs[0].value == "{{ x }}"
    assert flow.concurrency is not None
    assert flow.concurrency.behavior is ConcurrencyBehavior.CANCEL
    assert [task.id for task in flow.all_tasks()] == ["log", "f", "e"]
    assert flow.extra["sla"][0]["id"] == "s"


def test_each_trigger_has_its_body() -> None:
    assert trigger_of("type: core.trigger.Schedule, cron: '@daily', recoverMissedSchedules: LAST").body == Schedule(
        cron="@daily", recover_missed=RecoverMissed.LAST
    )
    assert trigger_of("type: core.trigger.Webhook, key: k, wait: true").body == Webhook(key="k", wait=True)
    assert trigger_of("type: core.trigger.ScheduleOnDates, dates: ['2026-03-01T00:00:00Z']").body == ScheduleOnDates(
        dates=("2026-03-01T00:00:00Z",)
    )
    assert trigger_of("type: core.trigger.Flow, states: [SUCCESS], when: x").body == FlowEnds(states=(State.SUCCESS,))
    assert trigger_of("type: segue.trigger.Files, path: inbox, glob: '*.csv'").body == Files(
        path="inbox", glob=("*.csv",)
    )
    assert trigger_of("type: core.http.Trigger, uri: 'http://x', interval: PT5S").body == Polling(
        interval=timedelta(seconds=5), properties={"uri": "http://x"}
    )


def test_conditions_are_nested_as_written() -> None:
    trigger = trigger_of(
        "type: core.trigger.Flow, conditions: [{type: core.condition.Not, conditions: [{type: core.condition.Weekend}]}]"
    )
    (outer,) = trigger.conditions
    assert outer.type == "io.kestra.plugin.core.condition.Not"
    assert [inner.type for inner in outer.properties["conditions"]] == ["io.kestra.plugin.core.condition.Weekend"]


def defaults(*given: tuple[str, dict[str, object], bool]) -> tuple[PluginDefault, ...]:
    return tuple(PluginDefault(type=type_, values=values, forced=forced) for type_, values, forced in given)


LEVEL = "io.kestra.plugin.core.log"


@pytest.mark.parametrize(
    ("own", "of_all", "level"),
    [
        pytest.param("", (LEVEL + ".Log", {"level": "WARN"}, False), "WARN", id="a default is taken"),
        pytest.param("", (LEVEL, {"level": "WARN"}, False), "WARN", id="from a package"),
        pytest.param("", (LEVEL + ".Lo", {"level": "WARN"}, False), None, id="not from half a name"),
        pytest.param("level: INFO", (LEVEL, {"level": "WARN"}, False), "INFO", id="the task wins"),
        pytest.param("level: INFO", (LEVEL, {"level": "WARN"}, True), "WARN", id="unless it is forced"),
        pytest.param("", (LEVEL, {"other": 1}, False), None, id="what a type does not know it goes without"),
    ],
)
def test_plugin_defaults_of_all(own: str, of_all: tuple[str, dict[str, object], bool], level: str | None) -> None:
    task = task_of(f"id: a\ntype: core.log.Log\nmessage: x\n{own}", global_defaults=defaults(of_all))
    assert task.body.properties.get("level") == level


def test_a_default_may_give_what_is_mandatory_and_the_flow_wins_over_all() -> None:
    text = with_head("""\
        pluginDefaults:
          - {type: core.log.Log, values: {message: from the flow}}
        tasks:
          - {id: a, type: core.log.Log}
    """)
    flow = flow_of(text, global_defaults=defaults((LEVEL, {"message": "from all", "level": "WARN"}, False)))
    assert flow.tasks[0].body == Runnable(properties={"message": "from the flow", "level": "WARN"})


def test_defaults_reach_task_runners_and_go_into_maps() -> None:
    text = with_head("""\
        taskDefaults:
          - {type: scripts.shell, values: {env: {A: 1, B: 2}}}
          - {type: scripts.runner.docker.Docker, values: {pullPolicy: NEVER}}
        tasks:
          - id: a
            type: scripts.shell.Commands
            commands: [ls]
            env: {B: 3}
            taskRunner: {type: scripts.runner.docker.Docker}
    """)
    properties = flow_of(text).tasks[0].body.properties
    assert properties["env"] == {"A": 1, "B": 3}
    assert properties["taskRunner"] == {"type": "io.kestra.plugin.scripts.runner.docker.Docker", "pullPolicy": "NEVER"}


def test_a_default_spelled_otherwise_stays_away() -> None:
    task = task_of(
        "id: a\ntype: core.log.Log\nmessage: x\nwhen: mine",
        global_defaults=defaults((LEVEL, {"runIf": "theirs"}, False)),
    )
    assert task.run_if == "mine"
