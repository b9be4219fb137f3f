"""Tasks beyond the core, in the running daemon: what needs more of it than a worker."""

import json
from pathlib import Path

from tests.support.daemon import running
from tests.support.repositories import Repository
from tests.unit.tasks.plugins.conftest import Chat, chat  # noqa: F401 - a fixture

TOLD = """\
id: told
namespace: company.team
inputs:
  - {{id: address, type: STRING, defaults: "{url}"}}
tasks:
  - {{id: work, type: io.kestra.plugin.core.log.Log, message: hi}}
  - id: fail
    type: io.kestra.plugin.core.execution.Fail
errors:
  - id: tell
    type: io.kestra.plugin.notifications.slack.SlackExecution
    url: "{{{{ inputs.address }}}}"
    customMessage: "Look at {{{{ flow.id }}}}"
    customFields: {{Shop: 7}}
"""


def test_an_execution_is_told_while_it_fails(tmp_path: Path, chat: Chat) -> None:  # noqa: F811
    flow = TOLD.format(url=f"{chat.url}/hook")
    with running(tmp_path, {"flows/company.team/told.yaml": flow}) as daemon:
        execution = daemon.run("told")
        assert [run.state for run in execution.runs] == ["SUCCESS", "FAILED", "SUCCESS"], daemon.logs(execution)
    message = json.loads(chat.received[0].body)
    fields = {each["title"]: each["value"] for each in message["attachments"][0]["fields"]}
    assert (fields["Flow"], fields["Execution"], fields["Failed task"]) == ("told", execution.id, "fail")
    assert fields["Shop"] == "7"
    assert message["text"].endswith("Look at told")


PUSHED = """\
id: pushed
namespace: company.team
tasks:
  - {{id: look, type: io.kestra.plugin.git.PushNamespaceFiles, {common}, dryRun: true}}
  - {{id: push, type: io.kestra.plugin.git.PushNamespaceFiles, {common}, commitMessage: "from {{{{ flow.id }}}}"}}
"""


def test_namespace_files_are_pushed_to_another_repository(tmp_path: Path) -> None:
    remote = Repository(tmp_path / "remote.git", bare=True)
    common = f'url: "{remote.path}", branch: main, files: "**/*.sql", gitDirectory: scripts'
    files = {
        "flows/company.team/pushed.yaml": PUSHED.format(common=common),
        "flows/company.team/_files/sql/a.sql": "SELECT 1",
        "flows/company.team/_files/other.txt": "not this",
    }
    with running(tmp_path, files) as daemon:
        execution = daemon.run("pushed")
        assert execution.state == "SUCCESS", daemon.logs(execution)
    assert execution.run_of("look").outputs["files"] == ["scripts/sql/a.sql"]
    commit = execution.run_of("push").outputs["commitId"]
    assert remote.git("log", "--format=%H %s", "main").strip() == f"{commit} from pushed"
    assert remote.git("ls-tree", "-r", "--name-only", "main").split() == ["scripts/sql/a.sql"]
