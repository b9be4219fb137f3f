"""Approval: a flowable that waits for a person's decision."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from segue.engine.flowables import approval, waiting
from segue.engine.rebuild import restore
from segue.model.change import Logged
from segue.model.event import (
    ExitWanted,
    KillWanted,
    PauseWanted,
    RestartWanted,
    ResumeWanted,
    ReviewWanted,
    Started,
    StateWanted,
)
from segue.model.state import State
from segue.model.task import AllowFailure, Approval, Decision, Parallel, Sleep, Task

from tests.support.engine import FAILS, SUCCEEDS, Player, Says, flow, histories, task, tasks

SECRET = "{{ secret('X') }}"
APPROVED, DENIED = Decision.APPROVED, Decision.DENIED


def asking(timeout: str | None = None, common: dict[str, Any] | None = None, **keys: Any) -> Task:
    keys = {"on_wait": tasks("tell"), "on_approve": tasks("yes"), "on_deny": tasks("no"), **keys}
    return task("ask", Approval(**keys), timeout=timeout, **(common or {}))


def started(*listed: Task | str, **keys: Any) -> Player:
    """With all that runs before the wait done."""
    player = Player(flow(*(listed or (asking(), "next")), **keys)).start()
    for run in player.runs("tell"):
        player.end(player.begin(run.task_id), SUCCEEDS)
    return player


def review(player: Player, decision: Decision, task_id: str = "ask", **said: Any) -> bool:
    run = player.only(task_id)
    changes = player.send(ReviewWanted(at=player.tick(), task_run_id=run.id, decision=decision, **said))
    if player.state is State.RESTARTED:
        player.send(Started(at=player.tick()))
    return bool(changes)


def outputs(player: Player) -> dict[str, Any]:
    found = player.only("ask").outputs
    assert found is not None
    return found


def test_it_waits_once_its_first_tasks_have_run() -> None:
    player = started()

    assert (player.state, player.order) == (State.PAUSED, ["ask", "tell"])
    assert outputs(player)["url"] == "https://segue.example/executions/e"
    assert (outputs(player)["decision"], outputs(player)["due"]) == (None, None)


@pytest.mark.parametrize(("decision", "task_id"), [(APPROVED, "yes"), (DENIED, "no")])
def test_the_tasks_of_the_decision_run_and_its_outputs_tell_it(decision: Decision, task_id: str) -> None:
    player = started(asking(deny_behavior="CONTINUE"), "next")

    assert review(player, decision, inputs={"a": 1}, comment="well", by="ann")

    assert player.finish().order == ["ask", "tell", task_id, "next"]
    assert player.state is State.SUCCESS
    told = outputs(player)
    assert (told["decision"], told["by"], told["comment"], told["inputs"]) == (decision, "ann", "well", {"a": 1})
    assert told["auto"] is False
    assert histories(player.only("ask")) == ["CREATED", "RUNNING", "PAUSED", "RUNNING", "SUCCESS"]
    assert histories(player.execution)[2:5] == ["PAUSED", "RESTARTED", "RUNNING"]


def test_who_decided_what_stands_in_the_log() -> None:
    player = started()

    review(player, DENIED, comment="too late", by="ann")

    lines = [change.message for change in player.changes if isinstance(change, Logged)]
    assert lines == ["Denied by ann: too late"]


@pytest.mark.parametrize("decision", list(Decision))
@pytest.mark.parametrize(
    ("behavior", "end", "of_task", "goes_on"),
    [
        ("CONTINUE", State.SUCCESS, State.SUCCESS, True),
        ("WARN", State.WARNING, State.WARNING, True),
        ("FAIL", State.FAILED, State.FAILED, False),
        ("SUCCEED", State.SUCCESS, State.SUCCESS, False),
        ("CANCEL", State.CANCELLED, State.CANCELLED, False),
        ("KILL", State.KILLED, State.KILLED, False),
    ],
)
def test_a_decision_does_what_its_behavior_says_after_its_tasks(
    decision: Decision, behavior: str, end: State, of_task: State, goes_on: bool
) -> None:
    names = {APPROVED: "approve_behavior", DENIED: "deny_behavior", Decision.EXPIRED: "expire_behavior"}
    player = started(asking(timeout="PT9S", **{names[decision]: behavior}), "next", finally_=tasks("last"))
    if decision is not Decision.EXPIRED:
        review(player, decision)
    player.finish()

    follow = {APPROVED: ["yes"], DENIED: ["no"]}.get(decision, [])
    last = [] if behavior == "KILL" else ["last"]
    assert player.order == ["ask", "tell", *follow, *(["next"] if goes_on else []), *last]
    assert (player.state, player.only("ask").state) == (end, of_task)
    assert player.timers == {}


def test_when_its_time_is_over_it_has_expired() -> None:
    player = started(asking(timeout="PT9S"))
    due = player.only("ask").history[-1].at + timedelta(seconds=9)
    assert outputs(player)["due"] == due.isoformat().replace("+00:00", "Z")

    player.fire()

    assert (player.now, player.state) == (due, State.CANCELLED)
    assert (outputs(player)["decision"], outputs(player)["by"], player.order) == ("EXPIRED", None, ["ask", "tell"])


@pytest.mark.parametrize(
    ("timeout", "due", "seconds"),
    [
        (None, "PT5S", 5),
        (None, "2026-03-01T12:01:00Z", None),
        (None, "2026-03-01T13:01:00+01:00", None),
        ("PT9S", "PT5S", 5),
        ("PT5S", "2027-01-01T00:00:00Z", 5),
        (None, "2020-01-01T00:00:00Z", 0),
        (None, "{{ outputs.tell.x }}", 7),
    ],
)
def test_its_time_is_a_span_or_a_date_and_the_earlier_counts(
    timeout: str | None, due: str, seconds: int | None
) -> None:
    player = Player(flow(asking(timeout=timeout, due=due)), {"tell": Says(outputs={"x": "PT7S"})}).start()
    player.answer(*player.orders.popleft())

    paused = player.only("ask").history[-1].at
    (at,) = player.timers.values()
    assert at == (paused + timedelta(seconds=seconds) if seconds is not None else paused.replace(minute=1, second=0))


@pytest.mark.parametrize("wrong", [{"due": "soon"}, {"comment_required": "{{ 'MAYBE' }}"}, {"approve": "{{ nope.x }}"}])
def test_what_cannot_be_asked_fails_it(wrong: dict[str, str]) -> None:
    player = started(asking(errors=tasks("e"), **wrong), "next")

    assert (player.finish().state, player.order) == (State.FAILED, ["ask", "tell", "e"])


def test_a_behavior_that_there_is_not_fails_it_after_the_decision() -> None:
    player = started(asking(approve_behavior="{{ 'EXPLODE' }}"), "next")

    review(player, APPROVED)

    assert (player.finish().state, player.order) == (State.FAILED, ["ask", "tell", "yes"])


def test_approved_by_itself_it_waits_for_nobody() -> None:
    player = Player(flow(asking(auto_approve="{{ globals.g == 1 }}"), "next")).run()

    assert (player.state, player.order) == (State.SUCCESS, ["ask", "yes", "next"])
    assert State.PAUSED not in [moved.state for moved in player.only("ask").history]
    assert (outputs(player)["decision"], outputs(player)["auto"], outputs(player)["by"]) == ("APPROVED", True, None)
    assert outputs(player)["url"] == "https://segue.example/executions/e"


def test_a_behavior_may_hang_on_what_was_decided() -> None:
    behavior = "{{ outputs.ask.comment == 'stop' ? 'SUCCEED' : 'CONTINUE' }}"
    player = started(asking(approve_behavior=behavior), "next")

    review(player, APPROVED, comment="stop")

    assert (player.finish().state, player.order) == (State.SUCCESS, ["ask", "tell", "yes"])


def test_a_worker_says_what_the_engine_may_not() -> None:
    terms = {"approve": "Yes", "deny": "No", "commentRequired": "NEVER"}
    asked = asking(auto_approve=SECRET, deny=SECRET, deny_behavior=SECRET)
    player = Player(flow(asked), answers={"approval": {"url": "/x"}, "terms": terms, "DENIED": "WARN"}).start()
    while player.orders or player.evaluations:
        player.execution = restore(player.plan, deepcopy(player.execution))
        player.step()
    assert approval.terms_of(waiting.scenes(player.plan, player.execution)[0]).deny == "No"

    review(player, DENIED)

    assert (player.finish().state, outputs(player)["url"]) == (State.WARNING, "/x")


@pytest.mark.parametrize(
    ("required", "decision", "counts"),
    [
        ("NEVER", APPROVED, True),
        ("NEVER", DENIED, True),
        ("ALWAYS", APPROVED, False),
        ("ALWAYS", DENIED, False),
        ("ON_APPROVE", APPROVED, False),
        ("ON_APPROVE", DENIED, True),
        ("ON_DENY", APPROVED, True),
        ("ON_DENY", DENIED, False),
    ],
)
def test_without_a_comment_that_has_to_be_given_nothing_is_decided(
    required: str, decision: Decision, counts: bool
) -> None:
    player = started(asking(comment_required=required))

    assert review(player, decision) is counts
    assert review(player, decision, comment="because") is not counts


def test_it_is_decided_once() -> None:
    player = started(asking(timeout="PT9S"))
    timer = dict(player.timers)
    review(player, APPROVED)

    assert not review(player, DENIED)
    player.timers = timer  # it was told already when the decision came
    player.fire()
    assert (player.finish().state, outputs(player)["decision"]) == (State.SUCCESS, "APPROVED")


def test_nobody_can_let_it_expire_and_a_resume_decides_nothing() -> None:
    player = started()

    assert not review(player, Decision.EXPIRED)
    assert player.send(ResumeWanted(at=player.tick(), task_run_id=player.only("ask").id)) == ()


def test_it_can_be_decided_while_other_tasks_run() -> None:
    both = task("both", Parallel(tasks=(asking(deny_behavior="CONTINUE"), task("other"))))
    player = started(both, "next")
    assert player.state is State.RUNNING

    review(player, DENIED)

    assert State.RESTARTED not in [moved.state for moved in player.execution.history]
    assert player.finish().state is State.SUCCESS


@pytest.mark.parametrize(
    ("behavior", "end", "of_other"),
    [("CANCEL", State.CANCELLED, State.SUCCESS), ("KILL", State.KILLED, State.KILLED)],
)
def test_what_runs_beside_it_ends_by_itself_unless_all_is_killed(behavior: str, end: State, of_other: State) -> None:
    both = task("both", Parallel(tasks=(task("nap", Sleep(duration="PT9S")), asking(deny_behavior=behavior))))
    player = started(task("outer", AllowFailure(tasks=(both, task("after")))), "next")

    review(player, DENIED)
    player.finish()

    assert (player.state, player.only("nap").state) == (end, of_other)
    assert {"after", "next"}.isdisjoint(player.states)


def test_what_fails_after_the_decision_is_not_hidden_by_its_behavior() -> None:
    player = Player(flow(asking(approve_behavior="SUCCEED", errors=tasks("e"))), {"yes": FAILS}).start()
    player.answer(*player.orders.popleft())

    review(player, APPROVED)

    assert (player.finish().state, player.order) == (State.FAILED, ["ask", "tell", "yes", "e"])


def test_its_own_last_tasks_run_before_the_execution_ends() -> None:
    player = started(asking(deny_behavior="KILL", finally_=tasks("f")), "next")

    review(player, DENIED)

    assert (player.finish().state, player.order) == (State.KILLED, ["ask", "tell", "no", "f"])
    assert player.only("f").state is State.SUCCESS


@pytest.mark.parametrize(("allowed", "state"), [(False, State.FAILED), (True, State.PAUSED)])
def test_only_a_failure_that_is_allowed_lets_it_wait_all_the_same(allowed: bool, state: State) -> None:
    player = Player(flow(asking(common={"allow_failure": allowed}), "next"), {"tell": FAILS}).start()
    player.answer(*player.orders.popleft())

    assert (player.state, player.order) == (state, ["ask", "tell"])
    if allowed:
        review(player, APPROVED)
        assert (player.finish().state, player.order) == (State.WARNING, ["ask", "tell", "yes", "next"])


def test_in_an_execution_that_has_ended_it_fails() -> None:
    player = Player(flow("a", after_execution=(asking(),))).run()

    assert (player.state, player.only("ask").state) == (State.SUCCESS, State.FAILED)


def test_an_exit_beside_it_does_not_decide_for_anybody() -> None:
    both = task("both", Parallel(tasks=(asking(), task("leave"))))
    player = started(both)
    player.end(player.begin("leave"), Says(wishes=(ExitWanted(state=State.SUCCESS),)))
    assert player.state is State.PAUSED

    review(player, DENIED)

    assert player.finish().state is State.SUCCESS
    assert player.only("ask").outputs is not None
    assert outputs(player)["decision"] == "DENIED"


def test_a_kill_ends_it_and_its_timer() -> None:
    player = started(asking(timeout="PT9S"))

    player.send(KillWanted(at=player.tick()))

    assert (player.state, player.only("ask").state, player.timers) == (State.KILLED, State.KILLED, {})
    assert not review(player, APPROVED)


def test_it_waits_still_after_the_daemon_was_away() -> None:
    player = started(asking(timeout="PT9S", comment_required="ALWAYS"))
    player.execution = restore(player.plan, deepcopy(player.execution))

    assert not review(player, APPROVED)
    assert review(player, APPROVED, comment="x")
    assert (player.finish().state, player.timers) == (State.SUCCESS, {})


def test_a_decision_in_an_execution_that_a_person_paused_counts_once_that_is_lifted() -> None:
    both = task("both", Parallel(tasks=(asking(), task("other"))))
    player = started(both)
    player.send(PauseWanted(at=player.tick()))

    assert review(player, APPROVED)
    assert (player.state, "yes" in player.states) == (State.PAUSED, False)
    player.send(ResumeWanted(at=player.tick()))
    assert (player.finish().state, player.states["yes"]) == (State.SUCCESS, "SUCCESS")


# By hand, after it.


def again(player: Player) -> Player:
    assert player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))
    return player


@pytest.mark.parametrize("behavior", ["FAIL", "CANCEL", "KILL"])
def test_a_restart_after_a_denial_asks_anew(behavior: str) -> None:
    player = started(asking(deny_behavior=behavior), "next")
    review(player, DENIED, comment="no")
    again(player.finish())
    player.end(player.begin("tell"), SUCCEEDS)

    assert (player.state, outputs(player)["decision"], outputs(player)["comment"]) == (State.PAUSED, None, None)
    review(player, APPROVED)
    assert (player.finish().state, player.order) == (State.SUCCESS, ["ask", "tell", "yes", "next"])


def test_a_restart_after_a_failure_of_its_tasks_keeps_the_decision() -> None:
    script = {"yes": [FAILS, SUCCEEDS]}
    player = Player(flow(asking(), "next"), script).start()
    player.answer(*player.orders.popleft())
    review(player, APPROVED, by="ann")
    again(player.finish())

    assert (player.finish().state, outputs(player)["by"]) == (State.SUCCESS, "ann")
    assert len(player.only("yes").attempts) == 2


def test_a_restart_of_one_that_was_killed_while_it_waited_waits_again() -> None:
    player = started(asking(timeout="PT9S"))
    player.send(KillWanted(at=player.tick()))
    again(player)

    assert (player.state, len(player.timers)) == (State.PAUSED, 1)


def test_a_state_given_to_what_ran_before_it_leads_back_to_the_wait() -> None:
    player = started(asking(deny_behavior="FAIL"), "next")
    review(player, DENIED)
    player.finish()

    player.send(StateWanted(at=player.tick(), state=State.WARNING, task_run_id=player.only("tell").id))
    player.send(Started(at=player.tick()))

    assert (player.state, player.order) == (State.PAUSED, ["ask", "tell"])
    review(player, APPROVED)
    assert (player.finish().state, player.order) == (State.WARNING, ["ask", "tell", "yes", "next"])


def test_a_state_given_to_it_ends_the_wait() -> None:
    player = started(asking(timeout="PT9S"), "next")

    player.send(StateWanted(at=player.tick(), state=State.SUCCESS, task_run_id=player.only("ask").id))
    player.send(Started(at=player.tick()))

    assert (player.finish().state, player.order, player.timers) == (State.SUCCESS, ["ask", "tell", "next"], {})
