"""What other tools run of ours: the hook of pre-commit, the workflow of GitHub, and the SARIF that code scanning takes."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
GOOD = "id: x\nnamespace: a.b\ntasks:\n  - {id: log, type: core.log.Log, message: hi}\n"
BAD = GOOD.replace("hi", '"{{ inputs.nope }}"')


@pytest.fixture
def hook() -> dict[str, Any]:
    (only,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return only


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "flows" / "a.b").mkdir(parents=True)
    (tmp_path / "segue.yaml").write_text("flows: flows\n")
    return tmp_path


def run(command: str, *files: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command as such a tool runs it: our scripts on the path, the files behind it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [*shlex.split(command), *files], cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )


def test_the_hook_lets_good_flows_through_and_stops_bad_ones(hook: dict[str, Any], repository: Path) -> None:
    (repository / "flows" / "a.b" / "x.yaml").write_text(GOOD)
    assert run(hook["entry"], "flows/a.b/x.yaml", cwd=repository).returncode == 0
    (repository / "flows" / "a.b" / "x.yaml").write_text(BAD)
    stopped = run(hook["entry"], "flows/a.b/x.yaml", "segue.yaml", cwd=repository)
    assert (stopped.returncode, stopped.stdout.split(" ")[1]) == (1, "unknown-input"), stopped


FILES = {
    "flows/a.b/x.yaml": True,
    "project/flows/a.b/x.yml": True,
    "_flows/x.yaml": True,
    "a.b/flows/x.yaml": True,
    "segue.yaml": True,
    "flows/a.b/_files/data.yaml": False,
    "flows/a.b/_tests/x.yaml": True,
    ".github/workflows/flows.yaml": False,
    "compose.yaml": False,
}


@pytest.mark.parametrize(("path", "is_looked_at"), FILES.items(), ids=FILES)
def test_the_hook_looks_at_flows_and_at_nothing_else(hook: dict[str, Any], path: str, is_looked_at: bool) -> None:
    found = re.search(hook["files"], path) is not None and re.search(hook["exclude"], path) is None
    assert found is is_looked_at


def test_the_commands_of_the_workflow_run() -> None:
    example = ROOT / "examples" / "github-action"
    workflow = yaml.safe_load((example / ".github" / "workflows" / "flows.yaml").read_text())
    commands = [
        step["run"] for step in workflow["jobs"]["validate"]["steps"] if "segue validate" in step.get("run", "")
    ]
    assert len(commands) == 2
    for command in commands:
        ran = run(command.partition(" >")[0], cwd=example)
        assert ran.returncode == 0, ran.stdout + ran.stderr


# The part of SARIF 2.1.0 that code scanning reads, as the standard has it.
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {"id": {"type": "string"}},
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "level", "message", "locations"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"type": "object", "required": ["text"]},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "properties": {
                                                    "artifactLocation": {
                                                        "properties": {
                                                            "uri": {"type": "string", "pattern": "^[^ \\\\]+$"}
                                                        }
                                                    },
                                                    "region": {
                                                        "properties": {
                                                            "startLine": {"type": "integer", "minimum": 1},
                                                            "startColumn": {"type": "integer", "minimum": 1},
                                                        }
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_the_report_for_code_scanning_is_sarif(repository: Path) -> None:
    (repository / "flows" / "a.b" / "with blank.yaml").write_text(BAD)
    report = json.loads(run("segue validate --format sarif", cwd=repository).stdout)
    jsonschema.validate(report, SARIF)
    (each,) = report["runs"][0]["results"]
    rules = {rule["id"] for rule in report["runs"][0]["tool"]["driver"]["rules"]}
    uri = each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert (each["ruleId"] in rules, uri) == (True, "flows/a.b/with%20blank.yaml")
