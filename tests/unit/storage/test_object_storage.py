"""Internal storage in an object store: what only a store behind a network has - keys, uploads, and all that can be wrong
on the way to it."""

import io
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.storage.object_client import PART_BYTES, PIECE_BYTES
from segue.storage.object_errors import reason_of
from segue.storage.object_storage import ObjectStorage
from segue.storage.place import ObjectPlace, open_storage
from segue.storage.storage import FileMissing, StorageFailure, StorageFull

from tests.support.http_server import HttpServer, Page, http_server
from tests.support.object_server import OPTIONS, ObjectServer

PLACE = "kestra:///company/team/flow/executions/e1/tasks/t/r/x.csv"
GROWTH_MIB_MAX = 32  # two parts under way, one being gathered, a piece: 64 MiB pass
_BUCKETS = (f"objects-{number}" for number in itertools.count())


@pytest.fixture
def bucket(objects: ObjectServer) -> str:
    return objects.make_bucket(next(_BUCKETS))


@pytest.fixture
def storage(objects: ObjectServer, bucket: str) -> ObjectStorage:
    return at(objects, bucket)


def at(objects: ObjectServer, bucket: str) -> ObjectStorage:
    return ObjectStorage(ObjectPlace(url=f"s3://{bucket}/kept", options=objects.options))


def test_the_key_of_a_file_is_its_address_below_the_prefix(
    objects: ObjectServer, bucket: str, storage: ObjectStorage
) -> None:
    storage.put("kestra:///a/b%20c%25.csv", [b"1"])
    assert objects.keys(bucket) == ["kept/a/b%20c%25.csv"]


def test_what_lies_beside_our_files_is_left_alone(objects: ObjectServer, bucket: str, storage: ObjectStorage) -> None:
    for key in ("kept/a/no address.txt", "kept-too/a/x", "other"):
        objects.put(bucket, key)
    storage.put("kestra:///a/x", [b"1"])
    assert [stored.address for stored in storage.list("kestra:///a")] == ["kestra:///a/x"]
    assert storage.delete_folder("kestra:///a") == 1
    assert objects.keys(bucket) == ["kept-too/a/x", "kept/a/no address.txt", "other"]


def test_an_upload_that_cannot_be_finished_is_given_up(
    objects: ObjectServer, bucket: str, storage: ObjectStorage
) -> None:
    def broken() -> Iterator[bytes]:
        yield from itertools.repeat(b"x" * PART_BYTES, 3)
        raise StorageFailure("cut")

    with pytest.raises(StorageFailure, match=r"^cut$"):
        storage.put(PLACE, broken())
    assert objects.unfinished(bucket) == []
    assert not storage.exists(PLACE)


def test_a_file_that_is_replaced_while_it_is_read_is_told(storage: ObjectStorage) -> None:
    storage.put(PLACE, [b"a" * (PIECE_BYTES * 2)])
    with storage.open(PLACE) as file:
        assert file.read(1) == b"a"
        storage.put(PLACE, [b"b" * (PIECE_BYTES * 2)])
        file.seek(-1, io.SEEK_END)
        with pytest.raises(StorageFailure, match="replaced meanwhile"):
            file.read()


_STREAMED = """
import sys
from pathlib import Path
from segue.storage.object_storage import ObjectStorage
from segue.storage.place import ObjectPlace
from segue.storage.storage import chunks_of

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024

endpoint, bucket = sys.argv[1:]
options = {"endpoint": endpoint, "access_key_id": "a", "secret_access_key": "b", "region": "us-east-1"}
storage = ObjectStorage(ObjectPlace(url=f"s3://{bucket}", options=options))
storage.put("kestra:///small", [b"1"])
with storage.open("kestra:///small") as file:
    file.read()
before = peak()
storage.put("kestra:///large", (bytes(1 << 16) for _ in range(1024)))
with storage.open("kestra:///large") as file:
    size = sum(len(chunk) for chunk in chunks_of(file))
print(size, peak() - before)
"""


def test_a_file_larger_than_memory_passes_in_pieces(objects: ObjectServer, bucket: str) -> None:
    command = [sys.executable, "-c", _STREAMED, objects.url, bucket]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    size, growth = done.stdout.split()
    assert int(size) == 64 << 20
    assert float(growth) < GROWTH_MIB_MAX


