"""Searching executions: what each filter finds, how pages follow one another, and that no filter scans a table that
an index would answer."""

from collections import Counter
from datetime import timedelta

import pytest
from msgspec.structs import replace
from segue.model.execution import Execution, Item, Kind, LoopRun, Moved, TriggeredBy
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State
from segue.store.errors import ReadTooLong
from segue.store.reads import search as search_module
from segue.store.reads.matching import Match, Op, equals, within
from segue.store.reads.readers import Readers
from segue.store.reads.search import (
    Column,
    Filters,
    Iterations,
    Page,
    Sort,
    counts_by_state,
    ids_of,
    search,
    state_match,
)

from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution, an_id, at


def ended(number: int, state: State, **fields: object) -> Execution:
    history = [Moved(State.CREATED, at(number)), Moved(state, at(number * 2 + 1))]
    return an_execution(number, history=history, **fields)


def an_iteration(number: int, **fields: object) -> Execution:
    """Of a Loop of the execution 2."""
    by = TriggeredBy(id="loop", type="t", variables={"executionId": an_id(2)})
    loop_run = LoopRun(task_id="loop", task_run_id=TaskRunId(f"{an_id(2)}-0"), item=Item(index=number, value="x"))
    return an_execution(number, kind=Kind.LOOP, trigger=by, loop_run=loop_run, **fields)


# Number -> execution; the story of every test here.
STORY = [
    ended(0, State.SUCCESS, labels={"env": "dev", "team": "Ä"}),
    ended(1, State.FAILED, labels={"env": "prod"}),
    an_execution(2, labels={"env": "prod", "team": "Ä"}),
    an_execution(3, namespace="company", flow_id="ETL"),
    an_execution(4, namespace="company.team.data", flow_id="nightly-etl", state=State.PAUSED),
    ended(5, State.WARNING, namespace="companyb", flow_id="etl", kind=Kind.TEST),
    an_execution(6, parent_id=an_id(0), revision=7),
    an_execution(
        7, trigger=TriggeredBy(id="after", type="t", variables={"executionId": an_id(1)}), labels={"ünï": "日本 'x'"}
    ),
    an_iteration(8),
    an_iteration(9, state=State.FAILED),
]

