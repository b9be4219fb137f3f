"""How flows lead to each other."""

import pytest
from segue.engine.topology import Relation, Tie, neighbours
from segue.model.flow import Flow
from segue.model.revision import FlowKey
from segue.model.task import Call, Parallel, Subflow
from segue.model.trigger import FlowEnds, Trigger, UpstreamFlow

from tests.support.engine import flow, task, tasks

CALLS = task("calls", Subflow(call=Call(namespace="company.team", flow_id="child")))
CALLS_BESIDE = task("calls", Subflow(call=Call(namespace="{{ flow.namespace }}", flow_id="child")))
SOMEWHERE = task("calls", Subflow(call=Call(namespace="company.team", flow_id="{{ inputs.flow }}")))


def a_flow(flow_id: str, *given: object, **keys: object) -> Flow:
    made = flow(*given, **keys)
    return Flow(namespace="company.team", id=flow_id, tasks=made.tasks, triggers=made.triggers)


def after(flow_id: str) -> Trigger:
    upstream = UpstreamFlow(namespace="company.team", flow_id=flow_id)
    return Trigger(id="after", type="io.kestra.plugin.core.trigger.Flow", body=FlowEnds(depends_on=(upstream,)))


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        (a_flow("parent", CALLS), a_flow("child", "a"), Relation.FLOW_TASK),
        (a_flow("parent", task("all", Parallel(tasks=(CALLS, *tasks("b"))))), a_flow("child", "a"), Relation.FLOW_TASK),
        (a_flow("parent", CALLS_BESIDE), a_flow("child", "a"), Relation.FLOW_TASK),
        (a_flow("parent", CALLS), a_flow("other", "a"), None),
        (a_flow("parent", SOMEWHERE), a_flow("child", "a"), None),
        (a_flow("parent", "a"), a_flow("child", "a", triggers=(after("parent"),)), Relation.FLOW_TRIGGER),
        (a_flow("parent", "a"), a_flow("child", "a"), None),
    ],
    ids=["called", "called below", "called beside", "other called", "expression", "trigger", "nothing"],
)
def test_a_flow_leads_to_another_by_a_call_or_by_its_trigger(
    parent: Flow, child: Flow, expected: Relation | None
) -> None:
    """Seen from both ends."""
    both = (parent, child)
    key_of = {each.id: FlowKey(each.namespace, each.id) for each in both}
    tied = [] if expected is None else [expected]
    assert [tie.relation for tie in neighbours(child, both).before if tie.key == key_of[parent.id]] == tied
    assert [tie.relation for tie in neighbours(parent, both).after if tie.key == key_of[child.id]] == tied


def test_a_call_of_a_flow_that_is_not_there_is_told_of() -> None:
    assert neighbours(a_flow("parent", CALLS), ()).after == (
        Tie(FlowKey("company.team", "child"), Relation.FLOW_TASK, is_known=False),
    )
