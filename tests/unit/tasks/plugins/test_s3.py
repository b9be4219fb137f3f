"""Objects of S3: a server on this machine that speaks its protocol."""

import itertools
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from segue.tasks.kind import TaskFailed
from segue.tasks.plugins.extras import library
from segue.tasks.plugins.s3_bucket import EXTRA

from tests.support.object_server import OPTIONS, ObjectServer
from tests.support.pools import SharedPool, order_of
from tests.unit.tasks.plugins.conftest import Workbench

_BUCKETS = (f"tasks-{number}" for number in itertools.count())


class S3:
    """A bucket of its own for each test, and the tasks on it."""

    def __init__(self, bench: Workbench, objects: ObjectServer, bucket: str) -> None:
        self.bench, self.objects, self.bucket = bench, objects, bucket

    @property
    def connection(self) -> dict[str, Any]:
        return {
            "endpointOverride": self.objects.url,
            "accessKeyId": OPTIONS["access_key_id"],
            "secretKeyId": OPTIONS["secret_access_key"],
            "region": OPTIONS["region"],
            "forcePathStyle": True,
        }

    def given(self, **properties: Any) -> dict[str, Any]:
        return {"bucket": self.bucket, **self.connection, **properties}

    def run(self, task: str, **properties: Any) -> dict[str, Any]:
        return self.bench.outputs(f"aws.s3.{task}", **self.given(**properties))

    def failure(self, task: str, **properties: Any) -> str:
        return self.bench.failure(f"aws.s3.{task}", **self.given(**properties))

    def put(self, *keys: str) -> None:
        for key in keys:
            self.objects.put(self.bucket, key, b"" if key.endswith("/") else key.encode())

    def keys(self) -> list[str]:
        return self.objects.keys(self.bucket)


@pytest.fixture
def s3(bench: Workbench, objects: ObjectServer) -> S3:
    return S3(bench, objects, objects.make_bucket(next(_BUCKETS)))


def listed(outputs: dict[str, Any]) -> list[str]:
    return [each["key"] for each in outputs["objects"]]


@pytest.mark.parametrize("size", [0, 10, 9 << 20], ids=["empty", "small", "in parts"])
def test_a_file_goes_there_and_comes_back(s3: S3, size: int) -> None:
    content = os.urandom(size)
    sent = s3.run("Upload", from_=s3.bench.put("data.bin", content), key="out/data.bin")
    assert (sent["bucket"], sent["key"]) == (s3.bucket, "out/data.bin")
    assert s3.objects.read(s3.bucket, "out/data.bin") == content
    got = s3.run("Download", key="out/data.bin")
    assert s3.bench.read(got["uri"]) == content
    assert (got["contentLength"], got["eTag"]) == (size, sent["eTag"])


def test_headers_metadata_and_tags_go_with_a_file(s3: S3) -> None:
    s3.run(
        "Upload",
        from_=s3.bench.put("x.csv", "a"),
        key="x.csv",
        contentType="text/csv",
        cacheControl="no-store",
        metadata={"team": "data"},
        tagging={"kind": "test"},
        serverSideEncryption="AES256",
    )
    headers = s3.objects.headers(s3.bucket, "x.csv")
    assert (headers["content-type"], headers["cache-control"]) == ("text/csv", "no-store")
    assert (headers["x-amz-meta-team"], headers["x-amz-server-side-encryption"]) == ("data", "AES256")
    assert "<Key>kind</Key>" in s3.objects.http.get(f"/{s3.bucket}/x.csv?tagging").text
    got = s3.run("Download", key="x.csv")
    assert (got["contentType"], got["metadata"]) == ("text/csv", {"team": "data"})


@pytest.mark.parametrize("as_json", [False, True], ids=["a list", "JSON"])
def test_several_files_go_into_a_folder(s3: S3, as_json: bool) -> None:
    uris = [s3.bench.put(name, name) for name in ("a.csv", "b.csv")]
    sent = s3.run("Upload", from_=f'["{uris[0]}", "{uris[1]}"]' if as_json else uris, key="in")
    assert s3.keys() == ["in/a.csv", "in/b.csv"]
    assert sorted(sent["files"]) == ["a.csv", "b.csv"]
    assert sent["files"]["a.csv"]["contentLength"] == 5


LISTS = {
    "all": ({}, ["a.csv", "in/", "in/1.csv", "in/2.txt", "in/deep/3.csv", "in-other"]),
    "a folder": ({"prefix": "in/"}, ["in/1.csv", "in/2.txt", "in/deep/3.csv"]),
    "a prefix that is no folder": ({"prefix": "in"}, ["in-other", "in/", "in/1.csv", "in/2.txt", "in/deep/3.csv"]),
    "a prefix within a name": ({"prefix": "in/1"}, ["in/1.csv"]),
    "one level": ({"prefix": "in/", "delimiter": "/"}, ["in/1.csv", "in/2.txt"]),
    "a pattern": ({"regexp": r"in/.*\.csv"}, ["in/1.csv", "in/deep/3.csv"]),
    "files": ({"filter": "FILES", "prefix": "in"}, ["in-other", "in/1.csv", "in/2.txt", "in/deep/3.csv"]),
    "folders": ({"filter": "DIRECTORY"}, ["in/"]),
    "after a key": ({"marker": "in/1.csv"}, ["in/2.txt", "in/deep/3.csv"]),
    "the first keys": ({"maxKeys": 2}, ["a.csv", "in-other"]),
    "the first of those found": ({"maxFiles": 1, "prefix": "in/"}, ["in/1.csv"]),
    "nothing": ({"prefix": "zzz"}, []),
}


