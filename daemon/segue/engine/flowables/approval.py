"""Approval: waits for a person's decision (2.0). `onWait` runs before; after it `onApprove`, `onDeny`, or nothing when
the time for the decision is over.

What the decision does - to the task, or to the whole execution - is its behaviour, looked at once those tasks have
ended well: what went wrong among them is never hidden by it. The outputs say how it was decided; how it waits is in
`waiting`. A restart after a decision that was the end asks anew (`is_decided`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from msgspec import Struct

from segue.engine import asking
from segue.engine.asking import Pending, without_answers
from segue.engine.ending import fails_with, verdict
from segue.engine.flowables import parts, waiting
from segue.engine.flowables.spans import span_of
from segue.engine.flowables.steering import Opening, Question
from segue.engine.limits import DELAY_MAX
from segue.engine.notes import LEAVES, VERDICT
from segue.engine.plan import Node
from segue.engine.scene import Scene
from segue.engine.scope import instant
from segue.engine.templates import holds
from segue.engine.zones import NotADate, parse_moment
from segue.model.change import Change, Logged, ProgressMade
from segue.model.event import ReviewWanted
from segue.model.execution import Failure
from segue.model.input import Input
from segue.model.state import State
from segue.model.task import Approval, CommentRequired, Decision, ReviewBehavior

Changes = tuple[Change, ...]
Word = TypeVar("Word", bound=StrEnum)

_BEFORE: Final = "onWait"
_AFTER: Final = {Decision.APPROVED: "onApprove", Decision.DENIED: "onDeny", Decision.EXPIRED: "expired"}
_DECIDED: Final = {branch: decision for decision, branch in _AFTER.items()}
_ENDS: Final = {ReviewBehavior.WARN: State.WARNING, ReviewBehavior.FAIL: State.FAILED}
_LEAVES: Final = {
    ReviewBehavior.SUCCEED: State.SUCCESS,
    ReviewBehavior.CANCEL: State.CANCELLED,
    ReviewBehavior.KILL: State.KILLED,
}
_COMMENTED: Final = {
    CommentRequired.NEVER: frozenset[Decision](),
    CommentRequired.ALWAYS: frozenset({Decision.APPROVED, Decision.DENIED}),
    CommentRequired.ON_APPROVE: frozenset({Decision.APPROVED}),
    CommentRequired.ON_DENY: frozenset({Decision.DENIED}),
}

after = parts.one_by_one_after
due = parts.one_by_one
end = parts.worst_end


def body_of(node: Node) -> Approval:
    assert node.task is not None
    assert isinstance(node.task.body, Approval)
    return node.task.body


# It opens, and waits.


def question(node: Node) -> Question | None:
    return Question("approval", body_of(node).beginning, typed=True)


def opening(_node: Node, answer: Any) -> Opening | Failure:
    known = answer if isinstance(answer, Mapping) else {}
    outputs = _outputs(known.get("url"))
    if not holds(known.get("autoApprove")):
        return Opening(branch=_BEFORE, outputs=outputs)
    approved = {**outputs, "decision": Decision.APPROVED.value, "auto": True}
    return Opening(branch=_AFTER[Decision.APPROVED], outputs=approved)


def _outputs(url: Any) -> dict[str, Any]:
    """All of them, before anything is decided: an expression may name any at any time."""
    return {
        "url": url,
        "decision": None,
        "auto": False,
        "by": None,
        "on": None,
        "comment": None,
        "inputs": {},
        "due": None,
    }


def terms_question(node: Node) -> Question:
    assert node.task is not None
    return Question("terms", body_of(node).terms(node.task.timeout))


def further(scene: Scene) -> Changes | None:
    """After `onWait` it waits; after the list of its decision that takes effect."""
    progress, task = scene.progress, scene.node.task
    assert task is not None
    if progress.branch == _BEFORE:
        # A failure that is allowed is that of the lists, never of the decision.
        return _begun(scene) if not progress.blocked or task.allow_failure else None
    if progress.blocked or LEAVES in progress.notes:
        return None
    return _done(scene, _DECIDED[progress.branch])


def _begun(scene: Scene) -> Changes:
    answer = asking.ask(scene, terms_question(scene.node))
    if isinstance(answer, Pending):
        return answer.changes
    terms = answer if isinstance(answer, Failure) else _terms(answer.value, scene.at)
    if isinstance(terms, Failure):
        return fails_with(scene, terms.message)
    notes = {**without_answers(scene.progress.notes), **terms}
    until = scene.at + timedelta(seconds=terms["timeout"]) if "timeout" in terms else None
    return waiting.begun(scene, notes, {**_told(scene), "due": None if until is None else instant(until)})


def _terms(rendered: Mapping[str, Any], at: datetime) -> dict[str, Any] | Failure:
    """What a reviewer is asked for, as notes. Of two ends of the time the earlier one counts."""
    required = _word(CommentRequired, rendered["commentRequired"], "commentRequired")
    spans = [span_of(rendered["timeout"])] if "timeout" in rendered else []
    spans += [_until(rendered["due"], at)] if "due" in rendered else []
    wrong = next((each for each in (required, *spans) if isinstance(each, Failure)), None)
    if wrong is not None:
        return wrong
    shortest = min((span for span in spans if isinstance(span, timedelta)), default=None)
    times = {} if shortest is None else {"timeout": shortest.total_seconds()}
    return {"approve": str(rendered["approve"]), "deny": str(rendered["deny"]), "comment": str(required), **times}


def _until(due: Any, at: datetime) -> timedelta | Failure:
    """A date or a span."""
    span = span_of(due)
    if isinstance(span, timedelta):
        return span
    try:
        return min(max(parse_moment(str(due), UTC) - at, timedelta(0)), DELAY_MAX)
    except NotADate:
        return Failure(
            message=f"due is neither a date like 2026-01-31T12:00:00Z nor a duration like P1D: {str(due)[:100]}"
        )


def _word(words: type[Word], given: Any, name: str) -> Word | Failure:
    word = str(given).strip()
    if word not in set(words):
        return Failure(message=f"{name} is none of {', '.join(words)}: {word[:100]}")
    return words(word)


def _told(scene: Scene) -> dict[str, Any]:
    """The outputs so far; of an earlier decision nothing stays."""
    outputs = scene.run.outputs if scene.run is not None else None
    return _outputs((outputs or {}).get("url"))


# The decision.


class Terms(Struct, frozen=True, kw_only=True):
    """What a reviewer is asked for: by which names, for which inputs, until when, and whether with a comment."""

    approve: str
    deny: str
    comment_required: CommentRequired
    inputs: tuple[Input, ...]
    due: datetime | None

    def want_comment(self, decision: Decision) -> bool:
        return decision in _COMMENTED[self.comment_required]


def terms_of(scene: Scene) -> Terms:
    """Of one that waits."""
    assert scene.run is not None
    notes, since = scene.progress.notes, scene.run.history[-1].at
    return Terms(
        approve=notes["approve"],
        deny=notes["deny"],
        comment_required=CommentRequired(notes["comment"]),
        inputs=body_of(scene.node).inputs,
        due=since + timedelta(seconds=notes["timeout"]) if "timeout" in notes else None,
    )


def reviewed(scene: Scene, event: ReviewWanted) -> Changes:
    """Somebody has decided. Without a comment that has to be given nobody has."""
    if event.decision is Decision.EXPIRED or (terms_of(scene).want_comment(event.decision) and not event.comment):
        return ()
    said = {"by": event.by or None, "comment": event.comment or None, "inputs": dict(event.inputs)}
    by, why = f" by {event.by}" if event.by else "", f": {event.comment}" if event.comment else ""
    return _decided(scene, event.decision, said, "INFO", f"{event.decision.capitalize()}{by}{why}")


def expired(scene: Scene) -> Changes:
    """Its time is over."""
    return _decided(scene, Decision.EXPIRED, {}, "WARN", "Nobody decided in time")


def _decided(scene: Scene, decision: Decision, said: Mapping[str, Any], level: str, message: str) -> Changes:
    assert scene.run is not None
    outputs = {**(scene.run.outputs or {}), "decision": decision.value, "on": instant(scene.at), **said}
    logged = Logged(at=scene.at, level=level, message=message, id=scene.run.id)
    return (logged, *waiting.gone_on(scene, _AFTER[decision], outputs))


def is_decided(scene: Scene) -> bool:
    """Has it ended, or is it to end, by what was decided."""
    notes = scene.progress.notes
    return notes.get("main") in _DECIDED and (VERDICT in notes or LEAVES in notes)


def _done(scene: Scene, decision: Decision) -> Changes | None:
    """What follows the decision has ended well: now it takes effect."""
    answer = asking.ask(scene, behavior_question(scene.node, decision))
    if isinstance(answer, Pending):
        return answer.changes
    name = {Decision.APPROVED: "approveBehavior", Decision.DENIED: "denyBehavior"}.get(decision, "expireBehavior")
    behavior = answer if isinstance(answer, Failure) else _word(ReviewBehavior, answer.value, name)
    if isinstance(behavior, Failure):
        return fails_with(scene, behavior.message)
    if behavior in _ENDS:
        return (verdict(scene, _ENDS[behavior]),)
    if behavior in _LEAVES:
        return (ProgressMade(id=scene.id, fields={"notes": {**scene.progress.notes, LEAVES: _LEAVES[behavior].value}}),)
    return None


def behavior_question(node: Node, decision: Decision) -> Question:
    return Question(decision.value, body_of(node).behavior(decision))
