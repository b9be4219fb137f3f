"""`segue eval` offline: what it knows of a flow, what it refuses, how it ends."""

import json
from pathlib import Path

import pytest

from tests.support.daemon import segue
from tests.support.repositories import Repository

FLOW = """
id: hello
namespace: company.team
inputs:
  - {id: name, type: STRING, defaults: Ada}
  - {id: count, type: INT}
  - {id: password, type: SECRET, required: false}
variables: {greeting: "Hi {{ inputs.name }}"}
labels: {team.kind: data}
tasks:
  - {id: log, type: core.log.Log, message: hello}
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = Repository(tmp_path_factory.mktemp("eval"))
    repository.commit({"flows/company.team/hello.yaml": FLOW, "flows/company.team/_files/q.sql": "SELECT 1"})
    return repository.path


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (["1 + 1"], "2"),
        (["{{ 'a' }}-{% if true %}b{% endif %}"], "a-b"),
        (["inputs.x | upper", "-i", "x=ada"], "ADA"),
        (["envs.stage"], "prod"),
        (["inputs.name ~ flow.id", "--flow", "company.team/hello"], "Adahello"),
        (["inputs.count + 1", "--flow", "company.team/hello", "-i", "count=41"], "42"),
        (["render(vars.greeting)", "--flow", "flows/company.team/hello.yaml"], "Hi Ada"),
        (["labels.team.kind", "--flow", "company.team/hello"], "data"),
        (["read('q.sql')", "--flow", "company.team/hello"], "SELECT 1"),
        (["inputs.password", "--flow", "company.team/hello", "-i", "password=hunter2"], "********"),
    ],
)
def test_an_expression_is_evaluated_with_what_is_known(checkout: Path, arguments: list[str], result: str) -> None:
    done = segue("eval", *arguments, cwd=checkout, ENV_STAGE="prod")
    assert (done.returncode, done.stdout.strip()) == (0, result), done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["inputs.count", "--flow", "company.team/hello"], 1, "Unable to find `count`"),
        (["inputs.count", "--flow", "company.team/hello", "-i", "count=x"], 1, "Expected `INT`"),
        (["secret('TOKEN')"], 1, "secret() is not available here"),
        (["kv('k')"], 1, "kv() is not available here"),
        (["read('../../../etc/passwd')", "--flow", "company.team/hello"], 1, "Namespace file not found"),
        (["1 +"], 1, "line 1"),
        (["1", "--flow", "company.team/nowhere"], 1, "no valid flow"),
        (["1", "--task-run", "x"], 2, "--execution"),
    ],
)
def test_what_cannot_be_evaluated_says_why(checkout: Path, arguments: list[str], code: int, said: str) -> None:
    done = segue("eval", *arguments, cwd=checkout, SEGUE_SECRET_TOKEN="hunter2")
    assert done.returncode == code
    assert said in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_json_has_result_and_error_as_the_api(checkout: Path) -> None:
    assert json.loads(segue("eval", "2 * 3", "--json", cwd=checkout).stdout) == {"result": "6", "error": None}
    failed = segue("eval", "x", "--json", cwd=checkout)
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["result"] is None
