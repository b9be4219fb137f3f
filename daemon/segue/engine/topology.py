"""How flows lead to each other: a task of one calls the other, or the other's trigger waits for executions of it.

Only what is written is looked at: a call whose flow is an expression leads nowhere that could be told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from segue.engine.match import may_follow
from segue.model.flow import Flow
from segue.model.task import EachItem, Subflow
from segue.model.trigger import FlowEnds


class Relation(StrEnum):
    FLOW_TASK = "FLOW_TASK"
    FLOW_TRIGGER = "FLOW_TRIGGER"


@dataclass(frozen=True, slots=True)
class Edge:
    """Executions of `source` lead to executions of `target`."""

    source: tuple[str, str]
    target: tuple[str, str]
    relation: Relation


def edges(flows: Sequence[Flow]) -> tuple[Edge, ...]:
    """How these flows lead to each other. Each is looked at once, and each that listens once for every other."""
    there = {(flow.namespace, flow.id) for flow in flows}
    listening = [flow for flow in flows if any(isinstance(trigger.body, FlowEnds) for trigger in flow.triggers)]
    found = [
        Edge((flow.namespace, flow.id), called, Relation.FLOW_TASK)
        for flow in flows
        for called in _called(flow)
        if called in there
    ]
    known = {(edge.source, edge.target) for edge in found}
    found += [
        Edge((flow.namespace, flow.id), (listener.namespace, listener.id), Relation.FLOW_TRIGGER)
        for listener in listening
        for flow in flows
        if ((flow.namespace, flow.id), (listener.namespace, listener.id)) not in known and may_follow(listener, flow)
    ]
    return tuple(found)


def near(edges: Iterable[Edge], flow: tuple[str, str], *, into_only: bool, all_the_way: bool) -> tuple[Edge, ...]:
    """The edges at a flow, those that end there alone if `into_only`; `all_the_way` those at its neighbours too, and so
    on."""
    at: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        at.setdefault(edge.target, []).append(edge)
        if not into_only:
            at.setdefault(edge.source, []).append(edge)
    found: dict[Edge, None] = {}
    seen, waiting = {flow}, [flow]
    while waiting:
        place = waiting.pop()
        for edge in at.get(place, ()):
            found[edge] = None
            for end in (edge.source, edge.target):
                if all_the_way and end not in seen:
                    seen.add(end)
                    waiting.append(end)
    return tuple(found)


def relation(parent: Flow, child: Flow) -> Relation | None:
    """How executions of `parent` lead to executions of `child`, if they do."""
    ends = (parent.namespace, parent.id), (child.namespace, child.id)
    return next((edge.relation for edge in edges((parent, child)) if (edge.source, edge.target) == ends), None)


def _called(flow: Flow) -> dict[tuple[str, str], None]:
    """What its tasks call, each once."""
    bodies = (task.body for task in flow.all_tasks() if not task.disabled)
    return {(body.call.namespace, body.call.flow_id): None for body in bodies if isinstance(body, Subflow | EachItem)}
