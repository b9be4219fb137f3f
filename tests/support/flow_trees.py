"""Hypothesis strategies for flows: random trees of all flowables, with all that a task can say about its end."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st
from segue.model.flow import Flow, Input, Output
from segue.model.task import (
    AllowFailure,
    Approval,
    Body,
    Call,
    CommentRequired,
    Dag,
    FetchType,
    ForEach,
    If,
    Loop,
    LoopUntil,
    Parallel,
    Pause,
    PauseBehavior,
    RestartBehavior,
    Retry,
    RetryKind,
    ReviewBehavior,
    Runnable,
    Sequential,
    Sleep,
    Subflow,
    Switch,
    Task,
    WorkingDirectory,
)

PURE = "{{ 1 == 1 }}"
FALSE = "{{ 1 == 2 }}"
BROKEN = "{{ missing.thing }}"
OUTSIDE = "{{ secret('KEY') }}"  # only a worker may evaluate it

_conditions = st.sampled_from([PURE, FALSE, BROKEN, OUTSIDE, "true", "{{ outputs.t0.x ?? false }}"])
_values = st.one_of(
    st.lists(st.sampled_from(["a", "b", 3, PURE]), max_size=4).map(tuple),
    st.sampled_from(["[1, 2, 3]", "[]", "[1, null]", "no list", BROKEN, OUTSIDE]),
)
_loop_values = st.one_of(
    _values,
    st.sampled_from([{"k": "a", "l": [1]}, {}, '{"k": 1}', "kestra:///company/team/lines.jsonl"]),
)
_retries = st.none() | st.builds(
    Retry,
    kind=st.sampled_from(RetryKind),
    interval=st.just(timedelta(seconds=2)),
    interval_max=st.just(timedelta(seconds=9)),
    attempts_max=st.integers(1, 3),
    warning_on_retry=st.booleans(),
)
_runnables = st.just(("runnable", None))
_sleeps = st.sampled_from(["PT5S", "PT0S", "soon", BROKEN, OUTSIDE]).map(lambda text: ("sleep", text))

_calls = st.builds(
    Call,
    namespace=st.just("company.team"),
    flow_id=st.sampled_from(["other", PURE, BROKEN, OUTSIDE]),
    wait=st.sampled_from([True, True, False, OUTSIDE]),
    transmit_failed=st.sampled_from([True, True, False]),
    inputs=st.sampled_from([None, {"a": "{{ taskrun.value ?? 1 }}"}, "no map"]),
    schedule_date=st.sampled_from([None, None, "2030-01-01T00:00:00Z", "soon"]),
    restart=st.sampled_from(RestartBehavior),
).map(lambda call: ("subflow", call))


_behaviors = st.sampled_from([*(each.value for each in ReviewBehavior), BROKEN, OUTSIDE, "{{ 'FAIL' }}"])


def _lists(children: st.SearchStrategy[Any], least: int = 0, most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.tuples(children, _common), min_size=least, max_size=most)


_common = st.fixed_dictionaries(
    {},
    optional={
        "retry": _retries,
        "allow_failure": st.booleans(),
        "allow_warning": st.booleans(),
        "disabled": st.sampled_from([False, False, False, True]),
        "run_if": st.none() | _conditions,
    },
)


def _flowables(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    side = _lists(children, most=1)
    limits = st.integers(0, 2)
    return st.one_of(
        st.tuples(st.just("sequential"), _lists(children), side, side),
        st.tuples(st.just("allow_failure"), _lists(children), side, side),
        st.tuples(st.just("parallel"), _lists(children), side, side, limits),
        st.tuples(st.just("dag"), _lists(children), side, side, limits, st.integers(0, 7)),
        st.tuples(st.just("if"), _lists(children), side, side, _lists(children, most=1), _conditions),
        st.tuples(
            st.just("switch"),
            _lists(children),
            side,
            side,
            _lists(children, most=1),
            st.sampled_from([PURE, BROKEN, OUTSIDE, "b"]),
        ),
        st.tuples(
            st.just("loop_until"),
            _lists(children, least=1, most=2),
            side,
            side,
            _conditions,
            st.sampled_from(["PT1S", "PT0S", "soon", OUTSIDE]),
            st.integers(1, 3),
            st.booleans(),
        ),
        st.tuples(
            st.just("pause"),
            _lists(children, most=2),
            side,
            side,
            _lists(children, most=1),
            st.sampled_from([None, None, "PT5S", "PT0S", "soon", OUTSIDE]),
            st.sampled_from(PauseBehavior),
            st.booleans(),
        ),
        st.tuples(
            st.just("approval"),
            _lists(children, most=1),
            side,
            side,
            _lists(children, most=1),
            _lists(children, most=1),
            st.sampled_from([None, None, "PT5S", "PT0S", "2026-03-01T12:00:09Z", "soon", OUTSIDE]),
            st.sampled_from([False, False, True, FALSE, PURE, BROKEN, OUTSIDE]),
            st.lists(_behaviors, min_size=3, max_size=3),
            st.sampled_from(CommentRequired),
        ),
        st.tuples(
            st.just("loop"),
            _lists(children, least=1, most=2),
            side,
            side,
            limits,
            _loop_values,
            st.none() | _conditions,
            st.booleans(),
            st.booleans(),
        ),
        st.tuples(st.just("for_each"), _lists(children), side, side, limits, _values),
        st.tuples(st.just("working_directory"), _lists(_runnables, least=1), side, side, st.booleans()),
    )


_shapes = st.recursive(_runnables | _sleeps | _calls, _flowables, max_leaves=8)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A flow with a tree of tasks, named t0, t1 ... as they are met."""
    names = (f"t{number}" for number in count())
    return Flow(
        namespace="company.team",
        id="flow",
        tasks=_tasks(draw(_lists(_shapes, least=1)), names),
        errors=_tasks(draw(_lists(_shapes, most=1)), names),
        finally_=_tasks(draw(_lists(_shapes, most=1)), names),
        after_execution=_tasks(draw(_lists(_shapes, most=1)), names),
        outputs=draw(st.sampled_from([(), _output(PURE), _output(BROKEN), _output(OUTSIDE)])),
        retry=draw(_retries),
    )


