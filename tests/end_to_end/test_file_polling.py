"""Triggers that look into a folder again and again, in the running daemon."""

import re
from collections import Counter
from pathlib import Path

from tests.support.client import ShownExecution
from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

FILES = 8
FLOW = """\
id: {id}
namespace: company.team
tasks:
  - {{id: say, type: io.kestra.plugin.core.log.Log, message: "{{{{ read(trigger.files[0].uri) }}}}"}}
triggers:
  - id: look
    type: io.kestra.plugin.fs.local.Trigger
    from: {folder}
    interval: PT0.1S
    allowConcurrent: true
{more}
"""


def flow(name: str, folder: Path, *more: str) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    lines = "\n".join(f"    {line}" for line in more)
    return {f"flows/company.team/{name}.yaml": FLOW.format(id=name, folder=folder, more=lines)}


def names(execution: ShownExecution) -> list[str]:
    return [each["name"] for each in execution.trigger["files"]]


def ended(daemon: Daemon, flow_id: str, count: int) -> list[ShownExecution]:
    def look() -> list[ShownExecution] | None:
        found = daemon.executions(flow_id)
        return found if len(found) >= count and all(each.is_final for each in found) else None

    return wait_until(look, what=f"{count} executions of {flow_id}", seen=daemon.output)


def test_files_are_given_and_moved_and_triggers_of_one_name_share_what_they_remember(tmp_path: Path) -> None:
    inbox, shared, done = tmp_path / "inbox", tmp_path / "shared", tmp_path / "done"
    files = {
        **flow("mover", inbox, "action: MOVE", f"moveDirectory: {done}"),
        **flow("first", shared, 'stateKey: "{{ flow.namespace }}-files"'),
        **flow("second", shared, "stateKey: company.team-files"),
        **flow("wrong", inbox, 'stateKey: "{{ nobody }}"'),
        **flow("skipped", shared, 'when: "{{ trigger.count > 1 }}"', "action: DELETE"),
    }
    with running(tmp_path, files) as daemon:
        (inbox / "a.txt").write_text("hello")
        (shared / "b.txt").write_text("once")
        execution = ended(daemon, "mover", 1)[0]
        assert daemon.logs(execution) == ["hello"]
        assert execution.trigger["files"][0]["localPath"] == str(done / "a.txt")
        assert (done / "a.txt").read_text() == "hello"

        wait_until(
            lambda: daemon.executions("first") or daemon.executions("second"),
            what="the shared file to be given",
            seen=daemon.output,
        )
        (shared / "c.txt").write_text("a later one")
        wait_until(
            lambda: len(daemon.executions("first") + daemon.executions("second")) == 2,
            what="the later file to be given",
            seen=daemon.output,
        )
        assert (shared / "b.txt").exists(), "`when` did not hold: the file stays"
        assert re.match("stateKey: .*nobody", daemon.trigger_logs("wrong", "look")[0])


def test_a_crash_neither_loses_a_file_that_is_deleted_nor_gives_it_twice(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    with running(tmp_path, flow("taker", folder, "action: DELETE", "maxFiles: 1")) as daemon:
        for number in range(FILES):
            (folder / f"f{number}").write_text(str(number))
        wait_until(lambda: len(daemon.executions("taker")) >= 3, what="some of them", seen=daemon.output)
        daemon.kill_hard()
        daemon.start_process()
        given = ended(daemon, "taker", FILES)
        assert Counter(name for each in given for name in names(each)) == {f"f{number}": 1 for number in range(FILES)}
        assert list(folder.iterdir()) == []
