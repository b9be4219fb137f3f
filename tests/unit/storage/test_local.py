"""Internal storage in a folder: whole files, by address, and never a step outside."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.storage.address import AddressRefused, address_of, execution_parts, is_address, parts_of, task_run_parts
from segue.storage.local import LocalStorage
from segue.storage.storage import FileMissing, StorageFailure, StorageFull

PLACE = "kestra:///company/team/flow/executions/e1/tasks/t/r/x.csv"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "root")


def text_at(storage: LocalStorage, address: str) -> bytes:
    with storage.open(address) as file:
        return file.read()


def test_a_file_comes_back_as_it_was_put(storage: LocalStorage) -> None:
    stored = storage.put(PLACE, [b"a,", b"b"])
    assert (stored.address, stored.size) == (PLACE, 3)
    assert (text_at(storage, PLACE), storage.size(PLACE), storage.exists(PLACE)) == (b"a,b", 3, True)


def test_a_file_is_replaced_as_a_whole(storage: LocalStorage) -> None:
    storage.put(PLACE, [b"first and longer"])
    storage.put(PLACE, [b"second"])
    assert text_at(storage, PLACE) == b"second"


def test_a_file_that_cannot_be_finished_leaves_what_was_there(storage: LocalStorage) -> None:
    def broken() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("cut")

    storage.put(PLACE, [b"old"])
    with pytest.raises(RuntimeError, match="cut"):
        storage.put(PLACE, broken())
    assert text_at(storage, PLACE) == b"old"
    assert [stored.address for stored in storage.list("kestra:///company")] == [PLACE]


def test_a_missing_file_is_told(storage: LocalStorage) -> None:
    assert not storage.exists(PLACE)
    assert not storage.delete(PLACE)
    with pytest.raises(FileMissing, match="File not found"):
        storage.open(PLACE)


def test_files_of_an_execution_are_listed_and_deleted(storage: LocalStorage) -> None:
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
def test_any_name_has_an_address(storage: LocalStorage, name: str) -> None:
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
def test_no_address_leads_outside(storage: LocalStorage, address: str) -> None:
    for act in (storage.open, storage.exists, storage.delete, lambda given: storage.put(given, [b""])):
        with pytest.raises(AddressRefused):
            act(address)


def test_links_are_not_followed(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put("kestra:///a/x", [b""])
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "x").write_text("hidden")
    (tmp_path / "root" / "a" / "file").symlink_to(secret / "x")
    (tmp_path / "root" / "a" / "folder").symlink_to(secret)
    for address in ("kestra:///a/file", "kestra:///a/folder/x"):
        with pytest.raises(FileMissing):
            storage.open(address)
    with pytest.raises(StorageFailure):
        storage.put("kestra:///a/folder/new", [b""])
    storage.put("kestra:///a/file", [b"new"])
    assert (secret / "x").read_text() == "hidden"
    assert [stored.address for stored in storage.list("kestra:///a")] == ["kestra:///a/file", "kestra:///a/x"]


def test_a_folder_and_a_device_are_no_files(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put("kestra:///a/b/x", [b""])
    os.mkfifo(tmp_path / "root" / "a" / "pipe")
    with pytest.raises(FileMissing):
        storage.open("kestra:///a/b")
    with pytest.raises(FileMissing):
        storage.open("kestra:///a/pipe")


def test_a_full_disk_is_told(storage: LocalStorage) -> None:
    def full() -> Iterator[bytes]:
        yield b"some"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageFull, match="Internal storage is full"):
        storage.put(PLACE, full())
    assert not storage.exists(PLACE)


def test_is_address_tells_addresses_from_texts() -> None:
    assert is_address(PLACE)
    assert not is_address("kestra://host/x")
    assert StorageFull(PLACE).address == PLACE
