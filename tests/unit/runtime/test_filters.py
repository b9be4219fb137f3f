"""What callers filter by, from the query of their call to what the store finds; and lists in memory by the same words."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.model.execution import Execution, Kind, Moved, TriggeredBy
from segue.model.names import TaskRunId
from segue.model.state import State
from segue.runtime.reading import StoreReads
from segue.store.database import open_database
from segue.store.reads.matching import IN_SQL, Match, Op, condition
from segue.store.reads.readers import Readers
from segue.store.records import StoredLogLine
from segue.web import filters
from segue.web.answers import Refused
from segue.web.ports.executions import Search
from segue.web.ports.lists import Field
from segue.web.ports.logs import LogPage
from starlette.datastructures import QueryParams

from tests.support.keys import SteppedClock
from tests.unit.store.story import START, WriterUnderTest, a_batch_with, an_execution, an_id, at

NOW = at(1000)


def ended(number: int, state: State, **fields: object) -> Execution:
    history = [Moved(State.CREATED, at(number)), Moved(state, at(number * 2 + 1))]
    return an_execution(number, history=history, **fields)


STORY = [
    ended(0, State.SUCCESS, labels={"env": "dev", "team": "data,ops"}),
    ended(1, State.FAILED, labels={"env": "prod"}),
    an_execution(2, labels={"env": "prod", "team": "data"}),
    an_execution(3, namespace="company", flow_id="etl"),
    ended(4, State.WARNING, namespace="companyb", flow_id="etl-nightly", kind=Kind.TEST),
    an_execution(5, parent_id=an_id(0), revision=7),
    an_execution(6, trigger=TriggeredBy(id="after", type="t", variables={"executionId": an_id(1)})),
    an_execution(7, kind=Kind.LOOP, trigger=TriggeredBy(id="loop", type="t", variables={"executionId": an_id(2)})),
]
LINES = [
    ("INFO", 0, "greet", "hello"),
    ("WARN", 0, "greet", "careful"),
    ("ERROR", 1, "fetch", "gone"),
    ("DEBUG", 2, None, "told"),
]


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreReads]:
    folder: Path = tmp_path_factory.mktemp("filters")
    with open_database(folder / "segue.db", "normal") as database:
        writer, readers = WriterUnderTest(database.path), Readers(database.path)
        batch = a_batch_with(*STORY)
        for number, (level, of, task, message) in enumerate(LINES):
            batch.add_log(
                StoredLogLine(
                    at=at(number),
                    level=level,
                    namespace=STORY[of].namespace,
                    flow_id=STORY[of].flow_id,
                    message=message,
                    execution_id=STORY[of].id,
                    task_id=task,
                    task_run_id=TaskRunId(f"{STORY[of].id}-{task}") if task else None,
                    attempt=of + 1 if task else None,
                )
            )
        writer.write(batch)
        yield StoreReads(readers, SteppedClock(NOW))
        readers.close()
        writer.close()


EXECUTIONS = {
    "": [0, 1, 2, 3, 4, 5, 6],
    "namespace=company": [0, 1, 2, 3, 5, 6],
    "filters[namespace][EQUALS]=company": [3],
    "filters[namespace][PREFIX]=company.team": [0, 1, 2, 5, 6],
    "filters[namespace][NOT_IN]=company,companyb": [0, 1, 2, 5, 6],
    "filters[namespace][STARTS_WITH]=companyb": [4],
    "filters[namespace][REGEX]=%5Ecompany.%3F%24": [3, 4],
    "filters[flowId][CONTAINS]=NIGHT": [4],
    "filters[flow_id][NOT_CONTAINS]=etl": [0, 1, 2, 5, 6],
    "filters[q][EQUALS]=companyb": [4],
    "filters[query][EQUALS]=etl": [3, 4],
    "filters[state][IN]=FAILED,warning": [1, 4],
    "state=FAILED&state=SUCCESS": [0, 1],
    "state=FAILED,SUCCESS": [0, 1],
    "filters[state][NOT_EQUALS]=RUNNING": [0, 1, 4],
    "filters[labels][EQUALS][env]=prod": [1, 2],
    "labels=env:prod&labels=team:data": [2],
    "filters[labels][NOT_EQUALS][env]=prod": [0, 3, 4, 5, 6],
    "filters[labels][IN][env]=dev,prod": [0, 1, 2],
    "filters[labels][CONTAINS][team]=OPS": [0],
    "filters[labels][EQUALS]=env:dev": [0],
    f"filters[startDate][GREATER_THAN_OR_EQUAL_TO]={at(5).isoformat().replace('+', '%2B')}": [5, 6],
    f"filters[startDate][GREATER_THAN]={at(5):%Y-%m-%dT%H:%M:%SZ}": [6],
    f"startDate={at(1):%Y-%m-%dT%H:%M:%SZ}&endDate={at(3):%Y-%m-%dT%H:%M:%SZ}": [1, 2, 3],
    f"filters[endDate][LESS_THAN]={at(4):%Y-%m-%dT%H:%M:%SZ}": [0, 1],
    f"endDate={at(3):%Y-%m-%dT%H:%M:%SZ}&filters[startDate][LESS_THAN]={at(5):%Y-%m-%dT%H:%M:%SZ}": [0, 1, 2, 3],
    "timeRange=PT996S": [4, 5, 6],
    "filters[timeRange][EQUALS]=PT995S": [5, 6],
    "filters[triggerId][EQUALS]=after": [6],
    "filters[triggerId][IS_NOT_NULL]=": [6],
    f"triggerExecutionId={an_id(1)}": [6],
    f"filters[parentId][EQUALS]={an_id(0)}": [5],
    f"filters[id][IN]={an_id(1)},{an_id(4)}": [1, 4],
    f"filters[id][IN]={an_id(1)},{an_id(4)}&filters[id][EQUALS]={an_id(4)}": [4],
    f"filters[id][STARTS_WITH]={an_id(3)[:-1]}&filters[flowId][EQUALS]=etl": [3],
    "filters[childFilter][EQUALS]=CHILD": [6, 7],
    "kind=LOOP": [7],
    "filters[kind][IN]=LOOP,TEST": [4, 7],
    "filters[kind][NOT_EQUALS]=LOOP": [0, 1, 2, 3, 4, 5, 6],
    f"triggerExecutionId={an_id(2)}": [7],
    f"triggerExecutionId={an_id(2)}&filters[kind][NOT_EQUALS]=LOOP": [],
    f"filters[id][EQUALS]={an_id(7)}": [7],
    "childFilter=MAIN&namespace=company.team": [0, 1, 2, 5],
    "filters[kind][EQUALS]=TEST": [4],
    "filters[kind][NOT_IN]=TEST": [0, 1, 2, 3, 5, 6, 7],
    "filters[flowRevision][EQUALS]=7": [5],
    "filters[scope][EQUALS]=USER&filters[flowRevision][IN]=7,8": [5],
    # Groups.
    "filters[or][0][flowId][EQUALS]=etl&filters[or][1][state][EQUALS]=FAILED": [1, 3],
    "filters[and][0][namespace][EQUALS]=company.team&filters[and][1][or][0][state][EQUALS]=FAILED"
    "&filters[and][1][or][1][state][EQUALS]=SUCCESS": [0, 1],
    "filters[or][0][and][0][namespace][EQUALS]=company.team&filters[or][0][and][1][state][EQUALS]=SUCCESS"
    "&filters[or][1][namespace][EQUALS]=company": [0, 3],
    "filters[or][0][labels][EQUALS][env]=dev&filters[or][1][kind][EQUALS]=TEST&filters[state][NOT_EQUALS]=SUCCESS": [4],
}


@pytest.mark.parametrize("query", EXECUTIONS)
def test_executions_are_found(reads: StoreReads, query: str) -> None:
    wanted = filters.read(QueryParams(query), NOW, filters.EXECUTIONS)
    found = reads.search(Search(filters=wanted, descending=False))
    assert [int((each.started_at - START).total_seconds()) for each in found.results] == EXECUTIONS[query]
    assert found.total == len(EXECUTIONS[query])


LOGS = {
    "": [0, 1, 2, 3],
    "minLevel=WARN": [1, 2],
    "filters[level][EQUALS]=WARN": [1, 2],
    "filters[level][IN]=DEBUG,INFO": [0, 3],
    "filters[q][EQUALS]=CAREFUL": [1],
    f"executionId={an_id(1)}": [2],
    f"filters[executionId][NOT_EQUALS]={an_id(0)}": [2, 3],
    "filters[taskId][STARTS_WITH]=gre": [0, 1],
    "filters[taskId][IS_NULL]=": [3],
    "filters[attemptNumber][EQUALS]=1": [2],
    "filters[flowId][REGEX]=h.llo&filters[namespace][PREFIX]=company": [0, 1, 2, 3],
    f"startDate={at(2):%Y-%m-%dT%H:%M:%SZ}": [2, 3],
    f"filters[endDate][LESS_THAN_OR_EQUAL_TO]={at(1):%Y-%m-%dT%H:%M:%SZ}": [0, 1],
    "filters[or][0][level][EQUALS]=ERROR&filters[or][1][taskId][IS_NULL]=": [2, 3],
}


@pytest.mark.parametrize("query", LOGS)
def test_log_lines_are_found(reads: StoreReads, query: str) -> None:
    wanted = filters.read(QueryParams(query), NOW, filters.LOGS)
    found = reads.find_logs(LogPage(filters=wanted, descending=False))
    assert [[line[3] for line in LINES].index(each.message) for each in found.results] == LOGS[query]
    assert found.total == len(LOGS[query])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("filters[colour][EQUALS]=red", "can be filtered by"),
        ("filters[state][CONTAINS]=RUN", "`state` compares by EQUALS, IN, NOT_EQUALS, NOT_IN"),
        ("filters[triggerId][REGEX]=a", "`triggerId` compares by"),
        ("filters[namespace]=a", "expected `filters[field][OP]`"),
        ("filters[namespace][REGEX]=(", "Invalid regular expression"),
        ("filters[state][EQUALS]=SLEEPY", "is not a state"),
        ("filters[startDate][GREATER_THAN]=soon", "is not an ISO 8601 date"),
        ("filters[flowRevision][EQUALS]=last", "is not a whole number"),
        ("filters[or][0][or][0][or][0][namespace][EQUALS]=a", "can be filtered by"),
        ("timeRange=long", "is not an ISO 8601 duration"),
        ("labels=team", "expected `key:value`"),
    ],
)
def test_a_filter_that_would_find_too_much_is_refused(query: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        filters.read(QueryParams(query), NOW, filters.EXECUTIONS)
    assert (refused.value.status, words in refused.value.message) == (422, True), refused.value.message


def test_a_list_in_memory_is_filtered_by_the_same_words() -> None:
    things = {
        "a": {Field.NAMESPACE: "company.team", Field.LABELS: {"env": "prod"}, Field.ENABLED: True},
        "b": {Field.NAMESPACE: "company", Field.LABELS: {}, Field.ENABLED: False, Field.UPDATED: at(5)},
    }
    for query, expected in {
        "filters[namespace][PREFIX]=company": "ab",
        "filters[labels][EQUALS][env]=prod": "a",
        "filters[labels][NOT_IN][env]=prod,dev": "b",
        "filters[enabled][EQUALS]=TRUE": "a",
        f"filters[updated][GREATER_THAN]={at(4):%Y-%m-%dT%H:%M:%SZ}": "b",
        "filters[or][0][enabled][EQUALS]=false&filters[or][1][labels][CONTAINS][env]=RO": "ab",
    }.items():
        wanted = filters.read(QueryParams(query), NOW, filters.FLOWS)
        assert "".join(name for name, thing in things.items() if filters.holds(wanted, thing.get)) == expected, query


TEXTS = (None, "", "company", "company.team", "COMPANY", "com_any%", "data")


@pytest.mark.parametrize("op", sorted(IN_SQL))
def test_a_comparison_is_the_same_in_the_database(reads: StoreReads, op: Op) -> None:
    with reads._readers.snapshot() as connection:
        for values in (("company",), ("com_any%", "team"), ("",), ()):
            match = Match(op, values)
            part, parameters = condition("id", match)
            for text in TEXTS:
                (held,) = connection.execute(f"SELECT {part} FROM (SELECT ? AS id)", (*parameters, text)).fetchone()
                assert bool(held) == match.holds(text), (values, text)
