"""Places: the flows that a flow trigger's conditions can mean at all, as far as they name one or a namespace. By these
an execution finds its listeners without asking all of them, and one flow is known to follow another."""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final

from segue.engine.conditions import comparison_of, kind_of
from segue.engine.gathering import Gathering, Requirement, Where
from segue.model.trigger import Condition, UpstreamFlow


class Reach(IntEnum):
    """How many executions a place covers, fewest first."""

    FLOW = 0
    NAMESPACE = 1
    PREFIX = 2
    SUFFIX = 3
    FLOW_ID = 4
    ANYWHERE = 5


Place = tuple[Reach, str, str]
ANYWHERE: Final[Place] = (Reach.ANYWHERE, "", "")


def places_around(namespace: str, flow_id: str) -> Iterator[Place]:
    """Every place that covers this flow."""
    yield Reach.FLOW, namespace, flow_id
    yield Reach.NAMESPACE, namespace, ""
    yield Reach.FLOW_ID, "", flow_id
    yield ANYWHERE
    for at in range(len(namespace) + 1):
        yield Reach.PREFIX, namespace[:at], ""
        yield Reach.SUFFIX, namespace[at:], ""


def places_of(conditions: Sequence[Condition], gatherings: Sequence[Gathering]) -> frozenset[Place]:
    """Where a trigger has to be found. Every condition and gathering has to hold, so any of them will do; the one that
    covers least is taken."""
    alternatives = [_places(each) for each in conditions]
    alternatives += [_union(each.requirements.values()) for each in gatherings]
    return min(alternatives, key=lambda places: max(reach for reach, _, _ in places), default=frozenset({ANYWHERE}))


def may_mean(conditions: Sequence[Condition], gatherings: Sequence[Gathering], namespace: str, flow_id: str) -> bool:
    """May an execution of this flow play a part in the trigger. Requirements that name no flow say nothing either way
    beside some that do."""
    around = frozenset(places_around(namespace, flow_id))
    if not all(_places(each) & around and not _rules_out(each, around) for each in conditions):
        return False
    return all(_may_gather(each, around) for each in gatherings)


def _rules_out(condition: Condition, around: frozenset[Place]) -> bool:
    """Is it a Not of something that every execution of the flow fulfils."""
    if kind_of(condition) != "Not":
        return False
    return any((_places(each) - {ANYWHERE}) & around for each in condition.properties["conditions"])


def _may_gather(gathering: Gathering, around: frozenset[Place]) -> bool:
    named = _union(gathering.requirements.values()) - {ANYWHERE}
    return not named or bool(named & around)


def _union(requirements: Iterable[Requirement]) -> frozenset[Place]:
    return frozenset(place for each in requirements for place in _places(each)) or frozenset({ANYWHERE})


def _places(requirement: Requirement) -> frozenset[Place]:
    match requirement:
        case UpstreamFlow():
            return frozenset({_place(requirement.namespace, requirement.flow_id)})
        case Where():
            return frozenset({_place_of_where(requirement)})
        case Condition():
            return _places_of_condition(requirement)


def _place(namespace: str | None, flow_id: str | None) -> Place:
    if namespace and flow_id:
        return Reach.FLOW, namespace, flow_id
    if namespace:
        return Reach.NAMESPACE, namespace, ""
    return (Reach.FLOW_ID, "", flow_id) if flow_id else ANYWHERE


def _place_of_where(where: Where) -> Place:
    if not where.is_all and len(where.filters) > 1:
        return ANYWHERE
    equal = {each.field: str(each.value) for each in where.filters if each.type == "EQUAL_TO"}
    return _place(equal.get("NAMESPACE"), equal.get("FLOW_ID"))


def _places_of_condition(condition: Condition) -> frozenset[Place]:
    properties = condition.properties
    match kind_of(condition):
        case "ExecutionFlow":
            return frozenset({_place(properties["namespace"], properties["flowId"])})
        case "ExecutionNamespace":
            reach = {"PREFIX": Reach.PREFIX, "SUFFIX": Reach.SUFFIX}.get(comparison_of(properties), Reach.NAMESPACE)
            return frozenset({(reach, str(properties["namespace"]), "")})
        case "Or":
            return _union(properties["conditions"])
        case _:
            return frozenset({ANYWHERE})
