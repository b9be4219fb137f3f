"""Retries, lost workers, and news that comes late or twice."""

from datetime import timedelta
from typing import Any

import pytest
from segue.engine.retry import delay, next_attempt_at
from segue.model.event import AttemptEnded, AttemptStarted, WhenLost, WorkerLost
from segue.model.execution import Attempt, Failure, Moved
from segue.model.state import State
from segue.model.task import ForEach, Parallel, Retry, RetryKind, Sequential

from tests.support.engine import FAILS, START, SUCCEEDS, Player, Says, flow, histories, task, tasks

SECOND = timedelta(seconds=1)


def constant(attempts: int | None = None, **keys: Any) -> Retry:
    return Retry(kind=RetryKind.CONSTANT, interval=2 * SECOND, attempts_max=attempts, **keys)


def test_a_failed_attempt_is_retried_in_the_same_task_run() -> None:
    player = Player(flow(task("a", retry=constant(3)), "b"), {"a": [FAILS, FAILS, SUCCEEDS]}).run()

    assert [attempt.state.value for attempt in player.only("a").attempts] == ["FAILED", "FAILED", "SUCCESS"]
    assert histories(player.only("a")) == ["CREATED", "RUNNING", *(["RETRYING", "CREATED", "RUNNING"] * 2), "SUCCESS"]
    assert player.state is State.SUCCESS


def test_the_execution_is_retrying_while_nothing_else_runs() -> None:
    player = Player(flow(task("a", retry=constant(2))), {"a": [FAILS, SUCCEEDS]}).run()

    assert histories(player.execution) == ["CREATED", "RUNNING", "RETRYING", "RUNNING", "SUCCESS"]


def test_the_execution_is_running_while_a_sibling_of_a_waiting_retry_runs() -> None:
    node = task("p", Parallel(tasks=(task("a", retry=constant(2)), task("b"))))
    player = Player(flow(node)).start()
    player.begin("b")

    player.end(player.begin("a"), FAILS)

    assert player.only("a").state is State.RETRYING
    assert player.state is State.RUNNING


def test_the_errors_branch_runs_after_the_last_attempt() -> None:
    player = Player(flow(task("a", retry=constant(5)), errors=tasks("e")), {"a": FAILS}).run()

    assert player.order == ["a", "e"]
    assert len(player.only("a").attempts) == 5


def test_a_warning_on_retry_needs_a_retry() -> None:
    made = flow(task("a", retry=constant(4, warning_on_retry=True)))

    assert Player(made, {"a": [FAILS, SUCCEEDS]}).run().state is State.WARNING
    assert Player(made).run().state is State.SUCCESS


@pytest.mark.parametrize("where", ["flow", "node", "task"])
def test_the_policy_is_the_tasks_or_its_nearest_ancestors_or_the_flows(where: str) -> None:
    counts = {"flow": 2, "node": 3, "task": 4}
    policies = {
        name: constant(count) for name, count in counts.items() if list(counts).index(name) <= list(counts).index(where)
    }
    node = Sequential(tasks=(task("s", Sequential(tasks=(task("a", retry=policies.get("task")),))),))
    player = Player(flow(task("n", node, retry=policies.get("node")), retry=policies["flow"]), {"a": FAILS}).run()

    assert len(player.only("a").attempts) == counts[where]


def test_a_flowable_is_not_retried_itself() -> None:
    player = Player(flow(task("each", ForEach(values="[null]", tasks=tasks("a")), retry=constant(3)))).run()

    assert histories(player.only("each")) == ["CREATED", "RUNNING", "FAILED"]


def test_every_value_of_a_loop_has_its_own_attempts() -> None:
    loop = task("each", ForEach(values=(0, 1), tasks=tasks("a"), concurrency_limit=0), retry=constant(3))
    player = Player(flow(loop), {"a": FAILS}).run()

    assert [len(run.attempts) for run in player.runs("a")] == [3, 3]


@pytest.mark.parametrize(
    ("retry", "number", "chance", "seconds"),
    [
        (constant(), 1, 0.0, 2),
        (constant(), 9, 0.0, 2),
        (Retry(kind=RetryKind.EXPONENTIAL, interval=SECOND, factor=2.0), 1, 0.0, 1),
        (Retry(kind=RetryKind.EXPONENTIAL, interval=SECOND, factor=2.0), 4, 0.0, 8),
        (Retry(kind=RetryKind.EXPONENTIAL, interval=SECOND, factor=1.5), 3, 0.0, 2.25),
        (Retry(kind=RetryKind.EXPONENTIAL, interval=SECOND, interval_max=5 * SECOND), 9, 0.0, 5),
        (Retry(kind=RetryKind.EXPONENTIAL, interval=SECOND, interval_max=5 * SECOND), 10_000, 0.0, 5),
        (Retry(kind=RetryKind.RANDOM, interval_min=SECOND, interval_max=3 * SECOND), 1, 0.0, 1),
        (Retry(kind=RetryKind.RANDOM, interval_min=SECOND, interval_max=3 * SECOND), 1, 0.5, 2),
    ],
    ids=["constant", "constant later", "first", "fourth", "factor", "capped", "huge", "least", "middle"],
)
def test_the_delay_is_as_documented(retry: Retry, number: int, chance: float, seconds: float) -> None:
    assert delay(retry, number, chance).total_seconds() == seconds


