"""An execution as a tree of lines, and as plain lines."""

import io
from datetime import timedelta

from msgspec.structs import replace
from rich.console import Console
from segue.cli.run_tree import Row, rows_of, title_of
from segue.cli.run_view import LinesView, TreeView
from segue.model.execution import Execution, Item, Kind, LoopRun, Moved
from segue.model.flow import Flow
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State
from segue.model.task import ForEach, Retry
from segue.runtime.local import News, Seen

from tests.support.engine import FAILS, START, SUCCEEDS, Player, Says, execution_of, flow, task


def played(flow: Flow, **script: Says) -> Player:
    return Player(flow, script).run()


def rows(player: Player, rows_max: int = 100) -> list[Row]:
    return rows_of(player.execution, player.now, rows_max=rows_max)


def each_of(values: int) -> Flow:
    return flow(
        task("each", ForEach(values=tuple(map(str, range(values))), tasks=(task("work"),), concurrency_limit=0)), "last"
    )


def test_task_runs_stand_under_their_parents_with_their_values() -> None:
    assert [(row.name, row.state) for row in rows(played(each_of(2)))] == [
        ("  each", State.SUCCESS),
        ("    work [0]", State.SUCCESS),
        ("    work [1]", State.SUCCESS),
        ("  last", State.SUCCESS),
    ]


def test_a_failure_and_the_attempts_before_it_are_told() -> None:
    retry = Retry(kind="constant", interval=timedelta(seconds=1), attempts_max=2)
    (row,) = rows(played(flow(task("a", retry=retry)), a=Says(State.FAILED, message="no\x1b[2J such\nfile")))
    assert (row.state, row.note) == (State.FAILED, "attempt 2: no such file")


def test_what_has_not_begun_has_no_time() -> None:
    player = Player(flow("a")).start()
    (row,) = rows(player)
    assert (row.state, row.took) == (State.CREATED, "")


def test_the_title_is_the_flow_and_how_it_is() -> None:
    player = played(flow("a"))
    title = title_of(player.execution, player.now)
    assert (title.name, title.state) == ("company.team/flow", State.SUCCESS)


def test_where_there_are_too_many_rows_good_ends_give_way() -> None:
    player = Player(each_of(50), lambda run, _: FAILS if run.value == "3" else SUCCEEDS).run()
    shown = rows(player, rows_max=6)
    assert len(shown) == 6
    assert [row.name.strip() for row in shown if row.state is State.FAILED] == ["each", "work [3]"]
    assert shown[-1].name.strip().startswith("... and ")


def news(player: Player) -> News:
    return News((Seen(player.execution, player.flow),), (), player.now)


def test_plain_lines_say_nothing_twice() -> None:
    stream = io.StringIO()
    view = LinesView(stream)
    player = Player(flow("a", "b")).start()
    view.show(news(player))
    player.finish()
    view.show(news(player))
    view.show(news(player))
    told = [line.split()[1:3] for line in stream.getvalue().splitlines()]
    assert told == [["RUNNING", "a"], ["SUCCESS", "a"], ["RUNNING", "b"], ["SUCCESS", "b"]]


def test_the_outcome_is_that_of_the_last_retry() -> None:
    first, again, other = (replace(execution_of(flow("a")), id=ExecutionId(each)) for each in "123")
    again.original_id = first.id
    told = News(tuple(Seen(each, flow("a")) for each in (first, again, other)), (), START)
    assert told.outcome is again


def iteration(index: int, value: object, state: State = State.RUNNING) -> Execution:
    loop_run = LoopRun(
        task_id="loop",
        task_run_id=TaskRunId("e-0"),
        item=Item(index=index, value=value),
        parents=(Item(index=7, value="outer"),),
    )
    made = replace(execution_of(flow("a")), id=ExecutionId(f"i{index}"), kind=Kind.LOOP, loop_run=loop_run)
    made.history.append(Moved(state, START))
    return made


def test_an_iteration_is_called_by_its_loop_its_numbers_and_its_value() -> None:
    assert title_of(iteration(3, "north\nwest"), START).name == "loop 7.3 [north west]"


def test_of_an_iterations_task_runs_the_lines_say_which_it_is() -> None:
    player = Player(flow("a"), execution=iteration(3, 12, State.CREATED)).run()
    stream = io.StringIO()
    LinesView(stream).show(News((Seen(player.execution, player.flow),), (), player.now))
    assert "loop 7.3 [12] a" in stream.getvalue()


def test_a_few_iterations_are_drawn_those_first_that_failed() -> None:
    around = execution_of(flow("a"))
    found = [iteration(number, number, State.FAILED if number == 9 else State.RUNNING) for number in range(10)]
    console = Console(file=io.StringIO(), width=100, height=100, force_terminal=False)
    view = TreeView(console)
    view.show(News(tuple(Seen(each, flow("a")) for each in (around, *found)), (), START))
    with view.shown():
        pass
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "loop 7.9 [9]" in text
    assert "loop 7.5 [5]" not in text
    assert "... and 5 more iterations" in text
