"""Scripts in the real daemon: the `kestra` package as its users know it, files by name, other languages."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.daemon import Daemon, running
from tests.support.needs import need_program

TELLS = """
from kestra import Kestra

Kestra.outputs({"a": 1, "b": {"c": [1, 2]}})
Kestra.outputs({"a": 2})
Kestra.counter("rows", 3, {"kind": "x"})
Kestra.timer("took", 1.5)
Kestra.timer("measured", lambda: None)
Kestra.gauge("level", 0.5)
logger = Kestra.logger()
logger.debug("from debug")
logger.info("from info")
logger.warning("from warning")
logger.error("from error")
print("plain")
"""
READS = """
from kestra import Kestra

rows = Kestra.read("rows.ion")
Kestra.outputs({"names": [row["name"] for row in rows], "count": len(rows)})
"""
CALLS = """
from kestra import Flow, Kestra

done = Flow(poll_interval=1).execute("company.team", "called", {"word": "hi"})
Kestra.outputs({"status": done.status, "id": done.execution_id})
"""
NAMED = """
with open("{{ outputFiles['made.txt'] }}", "w") as file:
    file.write("{{ workingDir }}")
"""


def script(text: str, **more: Any) -> dict[str, Any]:
    return {"id": "script", "type": "io.kestra.plugin.scripts.python.Script", "script": text, **more}


def flow(flow_id: str, *tasks: dict[str, Any], **more: Any) -> dict[str, str]:
    text = yaml.safe_dump({"id": flow_id, "namespace": "company.team", **more, "tasks": list(tasks)}, sort_keys=False)
    return {f"flows/company.team/{flow_id}.yaml": text}


FLOWS = {
    **flow("tells", script(TELLS)),
    **flow("reads", script(READS, inputFiles={"rows.ion": '{name:"a",n:1}\n{name:"b",n:2}\n'})),
    **flow(
        "calls",
        script(CALLS, env={"KESTRA_HOSTNAME": "{{ inputs.host }}"}),
        inputs=[{"id": "host", "type": "STRING"}],
    ),
    **flow(
        "called",
        {"id": "say", "type": "io.kestra.plugin.core.log.Log", "message": "called with {{ inputs.word }}"},
        inputs=[{"id": "word", "type": "STRING"}],
    ),
    **flow("named", script(NAMED, outputFiles=["made.txt", "*.none"])),
    **flow(
        "node",
        {
            "id": "script",
            "type": "io.kestra.plugin.scripts.node.Script",
            "script": "console.log('::' + JSON.stringify({outputs: {sum: {{ inputs.a }} + 1}}) + '::')",
        },
        inputs=[{"id": "a", "type": "INT"}],
    ),
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("scripts"), FLOWS) as started:
        yield started


def test_the_package_gives_outputs_metrics_and_log_lines(daemon: Daemon) -> None:
    execution = daemon.run("tells")
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert execution.run_of("script").outputs["vars"] == {"a": 2, "b": {"c": [1, 2]}}
    lines = daemon.get(f"/logs/{execution.id}", taskId="script")
    # What comes on two streams may come in either order.
    assert sorted((line["level"], line["message"].split(" - ")[-1]) for line in lines) == [
        ("DEBUG", "from debug"),
        ("ERROR", "from error"),
        ("INFO", "from info"),
        ("INFO", "plain"),
        ("WARN", "from warning"),
    ]
    metrics = {each["name"]: each for each in daemon.get(f"/metrics/{execution.id}")["results"]}
    assert {name: each["type"] for name, each in metrics.items()} == {
        "rows": "counter",
        "took": "timer",
        "measured": "timer",
        "level": "gauge",
    }
    assert metrics["rows"]["value"] == 3


def test_the_package_reads_the_items_of_a_file(daemon: Daemon) -> None:
    execution = daemon.run("reads")
    assert execution.run_of("script").outputs["vars"] == {"names": ["a", "b"], "count": 2}, daemon.logs(execution)


def test_the_package_runs_another_flow_and_waits_for_it(daemon: Daemon) -> None:
    execution = daemon.run("calls", {"host": daemon.url})
    assert execution.state == "SUCCESS", daemon.logs(execution)
    said = execution.run_of("script").outputs["vars"]
    assert said["status"] == "SUCCESS"
    assert daemon.logs(daemon.only_execution("called")) == ["called with hi"]


def test_a_file_to_keep_is_known_by_its_name(daemon: Daemon) -> None:
    execution = daemon.run("named")
    kept = execution.run_of("script").outputs["outputFiles"]
    assert list(kept) == ["made.txt"], daemon.logs(execution)
    assert daemon.file(execution, kept["made.txt"]).decode().startswith(str(daemon.data / "work"))


def test_a_script_of_another_language_gives_outputs(daemon: Daemon) -> None:
    need_program("node")
    execution = daemon.run("node", {"a": 41})
    assert execution.run_of("script").outputs["vars"] == {"sum": 42}, daemon.logs(execution)
