"""Files that are no good, committed to a repository that a daemon follows: each is a Problem with its place and words that
help, nothing else suffers by it, and the daemon goes on serving."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.support.daemon import Daemon, running
from tests.support.repositories import flow_text

LOG: Final = "  - id: log\n    type: io.kestra.plugin.core.log.Log\n    message: Hello\n"
BOMB: Final = "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9 if level else ['lol'] * 9)}]\n" for level in range(9)
)


@dataclass(frozen=True, slots=True)
class Bad:
    """A file's text, and what is said of it. A `place` of zeros is that of the file as a whole."""

    text: str
    code: str
    place: tuple[int, int]
    words: tuple[str, ...]


def a_flow(flow_id: str, tasks: str = LOG, more: str = "", namespace: str = "company.team") -> str:
    return f"id: {flow_id}\nnamespace: {namespace}\n{more}tasks:\n{tasks}"


BAD: Final = {
    "broken-yaml": Bad("id: broken-yaml\ntasks: [\n", "yaml-syntax", (3, 1), ("close the bracket",)),
    "open-quote": Bad(
        "id: open-quote\ntasks:\n- id: 'a\n", "yaml-syntax", (4, 1), ("begins in line 3", "close the quote")
    ),
    "tab": Bad("id: tab\ntasks:\n\t- id: a\n", "yaml-syntax", (3, 1), ("cannot start any token", "not tabs")),
    "unknown-key": Bad(
        a_flow("unknown-key", more="descripton: x\n"), "unknown-key", (3, 1), ("descripton", "description")
    ),
    "unknown-task-key": Bad(
        a_flow("unknown-task-key", LOG + "    mesage: x\n"), "unknown-key", (7, 5), ("mesage", "message")
    ),
    "unknown-type": Bad(
        a_flow("unknown-type", LOG.replace("log.Log", "log.Logg")), "unknown-type", (5, 11), ("log.Logg", "log.Log")
    ),
    "duplicate-ids": Bad(
        a_flow("duplicate-ids", LOG + LOG), "duplicate-task-id", (7, 9), ("log", "tasks[1] has that of tasks[0]")
    ),
    "duplicate-key": Bad(
        a_flow("duplicate-key", more="id: again\n"),
        "duplicate-key",
        (3, 1),
        ("'id'", "twice", "the first is in line 1"),
    ),
    "cyclic-variables": Bad(
        a_flow("cyclic-variables", more='variables:\n  one: "{{ vars.two }}"\n  two: "{{ vars.one }}"\n'),
        "cyclic-variables",
        (4, 8),
        ("one -> two -> one", "write out"),
    ),
    "large": Bad(
        a_flow("large", more="# " + "x" * (2 << 20) + "\n"), "file-too-large", (0, 0), ("1,048,576 bytes", "_files")
    ),
    "bomb": Bad(BOMB + a_flow("bomb"), "too-many-nodes", (1, 5), ("100,000 values", "alias")),
    "deep": Bad("id: deep\ntasks: " + "[" * 500 + "]" * 500 + "\n", "too-deep", (2, 70), ("levels",)),
    "no-tasks": Bad("id: no-tasks\nnamespace: company.team\ntasks: []\n", "invalid-value", (3, 8), ("empty",)),
    "bad-cron": Bad(
        a_flow(
            "bad-cron",
            more="triggers:\n  - id: at\n    type: io.kestra.plugin.core.trigger.Schedule\n    cron: 61 * * * *\n",
        ),
        "invalid-cron",
        (6, 11),
        ("61",),
    ),
}
# Live, with a warning.
DISAGREES: Final = "flows/company.team/disagrees.yaml"