@pytest.fixture(scope="module")
def filled(objects: ObjectServer) -> str:
    bucket = objects.make_bucket("tasks-filled")
    for key in ("a.csv", "in/", "in/1.csv", "in/2.txt", "in/deep/3.csv", "in-other"):
        objects.put(bucket, key, b"" if key.endswith("/") else b"x")
    return bucket


@pytest.mark.parametrize(("how", "keys"), LISTS.values(), ids=LISTS.keys())
def test_list(bench: Workbench, objects: ObjectServer, filled: str, how: dict[str, Any], keys: list[str]) -> None:
    assert sorted(listed(S3(bench, objects, filled).run("List", **how))) == sorted(keys)


def test_a_list_says_of_each_object_what_it_is(s3: S3) -> None:
    s3.put("a.csv")
    [found] = s3.run("List")["objects"]
    assert (found["key"], found["size"]) == ("a.csv", 5)
    assert re.fullmatch(r'"[0-9a-f]{32}"', found["etag"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["lastModified"])


def test_downloads_stores_objects_and_moves_them(s3: S3) -> None:
    s3.put("in/", "in/a.csv", "in/deep/b.csv")
    other = s3.objects.make_bucket(f"{s3.bucket}-aside")
    outputs = s3.run("Downloads", prefix="in", action="MOVE", moveTo={"bucket": other, "key": "done"})
    assert {key: s3.bench.text(uri) for key, uri in outputs["outputFiles"].items()} == {
        "in/a.csv": "in/a.csv",
        "in/deep/b.csv": "in/deep/b.csv",
    }
    assert listed(outputs) == ["in/a.csv", "in/deep/b.csv"]
    assert outputs["totalSize"] == 21
    assert (s3.keys(), s3.objects.keys(other)) == (["in/"], ["done/a.csv", "done/deep/b.csv"])
    assert s3.run("Downloads", prefix="in/")["objects"] == []


def test_download_takes_several_objects_by_a_pattern(s3: S3) -> None:
    s3.put("in/a.csv", "in/b.txt")
    files = s3.run("Download", prefix="in/", regexp=r".*\.csv")["files"]
    assert list(files) == ["in/a.csv"]
    assert s3.bench.text(files["in/a.csv"]["uri"]) == "in/a.csv"


def test_a_version_is_downloaded(s3: S3) -> None:
    body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    s3.objects.http.put(f"/{s3.bucket}?versioning", content=body).raise_for_status()
    sent = [s3.run("Upload", from_=s3.bench.put(text, text), key="x") for text in ("first", "second")]
    first = s3.run("Download", key="x", versionId=sent[0]["versionId"])
    assert s3.bench.text(first["uri"]) == "first"
    assert first["versionId"] == sent[0]["versionId"]
    assert s3.bench.text(s3.run("Download", key="x")["uri"]) == "second"


def test_an_object_is_copied_within_a_bucket_and_moved_to_another(s3: S3) -> None:
    s3.objects.put(s3.bucket, "a.csv", b"1", {"Content-Type": "text/csv", "x-amz-meta-team": "data"})
    other = s3.objects.make_bucket(f"{s3.bucket}-other")
    origin = {"bucket": s3.bucket, "key": "a.csv"}
    copied = s3.bench.outputs("aws.s3.Copy", **s3.connection, from_=origin, to={"key": "b.csv"})
    assert copied["key"] == "b.csv"
    assert s3.keys() == ["a.csv", "b.csv"]
    moved = s3.bench.outputs("aws.s3.Copy", **s3.connection, from_=origin, to={"bucket": other}, delete=True)
    assert (moved["bucket"], moved["key"]) == (other, "a.csv")
    headers = s3.objects.headers(other, "a.csv")
    assert (headers["content-type"], headers["x-amz-meta-team"]) == ("text/csv", "data")
    assert s3.keys() == ["b.csv"]


def test_a_bucket_is_made_where_it_is_to_lie(s3: S3) -> None:
    name = f"{s3.bucket}-made"
    assert s3.run("CreateBucket", bucket=name, region="eu-west-1")["bucket"] == name
    assert "eu-west-1" in s3.objects.http.get(f"/{name}?location").text
    assert "BucketAlreadyOwnedByYou" in s3.failure("CreateBucket", bucket=name, region="eu-west-1")


def test_objects_are_deleted(s3: S3) -> None:
    s3.put("a.csv", "in/1.csv", "in/2.txt")
    s3.run("Delete", key="a.csv")
    s3.run("Delete", key="a.csv")
    assert s3.run("DeleteList", prefix="in/", regexp=r".*\.csv") == {"count": 1, "size": 8}
    assert s3.keys() == ["in/2.txt"]
    assert "No objects to delete" in s3.failure("DeleteList", prefix="none/", errorOnEmpty=True)


def test_what_is_wrong_is_told(s3: S3) -> None:
    assert s3.failure("Download", key="none") == f"s3://{s3.bucket}/none is not there"
    assert s3.failure("List", bucket="nowhere") == ("s3://nowhere/: NoSuchBucket: The specified bucket does not exist")
    assert "expected a URL" in s3.failure("List", endpointOverride="127.0.0.1")
    assert "A Download needs `key`" in s3.failure("Download")


def test_a_blocked_network_is_not_connected_to(tmp_path: Path) -> None:
    pool = SharedPool(tmp_path, blocked_networks=("127.0.0.0/8", "::1/128"))
    try:
        properties = {"bucket": "bucket", "endpointOverride": "http://localhost:9"}
        outcome = pool.run(order_of("io.kestra.plugin.aws.s3.List", properties))
    finally:
        pool.close()
    assert outcome.ended.failure is not None
    assert "setting `blocked_networks`" in outcome.ended.failure.message


def test_without_its_library_a_task_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(TaskFailed, match=r"pip install 'segue\[aws\]'"):
        library("obstore", EXTRA)
