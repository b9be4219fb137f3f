"""Drawings of flows: every task has a place of its own, frames hold what they steer, lines run into nothing."""

from collections import Counter
from itertools import combinations, pairwise
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from segue.model.flow import Flow
from segue.model.task import Dag, If, Parallel, Runnable, Sequential, Switch, Task
from segue.model.trigger import Schedule, Trigger
from segue.web.pages import graph
from segue.web.pages.graph import Box, Frame, Graph, Lane, Line, graph_of, graphs_of
from segue.web.pages.layers import layers

from tests.support.flow_trees import flows
from tests.support.web import log_task

Placed = Box | Frame | Lane
P = TypeVar("P", Box, Frame, Lane, Line)


def drawn(*tasks: Task, **more: object) -> Graph:
    made = graph_of(Flow(namespace="a", id="b", tasks=tasks, **more))  # type: ignore[arg-type]
    assert made is not None
    return made


def those(made: Graph, kind: type[P]) -> list[P]:
    return [part for part in made.parts if isinstance(part, kind)]


def around(task_id: str, body: object) -> Task:
    return Task(id=task_id, type="io.kestra.plugin.core.flow.Any", body=body)  # type: ignore[arg-type]


def overlap(one: Placed, other: Placed) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def holds(outer: Placed, inner: Placed) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def runs_through(line: Line, box: Box) -> bool:
    """Where it runs straight; where it turns aside it stays between two rows, and no task does."""
    return any(
        min(x, to_x) < box.x + box.width and box.x < max(x, to_x) and y < box.y + box.height and box.y < to_y
        for (x, y), (to_x, to_y) in pairwise(line.points)
    )


def place_of(made: Graph, name: str) -> Box | Frame:
    return next(each for each in (*those(made, Box), *those(made, Frame)) if each.of.id == name)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(flows(), st.sampled_from([graph.ROW_WIDTH, graph.BOX_WIDTH]))
def test_every_task_is_drawn_once_and_nothing_lies_on_anything(flow: Flow, row_width: int) -> None:
    made = graph_of(flow, row_width)
    assert made is not None
    assert made == graph_of(flow, row_width)
    named = Counter(id(each.of) for each in (*those(made, Box), *those(made, Frame)))
    assert named == Counter(id(each) for each in (*flow.all_tasks(), *flow.triggers))
    assert not any(overlap(one, other) for one, other in combinations(those(made, Box), 2))
    surrounding = (*those(made, Frame), *those(made, Lane))
    for outer, inner in combinations((*surrounding, *those(made, Box)), 2):
        assert not overlap(outer, inner) or holds(outer, inner) or holds(inner, outer)
    whole = Lane(name="", is_apart=False, width=made.width, height=made.height)
    assert all(holds(whole, each) for each in (*surrounding, *those(made, Box)))
    assert [line for line in those(made, Line) if any(runs_through(line, box) for box in those(made, Box))] == []


@st.composite
def dags(draw: st.DrawFn) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    ids = [f"t{number}" for number in range(draw(st.integers(1, 12)))]
    above = {
        each: tuple(draw(st.lists(st.sampled_from(ids[:number]), max_size=4))) if number else ()
        for number, each in enumerate(ids)
    }
    return draw(st.permutations(ids)), above


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dags())
def test_a_task_of_a_dag_stands_below_all_that_it_depends_on(
    given_dag: tuple[list[str], dict[str, tuple[str, ...]]],
) -> None:
    ids, above = given_dag
    made = drawn(around("dag", Dag(tasks=tuple(map(log_task, ids)), depends_on=above)))
    for each in ids:
        assert all(place_of(made, one).y < place_of(made, each).y for one in above[each])
        assert all(y <= to_y for line in those(made, Line) for (_, y), (_, to_y) in pairwise(line.points))
    arrows = [line for line in those(made, Line) if line.is_arrow]
    assert len(arrows) == sum(len(set(each)) for each in above.values())


def test_tasks_that_wait_for_each_other_are_drawn_all_the_same() -> None:
    rows = layers(["a", "b"], {"a": ["b"], "b": ["a"]}).rows
    assert {stop for row in rows for stop in row if isinstance(stop, str)} == {"a", "b"}


def test_what_runs_at_once_stands_side_by_side_and_what_follows_below() -> None:
    made = drawn(around("both", Parallel(tasks=(log_task("left"), log_task("right")))), log_task("after"))
    left, right, after = (place_of(made, each) for each in ("left", "right", "after"))
    assert left.y == right.y < after.y
    assert left.x < right.x


def test_many_at_once_are_broken_into_rows() -> None:
    made = drawn(around("all", Parallel(tasks=tuple(log_task(f"t{number}") for number in range(30)))))
    assert made.width < 1000


def test_a_phone_gets_a_drawing_of_its_own_where_the_other_is_too_wide() -> None:
    inner = around("inner", Parallel(tasks=(log_task("a"), log_task("b"))))
    wide = Flow(namespace="a", id="b", tasks=(around("all", Parallel(tasks=(inner, log_task("c")))),))
    made, narrow = graphs_of(wide)
    assert narrow.width <= graph.PHONE_WIDTH < made.width
    assert [box.of.id for box in those(narrow, Box)] == ["a", "b", "c"]
    assert len(graphs_of(Flow(namespace="a", id="b", tasks=(log_task("a"),)))) == 1


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (If(condition=True, then=(log_task("x"),), otherwise=(log_task("y"),)), ["then", "else"]),
        (Switch(value="v", cases={"a b": (log_task("x"),)}, defaults=(log_task("y"),)), ["a b", "defaults"]),
        (Sequential(tasks=(log_task("x"),), errors=(log_task("y"),)), ["errors"]),
    ],
    ids=["if", "switch", "errors"],
)
def test_branches_have_their_names(body: object, names: list[str]) -> None:
    assert [lane.name for lane in those(drawn(around("it", body)), Lane)] == names


def test_errors_stand_apart_below_and_triggers_above() -> None:
    night = Trigger(id="night", type="io.kestra.plugin.core.trigger.Schedule", body=Schedule(cron="0 0 * * *"))
    made = drawn(log_task("work"), errors=(log_task("alert"),), triggers=(night,))
    assert place_of(made, "night").y < place_of(made, "work").y < place_of(made, "alert").y
    assert [lane.is_apart for lane in those(made, Lane)] == [True]
    assert len(those(made, Line)) == 1


def test_a_flow_of_very_many_tasks_is_not_drawn() -> None:
    tasks = tuple(Task(id=f"t{n}", type="x", body=Runnable(properties={})) for n in range(graph.TASKS_MAX + 1))
    assert graphs_of(Flow(namespace="a", id="b", tasks=tasks)) == ()