def path_of(name: str) -> str:
    return f"flows/company.team/{name}.yaml"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Its repository first holds good flows of these names, then they are all replaced by what is bad, in one commit."""
    good = {path_of(name): flow_text(name, message="Good") for name in ["good", *BAD]}
    environment = {"SEGUE_ALLOW_PRUNE": "true"}
    with running(tmp_path_factory.mktemp("bad-files"), good, environment=environment) as daemon:
        daemon.repository.commit({path_of(name): bad.text for name, bad in BAD.items()})
        daemon.repository.commit({DISAGREES: a_flow("disagrees", namespace="company.sales")})
        daemon.sync()
        yield daemon


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_with_its_place(daemon: Daemon, name: str) -> None:
    bad = BAD[name]
    found = daemon.problems(path_of(name))
    assert [each["code"] for each in found] == [bad.code], found
    (problem,) = found
    said = f"{problem['message']} {problem['hint']}"
    assert all(word in said for word in bad.words), said
    assert problem["severity"] == "error"
    assert (problem["line"], problem["column"]) == bad.place


@pytest.mark.parametrize("name", BAD)
def test_the_last_good_revision_stays_live(daemon: Daemon, name: str) -> None:
    execution = daemon.run(name)
    assert (execution.state, daemon.logs(execution)) == ("SUCCESS", ["Good"])


def test_an_expression_that_can_only_fail_is_a_warning_and_fails_when_it_is_needed(daemon: Daemon) -> None:
    text = a_flow("bad-expression", LOG.replace("Hello", '"{{ now( }}"'))
    daemon.repository.commit({path_of("bad-expression"): text})
    daemon.sync()
    (problem,) = daemon.problems(path_of("bad-expression"))
    assert (problem["code"], problem["severity"], problem["line"]) == ("expression-syntax", "warning", 6)
    assert daemon.run("bad-expression").state == "FAILED"


def test_a_namespace_that_disagrees_with_its_folder_is_taken_as_it_says_with_a_warning(daemon: Daemon) -> None:
    (problem,) = daemon.problems(DISAGREES)
    assert (problem["code"], problem["severity"]) == ("namespace-folder", "warning")
    assert "company.sales" in problem["message"]
    assert "company.team" in problem["message"]
    assert daemon.run("company.sales/disagrees").state == "SUCCESS"


def test_the_page_shows_the_problem_and_where(daemon: Daemon) -> None:
    page = daemon.http.get("/git").text
    assert f"{path_of('unknown-key')}:3:1" in page


def test_a_flow_of_the_same_name_in_another_file_is_refused_and_the_first_stays(daemon: Daemon) -> None:
    daemon.repository.commit({path_of("twin"): flow_text("good", message="Twin")})
    daemon.sync()
    (problem,) = daemon.problems(path_of("twin"))
    assert problem["code"] == "duplicate-flow"
    assert path_of("good") in problem["message"]
    assert daemon.logs(daemon.run("good")) == ["Good"]


def test_bad_settings_of_the_repository_leave_its_flows_as_they_are(daemon: Daemon) -> None:
    daemon.repository.commit({"segue.yaml": "flows: [\n"})
    daemon.sync()
    assert [each["path"] for each in daemon.problems("segue.yaml")] == ["segue.yaml"]
    assert daemon.run("good").state == "SUCCESS"


@pytest.mark.parametrize("kind", ["fifo-like name", "binary", "not UTF-8"])
def test_a_file_that_is_no_text_harms_nothing(daemon: Daemon, kind: str) -> None:
    content: dict[str, Any] = {
        "fifo-like name": {"flows/company.team/-rf; $(x) \n.yaml": "id: odd\n"},
        "binary": {path_of("binary"): bytes(range(256))},
        "not UTF-8": {path_of("latin"): "id: caf\xe9\ntasks: []\n".encode("latin-1")},
    }
    daemon.repository.commit(content[kind])
    daemon.sync()
    assert daemon.run("good").state == "SUCCESS"


def test_a_webhook_with_a_wrong_key_is_answered_as_a_flow_that_is_not_there(daemon: Daemon) -> None:
    hook = "triggers:\n  - id: hook\n    type: io.kestra.plugin.core.trigger.Webhook\n    key: right-key\n"
    daemon.repository.commit({path_of("hooked"): a_flow("hooked", more=hook)})
    daemon.sync()
    wrong = daemon.webhook("hooked", "wrong-key", {}, status=404)
    nowhere = daemon.webhook("no-such-flow", "wrong-key", {}, status=404)
    assert wrong["message"] == nowhere["message"]
    assert "right-key" not in str(wrong)
    assert daemon.executions("hooked") == []
    assert daemon.ended(daemon.webhook("hooked", "right-key", {})["id"]).state == "SUCCESS"


def test_starting_a_flow_that_was_never_live_says_what_keeps_it(daemon: Daemon) -> None:
    daemon.repository.commit({path_of("stillborn"): a_flow("stillborn", LOG + "    mesage: x\n")})
    daemon.sync()
    said = daemon.call("POST", "/executions/company.team/stillborn", status=404)["message"]
    assert "'company.team.stillborn' not found: it was never live" in said
    assert f"{path_of('stillborn')}:7:5 unknown-key" in said
    assert daemon.call("POST", "/executions/company.team/nothing", status=404)["message"].endswith("not found")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ("`name`", "missing required input")),
        ({"name": "Ada", "count": "two"}, ("`count`", "`INT`", "`two`")),
        ({"name": "Ada", "count": "1"}, ("`count`", "`3`", "`1`")),
    ],
    ids=["missing", "wrong type", "out of range"],
)
def test_an_input_that_will_not_do_is_named_with_what_was_expected(
    daemon: Daemon, given: dict[str, str], words: tuple[str, ...]
) -> None:
    inputs = "inputs:\n  - {id: name, type: STRING}\n  - {id: count, type: INT, min: 3, required: false}\n"
    daemon.repository.commit({path_of("asks"): a_flow("asks", more=inputs)})
    daemon.sync()
    parts = {name: (None, value) for name, value in given.items()}
    said = daemon.call("POST", "/executions/company.team/asks", files=parts or None, status=422)["message"]
    assert all(word in said for word in words), said
    assert daemon.get("/executions/search", flowId="asks")["total"] == 0
