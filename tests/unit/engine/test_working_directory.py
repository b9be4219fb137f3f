"""WorkingDirectory in the engine: its folder is made ready first, its tasks share it, and it begins anew as a whole."""

from collections.abc import Mapping
from typing import Any

from segue.engine.create import replay_of
from segue.engine.flowables.working_directory import folders_of
from segue.engine.orders import evaluation_for, open_evaluations, order_for
from segue.engine.rebuild import restore
from segue.model.change import EvaluationDropped, Logged
from segue.model.event import AttemptStarted, KillWanted, RestartWanted, Started, StateWanted, WorkerLost
from segue.model.execution import Failure
from segue.model.names import ExecutionId
from segue.model.order import SETUP, TEARDOWN
from segue.model.state import State
from segue.model.task import Parallel, Runnable, Task, WorkingDirectory

from tests.support.engine import FAILS, START, SUCCEEDS, Player, flow, histories, task, tasks

READY: Mapping[str, Any] = {SETUP: None, TEARDOWN: None}
KEEPS = {"outputFiles": ["*.txt"]}


def folder(*children: str, **keys: Any) -> Task:
    return task("wd", WorkingDirectory(tasks=tasks(*children), **keys))


def player(*listed: Task | str, script: Any = None, answers: Mapping[str, Any] = READY) -> Player:
    return Player(flow(*listed), script or {}, answers)


def test_the_folder_is_made_before_the_first_task_and_the_tasks_run_one_by_one() -> None:
    playing = player(folder("a", "b")).start()
    assert [order.purpose for order in playing.evaluations] == [SETUP]
    assert not playing.orders
    playing.finish()
    assert (playing.state, playing.order) == (State.SUCCESS, ["wd", "a", "b"])


def test_all_tasks_are_ordered_for_one_folder_and_others_for_their_own() -> None:
    playing = player(folder("a", "b"), "c").start()
    names = {}
    while playing.evaluations or playing.orders:
        if playing.orders:
            run_id, number = playing.orders[0]
            started = AttemptStarted(at=playing.tick(), task_run_id=run_id, attempt=number, worker="w")
            playing.send(started)
            order = order_for(playing.plan, playing.execution, run_id)
            assert order is not None
            names[order.task_id] = order.folder
        playing.step()
    assert names == {"a": f"{playing.only('wd').id}-0", "b": f"{playing.only('wd').id}-0", "c": None}


def test_its_tasks_know_the_run_of_the_folder() -> None:
    told = task("a", Runnable(properties={"text": "{{ workerTaskrun.id }}"}))
    playing = player(task("wd", WorkingDirectory(tasks=(told,)))).start()
    playing.step()
    run = playing.begin("a")
    order = order_for(playing.plan, playing.execution, run.id)
    assert order is not None
    assert order.variables["workerTaskrun"] == {"id": playing.only("wd").id}


def test_the_first_failure_ends_it_after_what_is_to_be_kept_was_kept() -> None:
    answers = READY | {TEARDOWN: {"outputFiles": {"x.txt": "kestra:///x"}}}
    playing = player(folder("a", "b", properties=KEEPS), script={"a": FAILS}, answers=answers).run()
    assert (playing.state, playing.order) == (State.FAILED, ["wd", "a"])
    assert playing.only("wd").outputs == {"outputFiles": {"x.txt": "kestra:///x"}}


def test_an_allowed_failure_does_not_end_it() -> None:
    children = (task("a", allow_failure=True), task("b"))
    playing = player(task("wd", WorkingDirectory(tasks=children)), script={"a": FAILS}).run()
    assert (playing.state, playing.order) == (State.WARNING, ["wd", "a", "b"])


def test_errors_and_finally_run_in_the_folder_and_see_what_was_kept() -> None:
    ends = {"errors": tasks("mend"), "finally_": tasks("last")}
    playing = player(folder("a", properties=KEEPS, **ends), script={"a": FAILS}).run()
    assert playing.order == ["wd", "a", "mend", "last"]


def test_files_that_cannot_be_kept_fail_it_once_and_its_errors_run() -> None:
    answers = READY | {TEARDOWN: Failure(message="disk full")}
    ends = {"errors": tasks("mend"), "finally_": tasks("last")}
    playing = player(folder("a", properties=KEEPS, **ends), answers=answers).run()
    assert (playing.state, playing.order) == (State.FAILED, ["wd", "a", "mend", "last"])
    assert [each.message for each in playing.changes if isinstance(each, Logged)] == ["disk full"]


