"""A daemon that keeps the files of executions in an object store: nothing of them is on its disk, and all works as it
does with a folder. And its triggers on objects."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import API, ShownExecution
from tests.support.daemon import Daemon, running, segue
from tests.support.object_server import OPTIONS, ObjectServer
from tests.support.repositories import Repository

BUCKET = "kept-by-a-daemon"
WATCHED = "watched-by-a-daemon"
WATCH = """\
id: {id}
namespace: company.team
tasks:
  - {{id: say, type: io.kestra.plugin.core.log.Log, message: "{{{{ read(trigger.objects[0].uri) }}}}"}}
triggers:
  - id: watch
    type: io.kestra.plugin.aws.s3.Trigger
    interval: PT0.2S
    endpointOverride: "{{{{ envs.s3 }}}}"
    accessKeyId: "{{{{ secret('S3_KEY') }}}}"
    secretKeyId: "{{{{ secret('S3_SECRET') }}}}"
    bucket: watched-by-a-daemon
    prefix: {id}
    {what}
"""
FLOWS = {
    "files": """\
id: files
namespace: company.team
inputs:
  - {id: orders, type: FILE}
tasks:
  - id: shout
    type: io.kestra.plugin.scripts.python.Script
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    inputFiles: {in.csv: "{{ inputs.orders }}"}
    outputFiles: ["out/*.csv"]
    script: |
      from pathlib import Path
      Path("out").mkdir()
      Path("out/shouted.csv").write_text(Path("in.csv").read_text().upper())
  - id: reversed
    type: io.kestra.plugin.core.storage.Reverse
    from: "{{ outputs.shout.outputFiles['out/shouted.csv'] }}"
  - id: parts
    type: io.kestra.plugin.core.storage.Split
    from: "{{ outputs.reversed.uri }}"
    rows: 1
  - id: joined
    type: io.kestra.plugin.core.storage.Concat
    files: "{{ outputs.parts.uris }}"
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "{{ read(outputs.joined.uri) }}|{{ fileSize(outputs.joined.uri) }}|{{ fileExists(inputs.orders) }}"
outputs:
  - {id: file, type: FILE, value: "{{ outputs.joined.uri }}"}
""",
    "each": """\
id: each
namespace: company.team
inputs:
  - {id: orders, type: FILE}
tasks:
  - id: items
    type: io.kestra.plugin.core.flow.ForEachItem
    items: "{{ inputs.orders }}"
    batch: {rows: 2}
    namespace: company.team
    flowId: item
    wait: true
    inputs: {part: "{{ taskrun.items }}"}
""",
    "item": """\
id: item
namespace: company.team
inputs:
  - {id: part, type: FILE}
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "{{ read(inputs.part) }}"}
""",
    "cached": """\
id: cached
namespace: company.team
tasks:
  - id: folder
    type: io.kestra.plugin.core.flow.WorkingDirectory
    cache: {patterns: ["kept.txt"], ttl: PT1H}
    tasks:
      - id: count
        type: io.kestra.plugin.scripts.python.Script
        taskRunner: {type: io.kestra.plugin.core.runner.Process}
        script: |
          from pathlib import Path
          kept = Path("kept.txt")
          kept.write_text((kept.read_text() if kept.exists() else "") + "x")
          print(kept.read_text())
""",
    "own": """\
id: own
namespace: company.team
tasks:
  - {id: write, type: io.kestra.plugin.core.storage.Write, content: gone, extension: .txt}
  - {id: purge, type: io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles}
""",
    "moved": WATCH.format(id="moved", what="action: MOVE\n    moveTo: {key: done}"),
    "seen": WATCH.format(id="seen", what="action: NONE"),
    "purge": """\
id: purge
namespace: company.team
tasks:
  - id: all
    type: io.kestra.plugin.core.execution.PurgeExecutions
    endDate: "{{ now() | dateAdd(1, 'DAYS') }}"
    states: [SUCCESS]
    flowId: files
    namespace: company.team
