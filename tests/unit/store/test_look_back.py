"""Looking back through all log lines: the last ones that are meant, and where a look stops that finds too few."""

import pytest
from segue.model.order import LogLevel
from segue.store.reads import logs
from segue.store.reads.logs import LogFilters, LookedBack, look_back
from segue.store.reads.matching import within
from segue.store.reads.readers import Readers
from segue.store.records import StoredLogLine

from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution, at

LINES = [("a", "INFO"), ("a.b", "ERROR"), ("c", "INFO"), ("a", "INFO"), ("a", "INFO"), ("c", "INFO")]


@pytest.fixture
def told(writer: WriterUnderTest, readers: Readers) -> Readers:
    batch = a_batch_with(*(an_execution(number, namespace=name, flow_id="f") for number, name in enumerate("ac")))
    batch.add_execution(an_execution(2, namespace="a.b", flow_id="f"))
    for number, (namespace, level) in enumerate(LINES):
        batch.add_log(
            StoredLogLine(at=at(number), level=level, namespace=namespace, flow_id="f", message=f"line {number}")
        )
    writer.write(batch)
    return readers


def looked(readers: Readers, filters: LogFilters, limit: int = 10) -> tuple[list[str], LookedBack]:
    with readers.snapshot() as connection:
        found = look_back(connection, filters, limit=limit)
    return [line.message for line in found.lines], found


def test_the_last_lines_come_first_and_say_where_there_are_more(told: Readers) -> None:
    messages, found = looked(told, LogFilters(), limit=4)
    assert messages == ["line 5", "line 4", "line 3", "line 2"]
    messages, found = looked(told, LogFilters(before_id=found.earlier), limit=4)
    assert (messages, found.earlier, found.reached) == (["line 1", "line 0"], None, None)


def test_a_namespace_is_itself_and_all_below(told: Readers) -> None:
    messages, _ = looked(told, LogFilters(namespaces=(within("a"),)))
    assert messages == ["line 4", "line 3", "line 1", "line 0"]


def test_a_look_ends_after_very_many_lines_and_goes_on_from_there(
    told: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOOK_MAX", 3)
    messages, found = looked(told, LogFilters(text="line 1"))
    assert (messages, found.reached) == ([], at(3))
    messages, found = looked(told, LogFilters(text="line 1", before_id=found.earlier))
    assert (messages, found.reached) == (["line 1"], at(0))
    messages, found = looked(told, LogFilters(text="line 1", before_id=found.earlier))
    assert (messages, found.earlier) == ([], None)


def test_nothing_before_the_time_asked_for_is_offered(told: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOOK_MAX", 3)
    _, found = looked(told, LogFilters(text="none", since=at(4)))
    assert found.earlier is None


def test_errors_have_an_index_and_are_all_in_one_look(told: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOOK_MAX", 1)
    messages, _ = looked(told, LogFilters(level_min=LogLevel.ERROR))
    assert messages == ["line 1"]
