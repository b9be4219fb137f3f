"""Which triggers an event outside of time fires: flow triggers when an execution moves, webhooks when they are called.

`Listeners` is made once for a set of flows: an execution that moved is only shown to the flow triggers that could mean
it, found by the flow or namespace that their conditions name. `match` then decides for one of them.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from segue.engine.conditions import CannotTell, Circumstances, all_hold, kind_of, when_holds
from segue.engine.gathering import (
    Gathered,
    Gathering,
    after_firing,
    gather,
    gatherings_of,
    is_complete,
)
from segue.engine.places import Place, may_mean, places_around, places_of
from segue.engine.request import Request, request_of
from segue.engine.source import Source
from segue.engine.typed import java_text
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Scope
from segue.expression.template import render_value
from segue.model.flow import Flow
from segue.model.state import FINAL, State
from segue.model.trigger import Condition, FlowEnds, Trigger, Webhook

DEFAULT_STATES: Final = FINAL | {State.PAUSED}


class Listener(Struct, frozen=True, kw_only=True):
    """A flow trigger of a flow. `conditions` are those that one execution has to fulfil by itself."""

    namespace: str
    flow_id: str
    trigger: Trigger
    states: frozenset[State]
    conditions: tuple[Condition, ...]
    gatherings: tuple[Gathering, ...]


class Matched(Struct, frozen=True, kw_only=True):
    """What became of a listener. `request`: it fires. `error`: it cannot be told whether it does, a FAILED execution
    should say so. `kept` is what to remember for each gathering, by its id; None: nothing any more."""

    request: Request | None = None
    error: str | None = None
    kept: Mapping[str, Gathered | None] = field(default_factory=dict)


class Listeners:
    """An index over the flow triggers of live flows. Looking one execution up costs what listens to it."""

    def __init__(self, flows: Iterable[Flow]) -> None:
        self._by_place: dict[Place, list[Listener]] = defaultdict(list)
        for flow in flows:
            for listener in _listeners(flow):
                for place in places_of(listener.conditions, listener.gatherings):
                    self._by_place[place].append(listener)

    def to(self, namespace: str, flow_id: str, state: State) -> tuple[Listener, ...]:
        """Those that an execution of this flow coming to this state might fire; never the flow's own."""
        found: dict[tuple[str, str, str], Listener] = {}
        for place in places_around(namespace, flow_id):
            for listener in self._by_place.get(place, ()):
                if state in listener.states and (listener.namespace, listener.flow_id) != (namespace, flow_id):
                    found[listener.namespace, listener.flow_id, listener.trigger.id] = listener
        return tuple(found.values())


def _listeners(flow: Flow) -> Iterator[Listener]:
    if flow.why_off is not None:
        return
    for trigger in flow.triggers:
        if isinstance(trigger.body, FlowEnds) and not trigger.disabled:
            yield listener_of(flow.namespace, flow.id, trigger)


def listener_of(namespace: str, flow_id: str, trigger: Trigger) -> Listener:
    assert isinstance(trigger.body, FlowEnds)
    return Listener(
        namespace=namespace,
        flow_id=flow_id,
        trigger=trigger,
        states=frozenset(trigger.body.states) or DEFAULT_STATES,
        conditions=tuple(each for each in trigger.conditions if kind_of(each) != "Multiple"),
        gatherings=gatherings_of(trigger),
    )


def may_follow(flow: Flow, upstream: Flow) -> bool:
    """Is there a flow trigger by which executions of `upstream` may start executions of `flow`."""
    if (flow.namespace, flow.id) == (upstream.namespace, upstream.id):
        return False
    listeners = (
        listener_of(flow.namespace, flow.id, each) for each in flow.triggers if isinstance(each.body, FlowEnds)
    )
    return any(may_mean(each.conditions, each.gatherings, upstream.namespace, upstream.id) for each in listeners)