""",
}


def environment(objects: ObjectServer) -> dict[str, str]:
    return {
        "SEGUE_STORAGE_OPTIONS": json.dumps(objects.options),
        "ENV_S3": objects.url,
        "SEGUE_SECRET_S3_KEY": OPTIONS["access_key_id"],
        "SEGUE_SECRET_S3_SECRET": OPTIONS["secret_access_key"],
    }


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, objects: ObjectServer) -> Iterator[Daemon]:
    objects.make_bucket(BUCKET)
    objects.make_bucket(WATCHED)
    files = {f"flows/company.team/{name}.yaml": text for name, text in FLOWS.items()}
    arguments = ["--storage", f"s3://{BUCKET}/segue"]
    folder = tmp_path_factory.mktemp("objects")
    with running(folder, files, arguments=arguments, environment=environment(objects)) as daemon:
        yield daemon


def run_files(daemon: Daemon) -> ShownExecution:
    execution = daemon.run("files", files={"orders": ("orders.csv", b"a,1\nb,2\n")})
    assert execution.state == "SUCCESS", daemon.logs(execution)
    return execution


def of(objects: ObjectServer, execution: ShownExecution) -> list[str]:
    return [key for key in objects.keys(BUCKET) if execution.id in key]


def test_files_pass_from_an_input_through_tasks_to_an_output(daemon: Daemon, objects: ObjectServer) -> None:
    execution = run_files(daemon)
    assert daemon.logs(execution, "say") == ["B,2\nA,1\n|8|true"]
    assert daemon.file(execution, execution.outputs["file"]) == b"B,2\nA,1\n"
    folder = f"segue/company/team/files/executions/{execution.id}"
    assert f"{folder}/inputs/orders/orders.csv" in of(objects, execution)
    assert not (daemon.data / "storage").exists()


def test_a_file_is_split_for_the_flows_of_its_parts(daemon: Daemon) -> None:
    execution = daemon.run("each", files={"orders": ("orders.csv", b"a\nb\nc\n")})
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert sorted(daemon.logs(each)[0] for each in daemon.executions("item")) == ["a\nb\n", "c\n"]


def test_a_working_directory_finds_its_cache_again(daemon: Daemon) -> None:
    assert [daemon.logs(daemon.run("cached"), "count") for _ in range(2)] == [["x"], ["xx"]]


def test_files_of_executions_go_with_them(daemon: Daemon, objects: ObjectServer) -> None:
    own = daemon.run("own")
    assert own.state == "SUCCESS"
    assert of(objects, own) == []
    deleted, purged = run_files(daemon), run_files(daemon)
    daemon.call("DELETE", f"/executions/{deleted.id}", status=204)
    assert of(objects, deleted) == []
    assert of(objects, purged) != []
    purge = daemon.run("purge")
    assert purge.state == "SUCCESS", daemon.logs(purge)
    assert of(objects, purged) == []


def test_objects_that_come_start_an_execution_and_are_moved(daemon: Daemon, objects: ObjectServer) -> None:
    objects.put(WATCHED, "moved/", b"")
    objects.put(WATCHED, "moved/deep/a.csv", b"first")
    execution = daemon.only_execution("moved")
    assert daemon.logs(execution) == ["first"]
    [given] = execution.trigger["objects"]
    assert (given["key"], given["size"], given["changeType"]) == ("moved/deep/a.csv", 5, "CREATE")
    assert [key for key in objects.keys(WATCHED) if not key.startswith("seen")] == ["done/deep/a.csv", "moved/"]


def test_an_object_that_changes_starts_another_execution(daemon: Daemon, objects: ObjectServer) -> None:
    objects.put(WATCHED, "seen/a.csv", b"first")
    assert daemon.logs(daemon.only_execution("seen")) == ["first"]
    objects.put(WATCHED, "seen/a.csv", b"second")
    changed = daemon.only_execution("seen", 2)
    assert (daemon.logs(changed), changed.trigger["objects"][0]["changeType"]) == (["second"], "UPDATE")


def test_a_store_that_cannot_be_used_is_told_at_the_start(objects: ObjectServer, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit({"flows/company.team/own.yaml": FLOWS["own"]})
    arguments = ["serve", str(repository.path), "--port", "0", "--data", str(tmp_path / "data")]
    ended = segue(*arguments, "--storage", "s3://nowhere/segue", **environment(objects))
    assert ended.returncode == 1
    assert "Internal storage at s3://nowhere/segue: NoSuchBucket: The specified bucket does not exist" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_store_that_goes_away_fails_tasks_and_calls_with_the_reason_and_the_daemon_goes_on(
    daemon: Daemon, objects: ObjectServer
) -> None:
    execution = run_files(daemon)
    objects.remove_bucket(BUCKET)
    failed = daemon.run("own")
    assert failed.state == "FAILED"
    assert "NoSuchBucket" in failed.run_of("write").failures[0]
    answer = daemon.http.get(f"{API}/executions/{execution.id}/file", params={"path": execution.outputs["file"]})
    assert (answer.status_code, "NoSuchBucket" in answer.text) == (503, True), answer.text
    with_file = daemon.http.post(f"{API}/executions/company.team/each", files={"orders": ("o.csv", b"a\n")})
    assert (with_file.status_code, "NoSuchBucket" in with_file.text) == (503, True), with_file.text
    objects.make_bucket(BUCKET)
    assert daemon.run("own").state == "SUCCESS"
