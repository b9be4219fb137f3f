"""Workers whose internal storage is an object store: what they do the same, and what happens when it goes away."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from segue.storage.object_storage import ObjectStorage
from segue.storage.place import ObjectPlace
from segue.workers.settings import WorkerSettings

from tests.support.object_server import OPTIONS, ObjectServer
from tests.support.pools import Outcome, SharedPool, order_of

FILE = "kestra:///company/team/flow/executions/execution/inputs/file/x.csv"
HOW = "from pathlib import Path; print('warm' if '-c' in Path('/proc/self/cmdline').read_text().split(chr(0)) else 'cold')"
_BUCKETS = (f"workers-{number}" for number in itertools.count())


@pytest.fixture
def place(objects: ObjectServer) -> ObjectPlace:
    return ObjectPlace(url=f"s3://{objects.make_bucket(next(_BUCKETS))}/kept", options=objects.options)


@pytest.fixture
def pool(place: ObjectPlace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPool]:
    shared = SharedPool(tmp_path_factory.mktemp("objects"), storage=place, workers_max=1)
    yield shared
    shared.close()


def script(pool: SharedPool, text: str, **more: Any) -> Outcome:
    properties = {"taskRunner": {"type": "io.kestra.plugin.core.runner.Process"}, "script": text, **more}
    return pool.run(order_of("io.kestra.plugin.scripts.python.Script", properties))


def test_workers_are_told_where_storage_is(place: ObjectPlace, tmp_path: Any) -> None:
    settings = WorkerSettings(instance="x", storage=place, work=tmp_path)
    assert WorkerSettings.of_json(settings.to_json()) == settings
    assert OPTIONS["secret_access_key"] not in repr(settings)


def test_files_go_in_and_out_and_expressions_read_them(pool: SharedPool, place: ObjectPlace) -> None:
    storage = ObjectStorage(place)
    storage.put(FILE, [b"a,b"])
    shout = "open('out.txt', 'w').write(open('in.csv').read().upper())"
    outcome = script(pool, shout, inputFiles={"in.csv": FILE}, outputFiles=["*.txt"])
    assert outcome.ended.outputs is not None, outcome.ended
    with storage.open(outcome.ended.outputs["outputFiles"]["out.txt"]) as file:
        assert file.read() == b"A,B"
    read = pool.run(order_of("core.log.Log", {"message": f"{{{{ read('{FILE}') }}}} {{{{ fileSize('{FILE}') }}}}"}))
    assert read.text == "a,b 3"


def test_a_worker_that_has_used_the_store_runs_scripts_in_interpreters_of_their_own(pool: SharedPool) -> None:
    assert script(pool, HOW).text == "warm"
    assert script(pool, "open('x', 'w')", outputFiles=["x"]).ended.failure is None
    assert script(pool, HOW).text == "cold"


def test_a_store_that_is_gone_fails_the_task_and_not_the_worker(tmp_path: Any) -> None:
    gone = ObjectPlace(url="s3://bucket", options={**OPTIONS, "endpoint": "http://127.0.0.1:9"})
    pool = SharedPool(tmp_path, storage=gone, workers_max=1)
    try:
        failed = pool.run(order_of("io.kestra.plugin.core.storage.Write", {"content": "x"}))
        assert failed.ended.failure is not None
        assert failed.ended.failure.message.endswith("at s3://bucket: it cannot be reached: Connection refused")
        assert pool.run(order_of("core.log.Log", {"message": "on"})).text == "on"
    finally:
        pool.close()
