"""Refusals: which acts an execution allows as it is now, and what is said of one that it does not.

A refusal is 409 where the state is in the way. Where an execution has ended, forcing it to run or taking it from the
queue makes no sense at all, as restarting it does not where nothing failed: 422, which is what Kestra's clients expect.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from segue.engine import reopen
from segue.engine.labels import refused_labels
from segue.engine.scene import Scene
from segue.engine.standing import is_held
from segue.model.execution import Breakpoint
from segue.model.names import TaskRunId
from segue.model.state import State
from segue.runtime.answers import asked_on_resume, lacking_comment, open_reviews, to_resume, to_review
from segue.runtime.deployed import Deployed
from segue.runtime.live import Live
from segue.web.actions import (
    Action,
    ChangeStatus,
    Delete,
    ForceRun,
    Kill,
    PassBreakpoint,
    Pause,
    Replay,
    Restart,
    Resume,
    Review,
    SetLabels,
    SetTaskRunState,
    Unqueue,
)
from segue.web.ports.refusals import Refusal

_GOING: Final = frozenset({State.RUNNING, State.RETRYING})
_FORCIBLE: Final = frozenset({State.CREATED, State.QUEUED, State.PAUSED, State.RESTARTED})
# One of each; what the last three are told makes no difference to whether they are possible at all.
_EACH: Final[tuple[Action, ...]] = (
    Kill(),
    Pause(),
    Resume(),
    PassBreakpoint(),
    Restart(),
    Replay(),
    ForceRun(),
    Unqueue(),
    Delete(),
    ChangeStatus(State.SUCCESS),
    SetTaskRunState(TaskRunId(""), State.SUCCESS),
    SetLabels({}),
)


def possible_acts(live: Live) -> frozenset[type[Action]]:
    """The acts that would not be refused and would change something. Decisions are not among them: see `open_reviews`."""
    dying = {Kill} if live.execution.state is State.KILLING else set()
    return frozenset(type(each) for each in _EACH if refusal(live, each) is None) - dying


def refusal(live: Live, action: Action) -> Refusal | None:
    """Why the action cannot be done now; None when it can (as far as its state tells)."""
    state = live.execution.state
    match action:
        case Kill() if live.execution.is_over:
            return _refused(live, "it has ended already, there is nothing to kill")
        case Pause() if state not in _GOING:
            return _refused(live, "only a running execution can be paused")
        case PassBreakpoint() if state is not State.BREAKPOINT:
            return _refused(live, "only one that stands at a breakpoint can be let go on from there")
        case Resume():
            return _of_resume(live)
        case Review():
            return _of_review(live, action)
        case Restart():
            return _of_restart(live)
        case ChangeStatus(state=wanted):
            what = f"its status can be changed to {wanted}"
            return _of_change(live, what, of_all=True) or _of_end(wanted)
        case SetTaskRunState():
            return _of_change(live, "a task run can be given a state")
        case SetLabels(labels=labels):
            return _of_labels(live, labels)
        case Replay() if not state.is_final:
            return _refused(live, "only one that has ended can be replayed")
        case ForceRun():
            return _of_force(live)
        case Unqueue(state=wanted) if state is State.QUEUED:
            return None if wanted is State.RUNNING else _of_end(wanted)
        case Unqueue():
            return _refused(live, "only a queued execution can be taken from the queue", _ended(live))
        case Delete(running_too=False) if not state.is_final:
            return _refused(live, "only one that has ended can be deleted")
        case _:
            return None


def unknown_breakpoints(deployed: Deployed, breakpoints: Iterable[Breakpoint]) -> Refusal | None:
    """Those before tasks that the flow does not have would never be come to."""
    known = {task.id for task in deployed.flow.all_tasks()}
    unknown = dict.fromkeys(each.task_id for each in breakpoints if each.task_id not in known)
    if not unknown:
        return None
    named = ", ".join(f"`{each}`" for each in unknown)
    return Refusal(422, f"No breakpoint at {named}: expected a task of {deployed.key}: {', '.join(sorted(known))}")


def no_execution(execution_id: str) -> Refusal:
    return Refusal(404, f"Execution '{execution_id}' not found")


def _refused(live: Live, sentence: str, status: int = 409) -> Refusal:
    return Refusal(status, f"Execution {live.execution.id} is in state {live.execution.state}: {sentence}")


def _ended(live: Live) -> int:
    return 422 if live.execution.state.is_final else 409


def _of_end(state: State) -> Refusal | None:
    return None if state.is_final else Refusal(422, f"{state} is no status to end with")


def _of_resume(live: Live) -> Refusal | None:
    """A person's pause is lifted first; without one, the first task that is paused goes on."""
    if live.execution.state is State.BREAKPOINT:
        return _refused(live, "let it go on from there (resume-from-breakpoint), no pause holds it")
    if live.execution.state is not State.PAUSED:
        return _refused(live, "only a paused execution can be resumed")
    if is_held(live.execution) or to_resume(live) is not None:
        return None
    asked = ", ".join(dict.fromkeys(f"`{each.task_id}`" for each in open_reviews(live)))
    return _refused(live, f"it waits for a decision on {asked}, review it" if asked else "no task of it can be resumed")


def _of_review(live: Live, action: Review) -> Refusal | None:
    if live.execution.state.is_final:
        return _refused(live, "it has ended, no task of it waits for a decision")
    scene = to_review(live, action.task_run_id)
    return scene if isinstance(scene, Refusal) else lacking_comment(scene, action.decision, action.comment)


def _of_restart(live: Live) -> Refusal | None:
    execution = live.execution
    refused = _of_change(live, "it can be restarted")
    if refused is None and not reopen.has_restartable(Scene.of_flow(live.deployed.plan, execution)):
        return Refusal(422, f"Execution {execution.id}: No task found to restart execution from")
    return refused


def _of_change(live: Live, what: str, *, of_all: bool = False) -> Refusal | None:
    """Of what changes an execution that has come to rest; if it is paused `of_all` its tasks, whatever they do."""
    execution = live.execution
    if not execution.state.is_final and execution.state is not State.PAUSED:
        return _refused(live, f"{what} once it has ended or is paused")
    if not reopen.is_at_rest(execution) and not (of_all and execution.state is State.PAUSED):
        return _refused(live, f"{what} once what it runs has ended")
    return None


def _of_force(live: Live) -> Refusal | None:
    state = live.execution.state
    if state not in _FORCIBLE:
        return _refused(live, "only one that waits to run can be forced to", _ended(live))
    if state is not State.PAUSED:
        return None
    needed = [each.id for each in asked_on_resume(live) if each.required and each.defaults is None]
    if needed:
        return Refusal(422, f"Execution {live.execution.id} asks for {', '.join(needed)}: resume it with them")
    return _of_resume(live)


def _of_labels(live: Live, labels: Mapping[str, Any]) -> Refusal | None:
    if not live.execution.state.is_final:
        return _refused(live, "its labels can be set once it has ended")
    refused = refused_labels(labels)
    return Refusal(422, "; ".join(refused)) if refused else None