def test_a_bucket_that_is_not_there_is_told(objects: ObjectServer) -> None:
    storage = at(objects, "nowhere")
    for act in (storage.check, lambda: storage.put(PLACE, [b"1"]), lambda: storage.open(PLACE)):
        with pytest.raises(StorageFailure, match=r"at s3://nowhere/kept: NoSuchBucket: .* does not exist") as told:
            act()
        assert not isinstance(told.value, FileMissing)


def test_a_store_that_cannot_be_reached_is_told() -> None:
    storage = ObjectStorage(ObjectPlace(url="s3://bucket", options={**OPTIONS, "endpoint": "http://127.0.0.1:9"}))
    with pytest.raises(StorageFailure, match="at s3://bucket: it cannot be reached: Connection refused"):
        storage.check()


WRONG_OPTIONS = {
    "an endpoint that is no URL": ({"endpoint": "127.0.0.1:9000"}, "endpoint is '127.0.0.1:9000', expected a URL"),
    "an endpoint of another kind": ({"endpoint": "ftp://x"}, "endpoint is 'ftp://x', expected a URL"),
    "an unknown option": ({"acces_key": "x"}, "'acces_key' is not valid"),
    "a certificate that is none": ({"root_certificate": "x"}, "certificate"),
}


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS.values(), ids=WRONG_OPTIONS.keys())
def test_an_option_that_makes_no_sense_is_told(options: dict[str, str], message: str) -> None:
    with pytest.raises(StorageFailure, match=message):
        open_storage(ObjectPlace(url="s3://bucket", options=options))


def test_a_store_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segue.storage.object_storage", None)
    with pytest.raises(StorageFailure, match=r"pip install 'segue\[object-storage\]'"):
        open_storage(ObjectPlace(url="s3://bucket"))


def test_a_place_is_a_folder_or_an_object_store(tmp_path: Path) -> None:
    open_storage(tmp_path).put(PLACE, [b"1"])
    assert [path.name for path in tmp_path.iterdir()] == ["company"]


@pytest.fixture
def refusing() -> Iterator[HttpServer]:
    with http_server() as server:
        yield server


def test_a_store_that_is_full_is_told(refusing: HttpServer) -> None:
    answer = b"<Error><Code>XMinioStorageFull</Code><Message>no space left</Message></Error>"
    refusing.pages["/bucket/" + PLACE.removeprefix("kestra:///")] = Page(answer, status=400)
    storage = ObjectStorage(ObjectPlace(url="s3://bucket", options={**OPTIONS, "endpoint": refusing.url}))
    with pytest.raises(StorageFull, match="Internal storage is full"):
        storage.put(PLACE, [b"1"])


_SENDING = (
    "Generic S3 error: Error performing GET http://x in 1s - HTTP error: error sending request\n\nDebug source:\n"
)
_REFUSED = (
    "Generic S3 error: Error performing PUT {url} in 3ms - Server returned non-2xx status code: 403 Forbidden: {body}"
)
_CODE = "<Error><Code>InvalidAccessKeyId</Code><Message>The key does not exist</Message></Error>\n\nDebug source:\n..."


def test_a_token_of_the_environment_does_not_go_with_other_keys(
    refusing: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of the environment")
    storage = ObjectStorage(ObjectPlace(url="s3://bucket", options={**OPTIONS, "endpoint": refusing.url}))
    assert not storage.exists(PLACE)
    headers = refusing.received[-1].headers
    assert f"Credential={OPTIONS['access_key_id']}/" in headers["authorization"]
    assert "x-amz-security-token" not in headers


REASONS = {
    "what the store says": (
        _REFUSED.format(url="http://x", body=_CODE),
        "InvalidAccessKeyId: The key does not exist",
    ),
    "no credentials": (
        _REFUSED.format(url="http://169.254.169.254/latest/api/token", body=""),
        "there are no credentials: none are set, and this machine has none of its own",
    ),
    "no such host": (
        _SENDING + 'ConnectError(\n"dns error",\nCustom {\nerror: "failed to lookup address information",\n}',
        "it cannot be reached: failed to lookup address information",
    ),
    "no answer": (_SENDING + "kind: Request,\nsource: TimedOut,\n", "it cannot be reached: no answer in time"),
    "anything else": (
        "Generic MicrosoftAzure error: Account must be specified\n\nDebug source:\n...",
        "Account must be specified",
    ),
}


@pytest.mark.parametrize(("text", "reason"), REASONS.values(), ids=REASONS.keys())
def test_an_error_is_told_in_a_sentence(text: str, reason: str) -> None:
    assert reason_of(text) == reason