def _output(value: str) -> tuple[Output, ...]:
    return (Output(id="o", type="JSON", value=value),)


def _tasks(shapes: list[Any], names: Iterator[str]) -> tuple[Task, ...]:
    return tuple(_task(shape, common, names) for shape, common in shapes)


def _task(shape: Any, common: dict[str, Any], names: Iterator[str]) -> Task:
    return Task(id=next(names), type=f"test.{shape[0]}", body=_body(shape, names), **common)


def _body(shape: Any, names: Iterator[str]) -> Body:
    kind, *rest = shape
    if kind == "runnable":
        return Runnable(properties={"message": "{{ taskrun.value ?? '' }}"})
    if kind == "sleep":
        return Sleep(duration=rest[0])
    if kind == "subflow":
        return Subflow(call=rest[0], outputs=None)
    main, errors, last = (_tasks(shapes, names) for shapes in rest[:3])
    sides = {"errors": errors, "finally_": last}
    match kind:
        case "sequential":
            return Sequential(tasks=main, **sides)
        case "allow_failure":
            return AllowFailure(tasks=main, **sides)
        case "parallel":
            return Parallel(tasks=main, concurrent=rest[3], **sides)
        case "dag":
            return Dag(tasks=main, concurrent=rest[3], depends_on=_edges(main, rest[4]), **sides)
        case "if":
            return If(condition=rest[4], then=main, otherwise=_tasks(rest[3], names), **sides)
        case "switch":
            return Switch(value=rest[4], cases={"true": main}, defaults=_tasks(rest[3], names), **sides)
        case "loop_until":
            return LoopUntil(
                condition=rest[3],
                tasks=main,
                interval=rest[4],
                iterations_max=rest[5],
                fail_on_max_reached=rest[6],
                **sides,
            )
        case "loop":
            return Loop(
                values=rest[4],
                tasks=main,
                concurrency_limit=rest[3],
                break_when=rest[5],
                transmit_failed=rest[6],
                outputs=_output(PURE) if rest[7] else (),
                fetch_type=FetchType.AUTO,
                **sides,
            )
        case "pause":
            asked = (Input(id="a", type="STRING", defaults="b"),) if rest[6] else ()
            before = _tasks(rest[3], names)
            return Pause(duration=rest[4], behavior=rest[5], on_pause=before, on_resume=asked, tasks=main, **sides)
        case "approval":
            denied, before = _tasks(rest[3], names), _tasks(rest[4], names)
            behaviors = dict(zip(("approve_behavior", "deny_behavior", "expire_behavior"), rest[7], strict=True))
            return Approval(
                on_approve=main,
                on_deny=denied,
                on_wait=before,
                due=rest[5],
                auto_approve=rest[6],
                comment_required=rest[8],
                **behaviors,
                **sides,
            )
        case "working_directory":
            kept = {"outputFiles": ["*"]} if rest[3] else {}
            return WorkingDirectory(tasks=main, properties=kept, **sides)
        case _:
            return ForEach(values=rest[4], tasks=main, concurrency_limit=rest[3], **sides)


def _edges(tasks: tuple[Task, ...], bits: int) -> dict[str, tuple[str, ...]]:
    """Some of the edges from later tasks to earlier ones: never a cycle."""
    pairs = [(later, earlier) for place, later in enumerate(tasks) for earlier in tasks[:place]]
    chosen = [pair for number, pair in enumerate(pairs) if bits >> number & 1]
    return {task.id: tuple(earlier.id for later, earlier in chosen if later is task) for task in tasks}
