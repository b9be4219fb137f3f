"""Tasks around one tool: the tool is a small script here, found on the PATH."""

from pathlib import Path

import pytest
from segue.spec.types.plugins.commands import TYPES

from tests.unit.tasks.plugins.conftest import Workbench

DBT = """\
#!/bin/sh
cat "$DBT_PROFILES_DIR/profiles.yml"
mkdir -p target && echo '{"results": []}' > target/run_results.json
exit $1
"""


@pytest.mark.parametrize("task_type", TYPES, ids=str)
def test_commands_are_run_with_files_and_variables(bench: Workbench, task_type: str) -> None:
    outputs = bench.outputs(
        task_type,
        commands=["cat in.txt > out.txt", 'echo "$COLOR" >> out.txt'],
        beforeCommands=["echo before"],
        env={"COLOR": "green"},
        inputFiles={"in.txt": "hi\n"},
        outputFiles=["out.txt"],
        containerImage="example/tool",
    )
    assert outputs["exitCode"] == 0
    assert bench.text(outputs["outputFiles"]["out.txt"]) == "hi\ngreen\n"


@pytest.mark.parametrize("code", [0, 2])
def test_dbt_finds_its_profiles_and_its_results_are_kept(bench: Workbench, tmp_path: Path, code: int) -> None:
    (tmp_path / "dbt").write_text(DBT)
    (tmp_path / "dbt").chmod(0o755)
    properties = {"commands": [f"{tmp_path}/dbt {code}"], "profiles": "shop: {}"}
    outcome = bench.run("dbt.cli.DbtCLI", **properties)
    assert "shop: {}" in outcome.text
    assert outcome.ended.outputs is not None
    assert bench.text(outcome.ended.outputs["outputFiles"]["run_results.json"]) == '{"results": []}\n'
    assert outcome.ended.outputs["exitCode"] == code


def test_ansible_and_aws_find_their_settings(bench: Workbench) -> None:
    ansible = bench.run("ansible.cli.AnsibleCLI", commands='cat "$ANSIBLE_CONFIG"', ansibleConfig="[defaults]")
    assert ansible.messages == ["[defaults]"]
    aws = bench.run("aws.cli.AwsCLI", commands="echo $AWS_DEFAULT_REGION", region="eu-west-1", accessKeyId="k")
    assert aws.messages == ["eu-west-1"]
