"""What a call asks for among what lives in memory: flows and triggers that its filters find, in order."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from starlette.requests import Request

from segue.web import asks, filters
from segue.web.context import Web
from segue.web.ports.flows import LiveFlow
from segue.web.ports.lists import Field, Wanted
from segue.web.ports.triggers import LiveTrigger

T = TypeVar("T")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def found_flows(web: Web, request: Request) -> list[LiveFlow]:
    """By namespace and id, or as `sort` says."""
    wanted = filters.read(request.query_params, web.daemon.now(), filters.FLOWS)
    return asks.in_order(request.query_params, flows_meeting(web, wanted), _FLOW_ORDERS)


def flows_meeting(web: Web, wanted: Sequence[Wanted]) -> list[LiveFlow]:
    found = [live for live in web.daemon.flows() if filters.holds(wanted, partial(flow_field, live))]
    return sorted(found, key=lambda live: live.key)


def flow_field(live: LiveFlow, field: Field) -> Any:
    match field:
        case Field.Q:
            return (str(live.key), live.flow.description)
        case Field.NAMESPACE:
            return live.key.namespace
        case Field.FLOW_ID | Field.ID:
            return live.key.flow_id
        case Field.LABELS:
            return live.flow.labels
        case Field.ENABLED:
            return not live.flow.disabled
        case Field.UPDATED:
            return live.revision.committed_at
    raise AssertionError(f"flows have no {field}")


_FLOW_ORDERS: Final[dict[str, Callable[[LiveFlow], Any]]] = {
    "id": lambda live: live.key.flow_id,
    "namespace": lambda live: live.key.namespace,
    "updated": lambda live: live.revision.committed_at,
}


def found_triggers(web: Web, request: Request) -> list[LiveTrigger]:
    """By flow and id, or as `sort` says; of the flow that the path names, if it names one."""
    return triggers_meeting(web, request, filters.read(request.query_params, web.daemon.now(), filters.TRIGGERS))


def triggers_meeting(web: Web, request: Request, wanted: Sequence[Wanted]) -> list[LiveTrigger]:
    path = request.path_params
    found = [
        live
        for live in web.daemon.triggers()
        if path.get("namespace") in {None, live.key.flow.namespace}
        and path.get("flow_id") in {None, live.key.flow.flow_id}
        and filters.holds(wanted, partial(trigger_field, live))
    ]
    return asks.in_order(request.query_params, found, _TRIGGER_ORDERS)


def trigger_field(live: LiveTrigger, field: Field) -> Any:
    is_disabled = live.is_disabled or live.trigger.disabled
    match field:
        case Field.Q:
            return f"{live.key.flow}/{live.key.trigger_id}"
        case Field.NAMESPACE:
            return live.key.flow.namespace
        case Field.FLOW_ID:
            return live.key.flow.flow_id
        case Field.TRIGGER_ID:
            return live.key.trigger_id
        case Field.TYPE:
            return live.trigger.type
        case Field.TRIGGER_STATE:
            return "DISABLED" if is_disabled else "ENABLED"
        case Field.ENABLED:
            return not is_disabled
        case Field.LOCKED:
            return live.is_locked
        case Field.LAST_FIRED:
            return live.last_fired_at
        case Field.NEXT_FIRE:
            return live.next_fire_at
        case Field.UPDATED:
            return live.updated_at
    raise AssertionError(f"triggers have no {field}")


_TRIGGER_ORDERS: Final[dict[str, Callable[[LiveTrigger], Any]]] = {
    "triggerId": lambda live: live.key.trigger_id,
    "flowId": lambda live: live.key.flow.flow_id,
    "namespace": lambda live: live.key.flow.namespace,
    "lastTriggeredDate": lambda live: live.last_fired_at or _NEVER,
    "nextExecutionDate": lambda live: live.next_fire_at or _NEVER,
}
