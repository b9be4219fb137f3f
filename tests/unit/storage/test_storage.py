"""What every internal storage does, in a folder and in an object store: whole files, by address, and never a step outside."""

import itertools
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.storage.address import ROOT, AddressRefused, address_of, execution_parts, parts_of, task_run_parts
from segue.storage.local import LocalStorage
from segue.storage.object_client import PART_BYTES, PIECE_BYTES
from segue.storage.object_storage import ObjectStorage
from segue.storage.place import ObjectPlace
from segue.storage.storage import FileMissing, Storage

from tests.support.object_server import ObjectServer

PLACE = "kestra:///company/team/flow/executions/e1/tasks/t/r/x.csv"
_BUCKETS = (f"contract-{number}" for number in itertools.count())


@pytest.fixture(params=["folder", "object store"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return LocalStorage(tmp_path / "root")
    objects: ObjectServer = request.getfixturevalue("objects")
    bucket = objects.make_bucket(next(_BUCKETS))
    return ObjectStorage(ObjectPlace(url=f"s3://{bucket}/kept", options=objects.options))


def text_at(storage: Storage, address: str) -> bytes:
    with storage.open(address) as file:
        return file.read()


def test_a_file_comes_back_as_it_was_put(storage: Storage) -> None:
    stored = storage.put(PLACE, [b"a,", b"b"])
    assert (stored.address, stored.size) == (PLACE, 3)
    assert (text_at(storage, PLACE), storage.size(PLACE), storage.exists(PLACE)) == (b"a,b", 3, True)


def test_a_file_is_replaced_as_a_whole(storage: Storage) -> None:
    storage.put(PLACE, [b"first and longer"])
    storage.put(PLACE, [b"second"])
    assert text_at(storage, PLACE) == b"second"


def test_a_file_that_cannot_be_finished_leaves_what_was_there(storage: Storage) -> None:
    def broken() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("cut")

    storage.put(PLACE, [b"old"])
    with pytest.raises(RuntimeError, match="cut"):
        storage.put(PLACE, broken())
    assert text_at(storage, PLACE) == b"old"
    assert [stored.address for stored in storage.list("kestra:///company")] == [PLACE]


def test_a_missing_file_is_told(storage: Storage) -> None:
    assert not storage.exists(PLACE)
    assert not storage.delete(PLACE)
    with pytest.raises(FileMissing, match="File not found"):
        storage.open(PLACE)


def test_files_of_an_execution_are_listed_and_deleted(storage: Storage) -> None:
    for execution in ("e1", "e2"):
        for name in ("b", "a"):
            parts = task_run_parts("company.team", "flow", execution, "t", "r")
            storage.put(address_of((*parts, name)), [b"x"])
    folder = address_of(execution_parts("company.team", "flow", "e1"))
    assert [stored.address.rpartition("/")[2] for stored in storage.list(folder)] == ["a", "b"]
    assert storage.delete_folder(folder) == 2
    assert len(list(storage.list("kestra:///company"))) == 2
    assert storage.delete_folder(folder) == 0


NAMES = {
    "spaces": "a b.csv",
    "unicode": "é日本.csv",
    "percent": "100%.csv",
    "encoded slash": "a%2fb",
    "hash": "a#b?c=d",
    "dots": "...x",
    "quotes": "a'\"b",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_any_name_has_an_address(storage: Storage, name: str) -> None:
    address = address_of(("a", name))
    assert parts_of(address) == ("a", name)
    storage.put(address, [name.encode()])
    assert text_at(storage, address) == name.encode()
    assert [stored.address for stored in storage.list("kestra:///a")] == [address]


REFUSED = {
    "above": "kestra:///../etc/passwd",
    "above in the middle": "kestra:///a/../../etc/passwd",
    "above, encoded": "kestra:///%2e%2e/etc/passwd",
    "above, half encoded": "kestra:///.%2e/x",
    "slash, encoded": "kestra:///..%2fetc%2fpasswd",
    "slash, encoded in a name": "kestra:///a%2fb",
    "here": "kestra:///./x",
    "empty name": "kestra:///a//b",
    "from the root": "kestra:////etc/passwd",
    "the root": "kestra:///",
    "a folder": "kestra:///a/",
    "nul": "kestra:///a%00b",
    "a host": "kestra://host/x",
    "another scheme": "file:///etc/passwd",
    "a path": "/etc/passwd",
    "a long name": "kestra:///" + "x" * 300,
    "a long address": "kestra:///" + "x/" * 5000,
    "not UTF-8": "kestra:///%ff%fe",
}


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED.keys())
def test_no_address_leads_outside(storage: Storage, address: str) -> None:
    for act in (storage.open, storage.exists, storage.delete, lambda given: storage.put(given, [b""])):
        with pytest.raises(AddressRefused):
            act(address)


@pytest.mark.parametrize("length", [0, 1, PIECE_BYTES, PART_BYTES + 1], ids=["empty", "small", "a piece", "two parts"])
def test_a_file_of_any_length_comes_back(storage: Storage, length: int) -> None:
    content = os.urandom(length)
    lines = (content[at : at + 100_000] for at in range(0, length, 100_000))
    assert storage.put(PLACE, lines).size == length
    assert text_at(storage, PLACE) == content
    assert storage.size(PLACE) == length


def test_a_file_is_read_from_any_place_in_it(storage: Storage, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("a", "b"):
            archive.writestr(name, name * (PIECE_BYTES + 10))
    storage.put(PLACE, [(tmp_path / "x.zip").read_bytes()])
    with storage.open(PLACE) as file, zipfile.ZipFile(file) as archive:
        assert archive.read("b") == b"b" * (PIECE_BYTES + 10)
        assert archive.testzip() is None


def test_all_files_are_listed(storage: Storage) -> None:
    assert list(storage.list(ROOT)) == []
    for address in ("kestra:///b/x", "kestra:///a/x"):
        storage.put(address, [b""])
    assert [stored.address for stored in storage.list(ROOT)] == ["kestra:///a/x", "kestra:///b/x"]
    assert list(storage.list("kestra:///none")) == []


def test_a_folder_holds_what_is_below_its_name_and_not_what_begins_like_it(storage: Storage) -> None:
    for address in ("kestra:///a/x", "kestra:///a-b/x"):
        storage.put(address, [b""])
    assert storage.delete_folder("kestra:///a") == 1
    assert [stored.address for stored in storage.list(ROOT)] == ["kestra:///a-b/x"]


def test_an_address_in_another_spelling_means_the_same_file(storage: Storage) -> None:
    storage.put("kestra:///a/x.csv", [b"1"])
    assert text_at(storage, "kestra:///a/%78.csv") == b"1"


def test_a_store_that_is_there_passes_the_check(storage: Storage) -> None:
    storage.check()
