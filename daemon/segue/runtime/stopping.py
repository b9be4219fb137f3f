"""`stopAfter` of triggers that nothing else follows to the end of their executions: those that other executions, calls
and files fire. Schedules and polls wait for that end themselves."""

from msgspec.structs import replace

from segue.model.state import State
from segue.model.trigger import Files, FlowEnds, Webhook
from segue.runtime.deployed import Revisions
from segue.runtime.live import Live
from segue.runtime.round import Round
from segue.runtime.trigger_states import TriggerStates, key_of


class StopsAfter:
    """Switches a trigger off once an execution of it has ended as it says."""

    def __init__(self, revisions: Revisions, states: TriggerStates) -> None:
        self._revisions = revisions
        self._states = states

    def on_move(self, round_: Round, live: Live, state: State) -> None:
        by = live.execution.trigger
        if by is None or not state.is_final:
            return
        deployed = self._revisions.live.find(live.key.namespace, live.key.flow_id)
        trigger = deployed.flow.trigger(by.id) if deployed is not None else None
        if deployed is None or trigger is None or trigger.type != by.type or state not in trigger.stop_after:
            return
        if isinstance(trigger.body, FlowEnds | Webhook | Files):
            self._states.put(
                round_, replace(self._states.of(key_of(deployed, trigger.id), round_.at), is_disabled=True)
            )