def test_growth_without_a_cap_stays_a_date() -> None:
    assert delay(Retry(kind=RetryKind.EXPONENTIAL, interval=SECOND), 5_000, 0.0) < timedelta(days=4000)


def attempts(*starts: int) -> list[Attempt]:
    return [
        Attempt(number=number, history=[Moved(State.CREATED, START + start * SECOND)])
        for number, start in enumerate(starts, 1)
    ]


@pytest.mark.parametrize(
    ("tried", "due"),
    [(attempts(0), 2), (attempts(0, 2), 4), (attempts(0, 2, 4), 6), (attempts(0, 2, 4, 6), None)],
    ids=["first", "second", "third", "too late"],
)
def test_no_attempt_is_due_later_than_the_duration_after_the_first(tried: list[Attempt], due: int | None) -> None:
    at = tried[-1].history[0].at

    found = next_attempt_at(constant(duration_max=6 * SECOND), tried, at=at, chance=0.0)

    assert found == (None if due is None else START + due * SECOND)


# Lost workers.


def lose(player: Player, number: int = 1, policy: WhenLost = WhenLost.RESUBMIT) -> None:
    run = player.only("a")
    player.send(
        WorkerLost(at=player.tick(), task_run_id=run.id, attempt=number, message="worker w-1 is gone", policy=policy)
    )


def test_a_lost_attempt_is_given_to_another_worker_and_stays_visible() -> None:
    player = Player(flow("a")).start()
    player.begin("a")

    lose(player)

    first, second = player.only("a").attempts
    assert (first.state, first.failure) == (State.FAILED, Failure(message="worker w-1 is gone", kind="worker-lost"))
    assert second.state is State.CREATED
    assert player.finish().state is State.SUCCESS


def test_an_attempt_lost_before_it_began_is_resubmitted_as_well() -> None:
    player = Player(flow("a")).start()
    player.orders.clear()

    lose(player)

    assert list(player.orders) == [(player.only("a").id, 2)]


def test_a_lost_attempt_does_not_count_against_the_policy() -> None:
    player = Player(flow(task("a", retry=constant(2))), {"a": FAILS}).start()
    player.begin("a")
    lose(player)

    assert len(player.finish().only("a").attempts) == 3


def test_a_task_that_takes_its_worker_down_each_time_fails_in_the_end() -> None:
    player = Player(flow("a")).start()
    for number in range(1, 5):
        player.begin("a")
        lose(player, number)

    assert len(player.only("a").attempts) == 4
    assert player.state is State.FAILED


def test_a_lost_attempt_fails_where_the_setting_says_so_and_is_retried_by_the_policy() -> None:
    player = Player(flow("a")).start()
    player.begin("a")
    lose(player, policy=WhenLost.FAIL)
    assert player.state is State.FAILED

    player = Player(flow(task("a", retry=constant(2)))).start()
    player.begin("a")
    lose(player, policy=WhenLost.FAIL)
    assert player.only("a").state is State.RETRYING


# News.


def test_a_report_that_overtakes_the_news_of_its_start_ends_the_attempt_all_the_same() -> None:
    player = Player(flow("a")).start()
    run = player.only("a")

    player.end(run, SUCCEEDS)

    assert histories(run) == ["CREATED", "RUNNING", "SUCCESS"]
    assert player.state is State.SUCCESS


@pytest.mark.parametrize("number", [0, 2, -1])
def test_news_of_an_attempt_that_is_not_the_open_one_changes_nothing(number: int) -> None:
    player = Player(flow("a")).start()
    run = player.begin("a")

    ended = AttemptEnded(at=player.tick(), task_run_id=run.id, attempt=number, state=State.SUCCESS)
    began = AttemptStarted(at=player.tick(), task_run_id=run.id, attempt=number, worker="w")

    assert (player.send(ended), player.send(began)) == ((), ())


def test_a_report_of_an_attempt_whose_worker_was_given_up_changes_nothing() -> None:
    player = Player(flow("a")).start()
    run = player.begin("a")
    lose(player)

    late = AttemptEnded(at=player.tick(), task_run_id=run.id, attempt=1, state=State.SUCCESS)

    assert player.send(late) == ()


def test_news_of_an_unknown_task_run_changes_nothing() -> None:
    player = Player(flow("a")).start()

    assert player.send(AttemptEnded(at=START, task_run_id="nobody", attempt=1, state=State.SUCCESS)) == ()  # type: ignore[arg-type]


def test_a_later_attempts_outputs_replace_those_of_an_earlier_one() -> None:
    says = [Says(State.FAILED, outputs={"n": 1}), Says(State.SUCCESS)]
    player = Player(flow(task("a", retry=constant(2))), {"a": says}).run()

    assert (player.only("a").outputs, player.execution.outputs_tree) == (None, {})
