"""Tasks beyond the core, in the running daemon: what needs more of it than a worker."""

import json
from pathlib import Path

from tests.support.daemon import running
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