def test_a_folder_that_cannot_be_made_ready_fails_it_before_any_task() -> None:
    playing = player(folder("a"), answers=READY | {SETUP: Failure(message="no such file")}).run()
    assert (playing.state, playing.order) == (State.FAILED, ["wd"])


def test_without_files_to_keep_nothing_is_asked_at_the_end() -> None:
    playing = player(folder("a"), answers={SETUP: None}).run()
    assert playing.state is State.SUCCESS


def test_a_lost_attempt_is_made_again_in_the_same_folder() -> None:
    playing = player(folder("a", "b")).start()
    playing.step()
    run = playing.begin("a")
    playing.send(WorkerLost(at=playing.tick(), task_run_id=run.id, attempt=1, message="gone"))
    order = order_for(playing.plan, playing.execution, run.id)
    assert order is not None
    assert (order.attempt, order.folder) == (2, f"{playing.only('wd').id}-0")
    assert folders_of(playing.plan, playing.execution) == [f"{playing.only('wd').id}-0"]
    assert playing.finish().state is State.SUCCESS


def test_an_errand_that_was_under_way_is_asked_for_again_after_a_crash() -> None:
    playing = player(folder("a", properties=KEEPS)).start()
    for purpose in (SETUP, TEARDOWN):
        restore(playing.plan, playing.execution)
        (wanted,) = open_evaluations(playing.plan, playing.execution)
        order = evaluation_for(playing.plan, playing.execution, wanted)
        assert order is not None
        assert (wanted.purpose, order.is_errand, order.folder) == (purpose, True, f"{playing.only('wd').id}-0")
        assert order.properties == (KEEPS if purpose == TEARDOWN else {})
        playing.step()
        if purpose == SETUP:
            playing.step()
    assert playing.finish().state is State.SUCCESS


def test_a_restart_begins_anew_as_a_whole_in_another_folder() -> None:
    playing = player(folder("a", "b"), script={"b": [FAILS, SUCCEEDS]}).run()
    before = folders_of(playing.plan, playing.execution)
    playing.send(RestartWanted(at=playing.tick()))
    assert histories(playing.only("wd")) == ["CREATED", "RUNNING", "FAILED", "RESTARTED"]
    assert playing.order == ["wd"]
    playing.script = {}
    playing.send(Started(at=playing.tick()))
    assert folders_of(playing.plan, playing.execution) == [f"{playing.only('wd').id}-1"] != before
    playing.finish()
    assert (playing.state, playing.order) == (State.SUCCESS, ["wd", "a", "b"])


def test_a_replay_from_one_of_its_tasks_begins_with_the_folder() -> None:
    playing = player("first", folder("a", "b"), "after").run()
    again = replay_of(
        playing.plan,
        playing.execution,
        id=ExecutionId("f"),
        at=START,
        revision=1,
        commit="c" * 40,
        task_run_id=playing.only("b").id,
    )
    assert again is not None
    assert [run.task_id for run in again.task_runs.values()] == ["first", "wd"]
    replaying = Player(playing.flow, answers=READY, execution=again)
    replaying.send(Started(at=replaying.tick()))
    replaying.finish()
    assert (replaying.state, replaying.order) == (State.SUCCESS, ["first", "wd", "a", "b", "after"])


def test_a_replay_that_cuts_it_in_two_runs_all_of_it_again() -> None:
    both = task("both", Parallel(tasks=(folder("a", "b"), task("other"))))
    playing = player(both).run()
    again = replay_of(
        playing.plan,
        playing.execution,
        id=ExecutionId("f"),
        at=START,
        revision=1,
        commit="c" * 40,
        task_run_id=playing.only("other").id,
    )
    assert again is not None
    replaying = Player(playing.flow, answers=READY, execution=again)
    replaying.send(Started(at=replaying.tick()))
    replaying.finish()
    assert replaying.state is State.SUCCESS
    assert sorted(replaying.order) == ["a", "b", "both", "other", "wd"]


def test_the_end_of_one_of_its_tasks_cannot_be_changed_by_hand() -> None:
    playing = player(folder("a", "b"), script={"a": FAILS}).run()
    run = playing.only("a")
    assert playing.send(StateWanted(at=playing.tick(), state=State.SUCCESS, task_run_id=run.id)) == ()


def test_a_kill_drops_the_errand_that_is_under_way() -> None:
    playing = player(folder("a")).start()
    playing.send(KillWanted(at=playing.tick()))
    dropped = [each for each in playing.changes if isinstance(each, EvaluationDropped)]
    assert [(each.id, each.purpose) for each in dropped] == [(playing.only("wd").id, SETUP)]
    assert playing.state is State.KILLED
