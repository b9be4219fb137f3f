"""Internal storage in a folder: what only a folder has - links, devices, a disk that is full."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.storage.address import is_address
from segue.storage.local import LocalStorage
from segue.storage.storage import FileMissing, StorageFailure, StorageFull

PLACE = "kestra:///company/team/flow/executions/e1/tasks/t/r/x.csv"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "root")


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