CASES = {
    "nothing": (Filters(), [7, 6, 5, 4, 3, 2, 1, 0]),
    "namespace": (Filters(namespaces=(equals("company.team"),)), [7, 6, 2, 1, 0]),
    "namespace and below": (Filters(namespaces=(within("company"),)), [7, 6, 4, 3, 2, 1, 0]),
    "not a namespace": (Filters(namespaces=(Match(Op.NOT_EQUALS, ("company.team",)),)), [5, 4, 3]),
    "one of namespaces": (Filters(namespaces=(Match(Op.IN, ("company", "companyb")),)), [5, 3]),
    "namespace starts with": (Filters(namespaces=(Match(Op.STARTS_WITH, ("companyb",)),)), [5]),
    "a namespace that is not there": (Filters(namespaces=(equals("nowhere"),)), []),
    "flow": (Filters(flows=(equals("etl"),)), [5]),
    "flow contains, whatever the case": (Filters(flows=(Match(Op.CONTAINS, ("etl",)),)), [5, 4, 3]),
    "flow ends with": (Filters(flows=(Match(Op.ENDS_WITH, ("-etl",)),)), [4]),
    "text in flow or namespace": (Filters(text="DATA"), [4]),
    "state": (Filters(states=(state_match(State.FAILED),)), [1]),
    "states": (Filters(states=(state_match(State.FAILED, State.WARNING, State.PAUSED),)), [5, 4, 1]),
    "neither of states": (Filters(states=(Match(Op.NOT_IN, ("RUNNING", "SUCCESS")),)), [5, 4, 1]),
    "namespace and state": (
        Filters(namespaces=(within("company"),), states=(state_match(State.RUNNING),)),
        [7, 6, 3, 2],
    ),
    "label": (Filters(labels=(("env", "prod"),)), [2, 1]),
    "two labels": (Filters(labels=(("env", "prod"), ("team", "Ä"))), [2]),
    "a label that nobody has": (Filters(labels=(("env", "test"),)), []),
    "a label beyond ASCII and with quotes": (Filters(labels=(("ünï", "日本 'x'"),)), [7]),
    "without a label": (Filters(labels_absent=(("env", "prod"),)), [7, 6, 5, 4, 3, 0]),
    "label and state": (Filters(labels=(("env", "prod"),), states=(state_match(State.FAILED),)), [1]),
    "label and namespace": (Filters(labels=(("env", "prod"),), namespaces=(equals("company"),)), []),
    "started from": (Filters(started_from=at(5)), [7, 6, 5]),
    "started before": (Filters(started_before=at(2)), [1, 0]),
    "started between, of a flow": (
        Filters(started_from=at(1), started_before=at(3), flows=(equals("hello"),)),
        [2, 1],
    ),
    "ended": (Filters(ended_from=at(2), ended_before=at(100)), [5, 1]),
    "ids": (Filters(ids=(an_id(3), an_id(1), "nobody")), [3, 1]),
    "ids and state": (Filters(ids=(an_id(3), an_id(1)), states=(state_match(State.FAILED),)), [1]),
    "trigger": (Filters(trigger_id="after"), [7]),
    "caller": (Filters(trigger_execution_id=an_id(1)), [7]),
    "children": (Filters(is_child=True), [7]),
    "no children": (Filters(is_child=False, states=(state_match(State.RUNNING),)), [6, 3, 2]),
    "replays of": (Filters(parent_id=an_id(0)), [6]),
    "kind": (Filters(kind=Kind.TEST), [5]),
    "revision": (Filters(revision=7), [6]),
    "trigger starts with": (Filters(columns=((Column.TRIGGER_ID, Match(Op.STARTS_WITH, ("AFT",))),)), [7]),
    "not a trigger, or none": (
        Filters(columns=((Column.TRIGGER_ID, Match(Op.NOT_EQUALS, ("after",))),)),
        [6, 5, 4, 3, 2, 1, 0],
    ),
    "no trigger": (Filters(columns=((Column.TRIGGER_ID, Match(Op.IS_NULL)),), flows=(equals("etl"),)), [5]),
    "one of revisions": (Filters(columns=((Column.REVISION, Match(Op.IN, ("7", "9"))),)), [6]),
    "a label's value contains": (Filters(labels_of=((("env", Match(Op.CONTAINS, ("RO",))),),)), [2, 1]),
    "one of labels": (Filters(labels_of=((("env", equals("dev")), ("ünï", Match(Op.CONTAINS, ("日",)))),)), [7, 0]),
    "a flow by a regular expression": (Filters(flows=(Match(Op.REGEX, ("(?i)^et",)),)), [5, 3]),
    "this or that": (
        Filters(
            any_of=(
                (
                    Filters(namespaces=(equals("companyb"),)),
                    Filters(states=(state_match(State.FAILED),), labels=(("env", "prod"),)),
                    Filters(parent_id=an_id(0)),
                ),
            )
        ),
        [6, 5, 1],
    ),
    "this or that, of a flow": (
        Filters(flows=(equals("hello"),), any_of=((Filters(text="companyb"), Filters(revision=7)),)),
        [6],
    ),
    "iterations alone": (Filters(iterations=Iterations.ALONE), [9, 8]),
    "iterations too": (Filters(iterations=Iterations.TOO), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    "iterations too, by state": (
        Filters(iterations=Iterations.TOO, states=(state_match(State.FAILED),)),
        [9, 1],
    ),
    "iterations alone, by flow": (Filters(iterations=Iterations.ALONE, flows=(equals("hello"),)), [9, 8]),
    "iterations of a caller": (Filters(iterations=Iterations.ALONE, trigger_execution_id=an_id(2)), [9, 8]),
    "iterations of a caller, left out": (Filters(trigger_execution_id=an_id(2)), []),
    "SQL in a text": (Filters(text="' OR 1=1 --"), []),
}


@pytest.fixture
def told(writer: WriterUnderTest) -> None:
    writer.write(a_batch_with(*STORY))


def numbers(ids: tuple[ExecutionId, ...] | list[str]) -> list[int]:
    order = {an_id(number): number for number in range(len(STORY))}
    return [order[ExecutionId(id_)] for id_ in ids]


def find(readers: Readers, filters: Filters, page: Page | None = None) -> tuple[list[int], int]:
    with readers.snapshot() as connection:
        found = search(connection, filters, page)
    return numbers([execution.id for execution in found.executions]), found.total


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(("filters", "expected"), CASES.values(), ids=CASES)
def test_a_filter_finds(readers: Readers, filters: Filters, expected: list[int]) -> None:
    assert find(readers, filters) == (expected, len(expected))


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(("filters", "expected"), CASES.values(), ids=CASES)
def test_a_filter_finds_the_same_where_many_flows_are_asked_one_by_one_or_along_the_start(
    readers: Readers, filters: Filters, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other two ways to a page, which small numbers would not take."""
    monkeypatch.setattr(search_module, "_COMPOUND_MAX", 0)
    for segment_cost in (0.0, 1e9):
        monkeypatch.setattr(search_module, "_SEGMENT_COST", segment_cost)
        assert find(readers, filters) == (expected, len(expected))


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(("filters", "expected"), CASES.values(), ids=CASES)
def test_pages_follow_one_another_without_gap_or_repetition(
    readers: Readers, filters: Filters, expected: list[int]
) -> None:
    pages = [find(readers, filters, Page(number=number, size=2))[0] for number in range(1, 6)]
    assert [number for page in pages for number in page] == expected


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(Page(descending=False), [0, 1, 2, 3, 4, 5, 6, 7], id="started"),
        pytest.param(Page(sort=Sort.ID), [7, 6, 5, 4, 3, 2, 1, 0], id="id"),
        pytest.param(Page(sort=Sort.ENDED, size=3), [5, 1, 0], id="ended"),
        pytest.param(Page(sort=Sort.DURATION, size=3), [5, 1, 0], id="duration"),
        pytest.param(Page(sort=Sort.STATE, size=2), [5, 0], id="state"),
        pytest.param(Page(sort=Sort.NAMESPACE, descending=False, size=3), [3, 0, 1], id="namespace"),
        pytest.param(Page(sort=Sort.FLOW, descending=False, size=2), [3, 5], id="flow"),
    ],
)
def test_a_page_is_sorted_by(readers: Readers, page: Page, expected: list[int]) -> None:
    assert find(readers, Filters(), page)[0] == expected


@pytest.mark.usefixtures("told")
def test_a_changed_label_is_found_by_its_new_value_alone(writer: WriterUnderTest, readers: Readers) -> None:
    execution = STORY[1]
    writer.write(a_batch_with(an_execution(1, history=execution.history, labels={"env": "test"})))
    assert find(readers, Filters(labels=(("env", "test"),)))[0] == [1]
    assert find(readers, Filters(labels=(("env", "prod"),)))[0] == [2]


@pytest.mark.usefixtures("told")
def test_a_total_that_is_too_high_to_count_says_so(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "COUNT_MAX", 2)
    with readers.snapshot() as connection:
        found = search(connection, Filters(is_child=False))
    assert (found.total, found.is_exact, len(found.executions)) == (2, False, 7)


@pytest.mark.usefixtures("told")
def test_ids_are_named_for_what_is_done_to_many(readers: Readers) -> None:
    with readers.snapshot() as connection:
        assert numbers(ids_of(connection, Filters(states=(state_match(State.RUNNING),)), limit=3)) == [7, 6, 3]


def test_reading_that_takes_too_long_is_stopped(readers: Readers, writer: WriterUnderTest) -> None:
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(ReadTooLong), readers.snapshot(seconds_max=0.05) as connection:
        connection.execute(endless)
    writer.write(a_batch_with(an_execution()))
    assert find(readers, Filters())[1] == 1


def test_an_execution_started_far_in_the_past_or_future_is_found(writer: WriterUnderTest, readers: Readers) -> None:
    past = at(0) - timedelta(days=365 * 60)
    writer.write(a_batch_with(an_execution(0, history=[Moved(State.CREATED, past)])))
    assert find(readers, Filters(started_before=at(-1)))[0] == [0]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("filters", [case[0] for case in CASES.values()], ids=list(CASES))
def test_what_is_found_is_counted_by_state(readers: Readers, filters: Filters) -> None:
    """The states that the filters name are left aside."""
    with readers.snapshot() as connection:
        every = search(connection, replace(filters, states=())).executions
        counted = counts_by_state(connection, replace(filters, states=()))
    assert counted == {state: (number, True) for state, number in Counter(each.state for each in every).items()}


@pytest.mark.usefixtures("told")
def test_counting_by_state_stops_where_only_looking_tells(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "STATE_COUNT_MAX", 1)
    with readers.snapshot() as connection:
        assert counts_by_state(connection, Filters())[State.RUNNING] == (4, True)
        assert counts_by_state(connection, Filters(is_child=False))[State.RUNNING] == (1, False)
