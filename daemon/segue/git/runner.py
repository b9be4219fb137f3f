"""One git process: argument lists, a clean environment, a time limit, and an error that tells what happened.

Every git that this program starts is started here (GitPython starts those that talk to a URL, from `transfer`, with
the same arguments and environment). Readers of the object store name the repository by `--git-dir`, so git never
looks for one around the current folder.
"""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from segue.git.environment import SETTINGS, local_environment
from segue.git.names import redact

TIMEOUT_SECONDS: Final = 60.0
STDERR_LENGTH_MAX: Final = 8192
_CHUNK_SIZE: Final = 1 << 18

_DAMAGE: Final = re.compile(
    r"bad object|missing (blob|tree|commit)|corrupt|unable to read|inflate|is empty|not a git repository|"
    r"bad tree object|could not (read|parse)|bad signature|index file .* (too small|is corrupt)|unable to find|invalid object|"
    r"the reader ended twice in a row"
)
_DUBIOUS: Final = re.compile(r"detected dubious ownership in repository at '([^']*)'")
_TIMED_OUT: Final = -signal.SIGKILL


class GitError(Exception):
    """A git command that did not succeed. `stderr` and the message hold no secret."""

    def __init__(self, command: str, exit_code: int, stderr: str, hint: str = "") -> None:
        reason = _last_words(stderr) or f"exit code {exit_code}"
        super().__init__(f"git {command}: {reason}" + (f" ({hint})" if hint else ""))
        self.command = command
        self.exit_code = exit_code
        self.stderr = stderr
        self.hint = hint

    @property
    def is_damage(self) -> bool:
        """Does the repository itself look broken - so that for our mirror a fresh one would help?"""
        return _DAMAGE.search(self.stderr) is not None and not self.is_refusal

    @property
    def is_refusal(self) -> bool:
        """Does git refuse to read a repository of somebody else?"""
        return _DUBIOUS.search(self.stderr) is not None


class GitTimeout(GitError):
    """A git command that was ended because it took too long."""


def git_command(git_dir: Path | None, arguments: Iterable[str]) -> list[str]:
    """The whole command line, with our settings before the subcommand."""
    place = [f"--git-dir={git_dir}"] if git_dir is not None else []
    settings = [word for key, value in SETTINGS for word in ("-c", f"{key}={value}")]
    return ["git", *place, "--no-replace-objects", "--literal-pathspecs", *settings, *arguments]


def run_git(
    git_dir: Path | None,
    *arguments: str,
    timeout: float = TIMEOUT_SECONDS,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: Collection[str] = (),
    accepts: Collection[int] = (0,),
) -> bytes:
    """What git printed. Raises GitError unless it ends with one of the accepted exit codes."""
    has_stdin = stdin is not None
    with start_git(
        git_dir, *arguments, environment=environment, stderr=subprocess.PIPE, has_stdin=has_stdin
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise GitTimeout(arguments[0], _TIMED_OUT, f"took longer than {timeout:g} s") from None
        finally:
            end_group(process)
    if process.returncode not in accepts:
        raise git_error(_command_of(arguments), process.returncode, stderr, secrets)
    assert isinstance(stdout, bytes)
    return stdout


def stream_git(git_dir: Path, *arguments: str, timeout: float = TIMEOUT_SECONDS) -> Iterator[bytes]:
    """What git prints, in chunks while it prints, for output too large to wait for."""
    with tempfile.TemporaryFile() as errors:
        process = start_git(git_dir, *arguments, stderr=errors)
        assert process.stdout is not None
        limit = threading.Timer(timeout, end_group, (process,))
        limit.daemon = True
        limit.start()
        try:
            while chunk := os.read(process.stdout.fileno(), _CHUNK_SIZE):
                yield chunk
            exit_code = process.wait()
        finally:
            limit.cancel()
            end_group(process)
            process.stdout.close()
        if exit_code == _TIMED_OUT:
            raise GitTimeout(arguments[0], exit_code, f"took longer than {timeout:g} s")
        if exit_code != 0:
            errors.seek(0)
            raise git_error(arguments[0], exit_code, errors.read(STDERR_LENGTH_MAX), ())


def start_git(
    git_dir: Path | None,
    *arguments: str,
    stderr: int | IO[bytes],
    environment: Mapping[str, str] | None = None,
    has_stdin: bool = False,
) -> "subprocess.Popen[bytes]":
    """A running git in a process group of its own, so that the ssh or https helper it starts ends with it."""
    return subprocess.Popen(
        git_command(git_dir, arguments),
        stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=local_environment() if environment is None else environment,
        cwd="/",
        start_new_session=True,
    )


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End the process and what it started, if it still runs, and reap it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _command_of(arguments: Sequence[str]) -> str:
    """The word that says what git was to do, after the settings that stand before it."""
    place = 0
    while place + 2 < len(arguments) and arguments[place] in {"-c", "-C"}:
        place += 2
    return arguments[place]


def git_error(command: str, exit_code: int, stderr: bytes | str, secrets: Collection[str]) -> GitError:
    """The error for what git said, with secrets taken out and, where we know what helps, a hint."""
    text = stderr.decode("utf-8", "replace") if isinstance(stderr, bytes) else stderr
    clean = redact(text[-STDERR_LENGTH_MAX:])
    for secret in secrets:
        clean = clean.replace(secret, "***")
    clean = "".join(character if character.isprintable() or character == "\n" else " " for character in clean)
    return GitError(command, exit_code, clean, _hint(clean))


def _hint(stderr: str) -> str:
    dubious = _DUBIOUS.search(stderr)
    if dubious:
        return (
            f"{dubious.group(1)} belongs to another user; run segue as its owner, or declare it as trusted: "
            f"git config --global --add safe.directory {dubious.group(1)}"
        )
    if "Host key verification failed" in stderr:
        return "the host is not in the known hosts, or its key has changed; check the key, then add it with ssh-keyscan"
    if (
        "terminal prompts disabled" in stderr
        or "Authentication failed" in stderr
        or "could not read Username" in stderr
    ):
        return "the source wants a user and password or token, or refuses the ones given"
    if "Permission denied (publickey" in stderr:
        return "the host does not accept this ssh key"
    return ""


def _last_words(stderr: str) -> str:
    """The line that says most: the last `fatal:` or `error:`, else the last line there is."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
    best = (told or lines or [""])[0 if told else -1]
    return best.removeprefix("fatal: ").removeprefix("error: ")
