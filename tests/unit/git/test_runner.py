import os
import stat
import subprocess
from pathlib import Path

import pytest
from segue.git.environment import local_environment, transfer_environment
from segue.git.names import parse_source
from segue.git.runner import GitError, GitTimeout, git_command, git_error, run_git, stream_git

from tests.support.repositories import Repository
from tests.support.waiting import wait_until


def test_git_sees_none_of_our_variables_but_the_few_it_needs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("SECRET_DATABASE", "hidden")
    environment = local_environment()
    assert "GIT_DIR" not in environment
    assert "SECRET_DATABASE" not in environment
    assert environment["GIT_CONFIG_COUNT"] == "0"
    assert environment["GIT_CONFIG_NOSYSTEM"] == "1"
    assert environment["GIT_CONFIG_GLOBAL"] == os.devnull
    assert environment["GIT_TERMINAL_PROMPT"] == "0"


def test_a_token_is_in_the_environment_and_not_on_the_command_line():
    source = parse_source("https://ada:s3cret@git.example.com/flows.git")
    environment = transfer_environment(source)
    header = next(value for value in environment.values() if value.startswith("Authorization"))
    assert header.removeprefix("Authorization: Basic ") in source.credentials.secrets
    assert "s3cret" not in " ".join(git_command(None, ("fetch", "--", source.location)))


def test_only_some_protocols_are_allowed(tmp_path: Path):
    with pytest.raises(GitError, match="not allowed"):
        run_git(None, "ls-remote", "--", f"ext::sh -c touch% {tmp_path}/ran")
    assert not (tmp_path / "ran").exists()


def test_an_error_tells_command_code_and_reason(tmp_path: Path):
    with pytest.raises(GitError) as failed:
        run_git(tmp_path, "rev-parse", "HEAD")
    assert failed.value.command == "rev-parse"
    assert failed.value.exit_code == 128
    assert "not a git repository" in str(failed.value)
    assert failed.value.is_damage


def test_an_error_holds_no_secret_and_no_escape_sequence():
    error = git_error("fetch", 128, b"fatal: https://ada:s3cret@host/x: t0ken\x1b[31m refused", ("t0ken",))
    assert str(error) == "git fetch: https://host/x: *** [31m refused"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("fatal: detected dubious ownership in repository at '/srv/x'", "belongs to another user"),
        ("Host key verification failed.", "known hosts"),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", "user and password or token"),
        ("git@x: Permission denied (publickey).", "ssh key"),
    ],
)
def test_an_error_that_we_know_says_what_helps(said: str, hint: str):
    assert hint in git_error("fetch", 128, said, ()).hint


def test_a_command_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path):
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/child\nwait\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    path = os.environ["PATH"]
    environment = local_environment() | {"PATH": f"{program.parent}:{path}"}
    with pytest.raises(GitTimeout, match="longer than 1 s"):
        # subprocess looks the program up in the environment that it is given
        run_git(None, "status", timeout=1, environment=environment)
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not _is_running(child), what="the child to end", seconds=5)


def test_a_stream_can_be_left_early(repository: Repository):
    repository.commit_flow()
    chunks = stream_git(repository.path / ".git", "cat-file", "--batch-all-objects", "--batch")
    assert next(chunks)
    chunks.close()  # type: ignore[attr-defined]


def test_a_stream_that_fails_says_so(repository: Repository):
    with pytest.raises(GitError):
        list(stream_git(repository.path / ".git", "log", "nothing"))


def test_hooks_and_monitors_of_a_repository_do_not_run(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    marker = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "diff.external", "uploadpack.packObjectsHook", "core.sshCommand"):
        repository.git("config", key, str(program))
    subprocess.run(["cp", str(program), str(repository.path / ".git" / "post-index-change")], check=True)
    git_dir = repository.path / ".git"
    run_git(git_dir, "rev-parse", "HEAD")
    run_git(git_dir, "log", "-1", "--raw")
    run_git(None, "ls-remote", "--", str(repository.path))
    assert not marker.exists()


def _is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