def match(
    listener: Listener,
    source: Source,
    *,
    kept: Mapping[str, Gathered],
    scope: Scope,
    now: datetime,
    zone: tzinfo,
) -> Matched:
    """Does the execution fire the trigger. `kept` is what was remembered of its gatherings; `scope` has the variables of
    the listening flow."""
    if source.state not in listener.states or (source.namespace, source.flow_id) == (
        listener.namespace,
        listener.flow_id,
    ):
        return Matched()
    circumstances = Circumstances(
        scope=scope, namespace=listener.namespace, flow_id=listener.flow_id, source=source
    ).with_trigger(source.variables)
    try:
        if not all_hold(listener.conditions, circumstances):
            return Matched()
        if not listener.gatherings:
            return _fired(listener, source.variables, {}, circumstances)
        return _gathered(listener, kept, circumstances, now, zone)
    except CannotTell as error:
        return Matched(error=f"Unable to evaluate trigger `{listener.trigger.id}`: {error}")


def _gathered(
    listener: Listener,
    kept: Mapping[str, Gathered],
    circumstances: Circumstances,
    now: datetime,
    zone: tzinfo,
) -> Matched:
    source = circumstances.source
    assert source is not None
    found: dict[str, Gathered] = {}
    is_of_use = False
    for gathering in listener.gatherings:
        found[gathering.id], is_used = gather(gathering, kept.get(gathering.id), circumstances, now, zone)
        is_of_use = is_of_use or is_used
    if not is_of_use:
        return Matched()
    if not all(is_complete(each, found[each.id]) for each in listener.gatherings):
        return Matched(kept=found)
    variables = {**source.variables, "outputs": _outputs(listener, found, source)}
    fired = _fired(listener, variables, found, circumstances)
    if fired.request is None:
        return fired
    return replace(fired, kept={each.id: after_firing(each, found[each.id]) for each in listener.gatherings})


def _outputs(listener: Listener, found: Mapping[str, Gathered], source: Source) -> dict[str, Any]:
    """The source's outputs; with several requirements those of each flow, under its id."""
    if sum(len(each.requirements) for each in listener.gatherings) == 1:
        return dict(source.outputs)
    return {met.flow_id: dict(met.outputs) for each in found.values() for met in each.met.values()}


def _fired(
    listener: Listener,
    variables: Mapping[str, Any],
    found: Mapping[str, Gathered | None],
    circumstances: Circumstances,
) -> Matched:
    scope = circumstances.scope
    if not when_holds(listener.trigger.when, circumstances.with_trigger(variables).scope):
        return Matched(kept=found)
    return Matched(request=request_of(listener.trigger, variables, scope), kept=found)


# Webhooks.


def webhook_with_key(triggers: Sequence[Trigger], key: str, scope: Scope) -> Trigger | None:
    """The webhook trigger that is called by this key. Takes as long whichever matches, and whether one does."""
    found = None
    for trigger in triggers:
        if isinstance(trigger.body, Webhook) and not trigger.disabled and _has_key(trigger.body, key, scope):
            found = found or trigger
    return found


def _has_key(webhook: Webhook, key: str, scope: Scope) -> bool:
    """A key that cannot be rendered, or is empty, is nobody's."""
    try:
        expected = java_text(render_value(webhook.key, scope))
    except ExpressionError:
        return False
    return bool(expected) and hmac.compare_digest(expected.encode(), key.encode())


def webhook_variables(
    *,
    body: Any,
    headers: Mapping[str, Sequence[str]],
    parameters: Mapping[str, Sequence[str]],
    uri: str,
    path: str | None = None,
    parts: Sequence[Mapping[str, Any]] | None = None,
    fields: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """What `trigger` is in the execution that a call starts. `parts` and `fields` are those of a form."""
    variables: dict[str, Any] = {
        "body": body,
        "headers": {name: list(values) for name, values in headers.items()},
        "parameters": {name: list(values) for name, values in parameters.items()},
        "uri": uri,
    }
    if path is not None:
        variables["path"] = path
    if parts is not None:
        variables["parts"] = [dict(part) for part in parts]
        variables["formFields"] = {name: list(values) for name, values in (fields or {}).items()}
    return variables
