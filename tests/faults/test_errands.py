"""What a flowable has a worker do for itself, and the worker killed meanwhile: it is asked again, whatever is set for the
tasks of authors."""

import os
import signal
from collections.abc import Iterator

import pytest
import yaml

from tests.faults.chaos import workers_of
from tests.support.client import ShownExecution
from tests.support.daemon import Daemon, running
from tests.support.http_server import HttpServer, Received, http_server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("faults")

PLUGIN = "io.kestra.plugin.core."
FOLDER = {
    "id": "folder",
    "namespace": "company.team",
    "inputs": [{"id": "url", "type": "STRING"}],
    "tasks": [
        {
            "id": "wd",
            "type": f"{PLUGIN}flow.WorkingDirectory",
            "inputFiles": {"given.txt": "{{ http(inputs.url) }}"},
            "tasks": [{"id": "look", "type": "io.kestra.plugin.scripts.shell.Script", "script": "cat given.txt"}],
        }
    ],
}
LOOP = {
    "id": "loop",
    "namespace": "company.team",
    "tasks": [
        {"id": "write", "type": f"{PLUGIN}storage.Write", "content": "1\n2\n", "extension": ".jsonl"},
        {"id": "wait", "type": f"{PLUGIN}flow.Pause"},
        {
            "id": "loop",
            "type": f"{PLUGIN}flow.Loop",
            "values": "{{ outputs.write.uri }}",
            "tasks": [{"id": "say", "type": f"{PLUGIN}log.Log", "message": "{{ item.value }}"}],
        },
    ],
}
# One worker: whatever is killed or stopped is the one that has, or is given, the errand.
SETTINGS = {"SEGUE_WORKER_LOST": "fail", "SEGUE_WORKERS_MIN": "1", "SEGUE_WORKERS_MAX": "1"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    files = {f"flows/company.team/{flow['id']}.yaml": yaml.safe_dump(flow) for flow in (FOLDER, LOOP)}
    with running(tmp_path_factory.mktemp("errands"), files, environment=SETTINGS) as started:
        yield started


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as started:
        yield started


def tell_worker(daemon: Daemon, number: signal.Signals) -> None:
    for worker in workers_of(daemon):
        os.kill(worker.pid, number)


def run_with_kills(daemon: Daemon, server: HttpServer, kills: int) -> ShownExecution:
    """The folder's input file is fetched from a server that kills who asks it, so many times."""

    def kill(_received: Received) -> None:
        if len(server.received) <= kills:
            tell_worker(daemon, signal.SIGKILL)

    server.before = kill
    return daemon.run("folder", {"url": server.serve("/given", "a good text")})


def test_a_folder_is_made_ready_although_its_worker_was_killed(daemon: Daemon, server: HttpServer) -> None:
    execution = run_with_kills(daemon, server, kills=2)
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert "a good text" in daemon.logs(execution, "look")


def test_a_folder_that_kills_its_worker_every_time_fails(daemon: Daemon, server: HttpServer) -> None:
    execution = run_with_kills(daemon, server, kills=100)
    assert (execution.state, execution.task_ids, len(server.received)) == ("FAILED", ["wd"], 4)
    assert [line for line in daemon.logs(execution, "wd") if "killed by signal 9 (SIGKILL), like 3 others" in line]


def test_a_loop_reads_its_values_although_its_worker_was_killed(daemon: Daemon) -> None:
    execution = daemon.until(daemon.start("loop"), "PAUSED")
    tell_worker(daemon, signal.SIGSTOP)
    daemon.act(execution, "resume")
    wait_until(lambda: figure(daemon, "segue_orders_working") == 1, what="the worker to have what it cannot do")
    tell_worker(daemon, signal.SIGKILL)
    assert daemon.ended(execution).state == "SUCCESS", daemon.logs(execution)
    assert len(daemon.iterations(execution)) == 2


def figure(daemon: Daemon, name: str) -> float:
    lines = daemon.http.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))
