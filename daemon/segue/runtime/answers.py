"""Answers: what the paused tasks of an execution ask people for, and which of them an answer is meant for."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from segue.engine.flowables import approval, pause, waiting
from segue.engine.scene import Scene
from segue.engine.standing import is_held
from segue.model.input import Input
from segue.model.names import TaskRunId
from segue.model.task import Approval, Decision, Pause
from segue.runtime.live import Live
from segue.web.ports.refusals import Refusal
from segue.web.ports.reviews import OpenReview

_SHOWN_MAX: Final = 10


def to_resume(live: Live) -> Scene | None:
    """The pause that a resume ends: the first one. A person's own pause of the whole execution is lifted before."""
    if is_held(live.execution):
        return None
    return next(iter(waiting.scenes(live.deployed.plan, live.execution, Pause)), None)


def asked_on_resume(live: Live) -> tuple[Input, ...]:
    scene = to_resume(live)
    return pause.body_of(scene.node).on_resume if scene is not None else ()


def open_reviews(live: Live) -> tuple[OpenReview, ...]:
    return tuple(map(_open_review, _to_review(live)))


def to_review(live: Live, task_run_id: TaskRunId | None) -> Scene | Refusal:
    """The approval that is meant: the one named, or the only one that waits."""
    waits = _to_review(live)
    if task_run_id is None:
        return waits[0] if len(waits) == 1 else _unclear(live, waits)
    return next((scene for scene in waits if scene.id == task_run_id), None) or _not_waiting(live, task_run_id)


def asked_on_review(scene: Scene, decision: Decision) -> tuple[Input, ...]:
    """Who denies need not fill in what only an approval is for; what is given has to be right all the same."""
    inputs = approval.body_of(scene.node).inputs
    return inputs if decision is Decision.APPROVED else tuple(replace(each, required=False) for each in inputs)


def lacking_comment(scene: Scene, decision: Decision, comment: str) -> Refusal | None:
    terms = approval.terms_of(scene)
    if comment or not terms.want_comment(decision):
        return None
    return Refusal(422, f"Task `{scene.node.id}` wants a comment with this decision (it says {terms.comment_required})")


def _to_review(live: Live) -> list[Scene]:
    return waiting.scenes(live.deployed.plan, live.execution, Approval)


def _open_review(scene: Scene) -> OpenReview:
    assert scene.run is not None
    assert scene.node.task is not None
    terms = approval.terms_of(scene)
    return OpenReview(
        task_run_id=scene.run.id,
        task_id=scene.run.task_id,
        value=scene.run.value,
        description=scene.node.task.description,
        approve=terms.approve,
        deny=terms.deny,
        comment_required=terms.comment_required,
        inputs=terms.inputs,
        due=terms.due,
    )


def _unclear(live: Live, waits: Sequence[Scene]) -> Refusal:
    name = f"Execution {live.execution.id}"
    if not waits:
        return Refusal(409, f"{name} is in state {live.execution.state}: no task of it waits for a decision")
    shown = ", ".join(f"{scene.id} ({scene.node.id})" for scene in waits[:_SHOWN_MAX])
    return Refusal(422, f"{name}: {len(waits)} tasks wait for a decision, say which by its `taskRunId`: {shown}")


def _not_waiting(live: Live, task_run_id: TaskRunId) -> Refusal:
    run = live.execution.task_runs.get(task_run_id)
    if run is None:
        return Refusal(404, f"Execution {live.execution.id} has no task run {task_run_id}")
    name = f"Task run {task_run_id} ({run.task_id})"
    node = live.deployed.plan.nodes.get(run.task_id)
    if node is None or node.task is None or not isinstance(node.task.body, Approval):
        return Refusal(409, f"{name} is no Approval: it waits for no decision")
    told = run.outputs or {}
    if not told.get("decision"):
        return Refusal(409, f"{name} is in state {run.state}: it waits for no decision")
    by = f" by {told['by']}" if told.get("by") else ""
    at = f" at {told['on']}" if told.get("on") else ""
    return Refusal(409, f"{name} has been decided already: {told['decision']}{by}{at}")
