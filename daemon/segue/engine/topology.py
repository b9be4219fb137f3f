"""How flows lead to each other: a task of one calls the other, or the other's trigger waits for executions of it.

Only what is written is looked at: a call whose flow is an expression leads nowhere that could be told, unless the
flow's own text answers the expression (`{{ flow.namespace }}`).
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from segue.engine.match import may_follow
from segue.model.flow import Flow
from segue.model.revision import FlowKey
from segue.model.task import EachItem, Subflow
from segue.model.trigger import FlowEnds

_OWN: Final = re.compile(r"\{\{\s*flow\.(namespace|id)\s*\}\}")


class Relation(StrEnum):
    FLOW_TASK = "FLOW_TASK"
    FLOW_TRIGGER = "FLOW_TRIGGER"


class Edge(Struct, frozen=True):
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


class Tie(Struct, frozen=True):
    """A flow at the other end, and what leads there or here. `is_known`: there is such a flow."""

    key: FlowKey
    relation: Relation
    is_known: bool = True


class Neighbours(Struct, frozen=True):
    """`before`: flows whose executions lead to this one's. `after`: where this one's lead."""

    before: tuple[Tie, ...]
    after: tuple[Tie, ...]


def neighbours(flow: Flow, flows: Iterable[Flow]) -> Neighbours:
    """All that is tied to one flow, by name; what it calls in vain too. Costs one look at each of the flows."""
    own, calls = (flow.namespace, flow.id), _called(flow)
    before: list[Tie] = []
    after: list[Tie] = []
    known: set[tuple[str, str]] = set()
    for other in flows:
        name = (other.namespace, other.id)
        known.add(name)
        if own in _called(other):
            before.append(Tie(FlowKey(*name), Relation.FLOW_TASK))
        elif may_follow(flow, other):
            before.append(Tie(FlowKey(*name), Relation.FLOW_TRIGGER))
        if name in calls:
            after.append(Tie(FlowKey(*name), Relation.FLOW_TASK))
        elif may_follow(other, flow):
            after.append(Tie(FlowKey(*name), Relation.FLOW_TRIGGER))
    after += [Tie(FlowKey(*name), Relation.FLOW_TASK, is_known=False) for name in calls if name not in known]
    return Neighbours(tuple(sorted(before, key=_by_name)), tuple(sorted(after, key=_by_name)))


def _called(flow: Flow) -> dict[tuple[str, str], None]:
    """What its tasks call, each once."""
    bodies = (task.body for task in flow.all_tasks() if not task.disabled)
    calls = [body.call for body in bodies if isinstance(body, Subflow | EachItem)]
    names = ((_plain(flow, call.namespace), _plain(flow, call.flow_id)) for call in calls)
    return {name: None for name in names if "{" not in f"{name}"}


def _plain(flow: Flow, text: str) -> str:
    """With what the flow's own text answers put in."""
    return _OWN.sub(lambda found: flow.namespace if found[1] == "namespace" else flow.id, text)


def _by_name(tie: Tie) -> FlowKey:
    return tie.key
