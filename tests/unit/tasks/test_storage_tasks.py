"""`core.storage.*` in real workers, on real internal storage."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from segue.model.state import State
from segue.storage.local import LocalStorage

from tests.support.pools import Outcome, SharedPool, order_of

Put = Callable[[bytes, str], str]


@pytest.fixture
def storage(pool: SharedPool) -> LocalStorage:
    return LocalStorage(pool.folder / "storage")


@pytest.fixture
def put(storage: LocalStorage) -> Put:
    """Keeps a file; gives its address."""

    def keep(content: bytes, name: str = "file.txt") -> str:
        return storage.put(f"kestra:///company/team/flow/executions/execution/inputs/file/{name}", [content]).address

    return keep


def run(pool: SharedPool, task: str, properties: dict[str, Any], **given: Any) -> Outcome:
    return pool.run(order_of(f"core.storage.{task}", properties, **given))


def outputs(outcome: Outcome) -> dict[str, Any]:
    assert outcome.ended.state is State.SUCCESS, outcome.text
    assert outcome.ended.outputs is not None
    return dict(outcome.ended.outputs)


def read(storage: LocalStorage, address: str) -> bytes:
    with storage.open(address) as file:
        return file.read()


def test_write_keeps_a_text_under_an_extension(pool: SharedPool, storage: LocalStorage) -> None:
    uri = outputs(run(pool, "Write", {"content": "a {{ x }} ü", "extension": "txt"}, variables={"x": 1}))["uri"]
    assert uri.endswith(".txt")
    assert read(storage, uri).decode() == "a 1 ü"


@pytest.mark.parametrize("files", [["{{ f }}", "{{ f }}"], '["{{ f }}", "{{ f }}"]'], ids=["list", "expression"])
def test_concat_puts_the_separator_after_the_last_file_too(
    pool: SharedPool, storage: LocalStorage, put: Put, files: Any
) -> None:
    properties = {"files": files, "separator": "\n", "extension": ".yml"}
    uri = outputs(run(pool, "Concat", properties, variables={"f": put(b"a", "a.yml")}))["uri"]
    assert uri.endswith(".yml")
    assert read(storage, uri) == b"a\na\n"


def test_a_file_that_is_not_there_fails_the_task(pool: SharedPool) -> None:
    missing = "kestra:///company/team/flow/executions/execution/inputs/file/no"
    assert "File not found" in run(pool, "Concat", {"files": [missing]}).text


LINES = b"".join(b"%d\n" % number for number in range(10))

SPLITS = {
    "rows": ({"rows": 4}, [b"0\n1\n2\n3\n", b"4\n5\n6\n7\n", b"8\n9\n"]),
    "partitions in turn": ({"partitions": 3}, [b"0\n3\n6\n9\n", b"1\n4\n7\n", b"2\n5\n8\n"]),
    "more partitions than lines": ({"partitions": 12}, [b"%d\n" % number for number in range(10)]),
    "bytes": ({"bytes": "8B"}, [b"0\n1\n2\n3\n", b"4\n5\n6\n7\n", b"8\n9\n"]),
    "a part is full after the line that fills it": ({"bytes": "7"}, [b"0\n1\n2\n3\n", b"4\n5\n6\n7\n", b"8\n9\n"]),
    "a pattern, and lines that it does not find": ({"regexPattern": "^([02]|4)"}, [b"0\n", b"2\n", b"4\n"]),
}


@pytest.mark.parametrize(("how", "expected"), SPLITS.values(), ids=SPLITS.keys())
def test_split(pool: SharedPool, storage: LocalStorage, put: Put, how: dict[str, Any], expected: list[bytes]) -> None:
    uris = outputs(run(pool, "Split", {"from": put(LINES, "lines.csv"), **how}))["uris"]
    assert [read(storage, uri) for uri in uris] == expected
    assert all(uri.endswith(".csv") for uri in uris)


REFUSED_SPLITS = {
    "no way": ({}, "Split needs one of"),
    "a size that is none": ({"bytes": "much"}, "is no size like 10MB"),
    "a pattern that is none": ({"regexPattern": "("}, "regexPattern"),
    "a pattern without a group": ({"regexPattern": "a"}, "needs a group"),
}


@pytest.mark.parametrize(("how", "said"), REFUSED_SPLITS.values(), ids=REFUSED_SPLITS.keys())
def test_a_split_that_cannot_be_made_says_why(pool: SharedPool, put: Put, how: dict[str, Any], said: str) -> None:
    assert said in run(pool, "Split", {"from": put(LINES, "lines.csv"), **how}).text


def test_an_empty_file_has_no_parts(pool: SharedPool, put: Put) -> None:
    assert outputs(run(pool, "Split", {"from": put(b"", "e.txt"), "rows": 2})) == {"uris": []}


REVERSED = {
    "lines": ({}, b"1\n2\n3\n", b"3\n2\n1\n"),
    "no end of line at the end": ({}, b"1\n2\n3", b"3\n2\n1\n"),
    "empty lines": ({}, b"\n1\n\n2\n", b"2\n\n1\n\n"),
    "nothing": ({}, b"", b""),
    "another separator": ({"separator": "--"}, b"1--2--3--", b"3--2--1--"),
    "a charset that is no ASCII": ({"charset": "UTF-16"}, "1\nü\n".encode("utf-16"), "ü\n1\n".encode("utf-16")),
}


@pytest.mark.parametrize(("how", "given", "expected"), REVERSED.values(), ids=REVERSED.keys())
def test_reverse(
    pool: SharedPool, storage: LocalStorage, put: Put, how: dict[str, Any], given: bytes, expected: bytes
) -> None:
    uri = outputs(run(pool, "Reverse", {"from": put(given, "get.yml"), **how}))["uri"]
    assert uri.endswith(".yml")
    assert read(storage, uri) == expected


def test_reverse_reads_from_the_end_across_blocks(pool: SharedPool, storage: LocalStorage, put: Put) -> None:
    lines = [b"%06d\n" % number for number in range(100_000)]
    uri = outputs(run(pool, "Reverse", {"from": put(b"".join(lines), "many.txt")}))["uri"]
    assert read(storage, uri) == b"".join(reversed(lines))


def test_size_and_delete(pool: SharedPool, put: Put) -> None:
    address = put(b"x" * 42, "size.bin")
    assert outputs(run(pool, "Size", {"uri": address})) == {"size": 42}
    assert outputs(run(pool, "Delete", {"uri": address})) == {"uri": address, "deleted": True}
    assert outputs(run(pool, "Delete", {"uri": address})) == {"uri": address, "deleted": False}
    missing = run(pool, "Delete", {"uri": address, "errorOnMissing": True})
    assert (missing.ended.state, missing.text) == (State.FAILED, f"Unable to find file '{address}'")


DUPLICATES = b'{key:"k1",v:1}\n{"key": "k2", "v": 1}\n{key:"k1",v:2}\n\n{key:"k2",v:null}\n{key:"k3",v:3}\n'


def test_of_items_with_a_key_the_last_stays_at_its_place(pool: SharedPool, storage: LocalStorage, put: Put) -> None:
    found = outputs(run(pool, "DeduplicateItems", {"from": put(DUPLICATES, "d.ion"), "expr": " {{ key }} "}))
    assert read(storage, found.pop("uri")) == b'{key:"k1",v:2}\n{key:"k2",v:null}\n{key:"k3",v:3}\n'
    assert found == {"numKeys": 3, "processedItemsTotal": 5, "droppedItemsTotal": 2}


ITEMS = b'{key:"k1",value:1}\n{key:"k2",value:"dummy"}\n{key:"k3",value:3}\n{key:"k4",value:4}\n'
EVEN = "{{ value % 2 == 0 }}"

FILTERS = {
    "include": ({"errorOrNullBehavior": "EXCLUDE"}, EVEN, ["k4"]),
    "an error counts as a match": ({"errorOrNullBehavior": "INCLUDE"}, EVEN, ["k2", "k4"]),
    "exclude": ({"filterType": "EXCLUDE", "errorOrNullBehavior": "EXCLUDE"}, EVEN, ["k1", "k3"]),
    "what is neither false nor nothing matches": ({}, "{{ value }}", ["k1", "k2", "k3", "k4"]),
    "nought does not match": ({}, " {{ value == 3 ? 0 : 'yes' }} ", ["k1", "k2", "k4"]),
    "an empty text does not match": ({}, "{{ key == 'k1' ? '' : key }}", ["k2", "k3", "k4"]),
    "variables of the execution": ({}, "{{ key == wanted }}", ["k3"]),
    "nothing is as an error": ({"errorOrNullBehavior": "INCLUDE"}, "{{ none }}", ["k1", "k2", "k3", "k4"]),
}


@pytest.mark.parametrize(("how", "condition", "expected"), FILTERS.values(), ids=FILTERS.keys())
def test_filter(
    pool: SharedPool, storage: LocalStorage, put: Put, how: dict[str, Any], condition: str, expected: list[str]
) -> None:
    properties = {"from": put(ITEMS, "items.ion"), "filterCondition": condition, **how}
    found = outputs(run(pool, "FilterItems", properties, variables={"wanted": "k3", "none": None}))
    kept = read(storage, found["uri"]).splitlines()
    assert [line.split(b'"')[1].decode() for line in kept] == expected
    assert (found["processedItemsTotal"], found["droppedItemsTotal"]) == (4, 4 - len(expected))


def test_an_item_that_cannot_be_judged_fails_the_task(pool: SharedPool, put: Put) -> None:
    properties = {"from": put(ITEMS, "items.ion"), "filterCondition": EVEN}
    assert run(pool, "FilterItems", properties).ended.state is State.FAILED


@pytest.mark.parametrize("content", [b"\xff\xfe\n", b"{key:\n", b"[1]\n"], ids=["no text", "no Ion", "no map"])
def test_a_file_without_items_is_told(pool: SharedPool, put: Put, content: bytes) -> None:
    outcome = run(pool, "FilterItems", {"from": put(content, "bad.ion"), "filterCondition": "true"})
    assert "Item 1" in outcome.text


def test_local_files_are_written_and_kept(pool: SharedPool, storage: LocalStorage, put: Put) -> None:
    inputs = {"in/hello.txt": "Hello {{ x }}", "in/sub/copy.yml": put(b"a: 1", "a.yml"), "in/x.json": {"a": 1}}
    properties = {"inputs": inputs, "outputs": ["in/**"]}
    uris = outputs(run(pool, "LocalFiles", properties, variables={"x": "you"}))["uris"]
    found = {name: read(storage, uri) for name, uri in uris.items()}
    assert found == {"in/hello.txt": b"Hello you", "in/sub/copy.yml": b"a: 1", "in/x.json": b'{"a": 1}'}
    assert json.loads(found["in/x.json"]) == {"a": 1}


def test_the_files_of_the_execution_are_deleted(pool: SharedPool, storage: LocalStorage) -> None:
    own = "kestra:///company/team/flow/executions/mine/inputs/f/x.txt"
    other = "kestra:///company/team/flow/executions/other/inputs/f/x.txt"
    for address in (own, other):
        storage.put(address, [b"x"])
    found = outputs(run(pool, "PurgeCurrentExecutionFiles", {}, execution_id="mine"))
    assert found == {"uris": [own]}
    assert (storage.exists(own), storage.exists(other)) == (False, True)
