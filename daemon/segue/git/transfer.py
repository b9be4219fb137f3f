"""Talking to the source: what it has (`ls-remote`), and bringing it here (`fetch`).

A folder on this machine is fetched by our runner. A URL is fetched by GitPython, which knows how to read git's
progress. GitPython hands its process the whole of our environment, secrets and `GIT_DIR` and all, and can only add to it;
so its command line starts with `env -u NAME ...` for every variable that git must not see. Its own `Remote` is not
used: it needs a configured remote in the mirror and takes options from keyword arguments, which is where nearly all
of its security advisories come from.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from git.cmd import Git, handle_process_output
from git.exc import GitCommandError
from git.util import RemoteProgress
from msgspec import Struct

from segue.git.environment import foreign_variables, transfer_environment
from segue.git.names import Source
from segue.git.runner import GitError, GitTimeout, git_command, git_error, run_git

LIST_TIMEOUT_SECONDS: Final = 60.0
FETCH_TIMEOUT_SECONDS: Final = 1800.0

_FETCH: Final = (
    "fetch",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
    "--update-shallow",  # a source that is itself a shallow clone (CI) has a short history, not an error
    "--force",
)


class Progress(Struct, frozen=True):
    """How far a fetch is: `stage` in git's words ("Receiving objects"), `done` of `total` where it says so."""

    stage: str
    done: int
    total: int | None


ProgressListener = Callable[[Progress], None]


class RemoteRefs(Struct, frozen=True):
    """What the source answered: ref name -> id, and the ref that its HEAD points to, when it says."""

    ids: Mapping[str, str]
    head_ref: str | None


def list_refs(source: Source, *patterns: str, global_config: Path | None = None) -> RemoteRefs:
    output = run_git(
        None,
        *("ls-remote", "--symref", "--", source.location, *patterns),
        timeout=LIST_TIMEOUT_SECONDS,
        environment=transfer_environment(source, global_config=global_config),
        secrets=source.credentials.secrets,
    )
    ids: dict[str, str] = {}
    head_ref = None
    for line in output.decode("utf-8", "surrogateescape").splitlines():
        value, _, name = line.partition("\t")
        if not value.startswith("ref: "):
            ids[name] = value
        elif name == "HEAD":
            head_ref = value.removeprefix("ref: ")
    return RemoteRefs(ids, head_ref)


def fetch_ref(
    git_dir: Path,
    source: Source,
    refspec: str,
    *,
    listener: ProgressListener | None = None,
    global_config: Path | None = None,
    timeout: float,
) -> None:
    """Bring one ref of the source into the repository at `git_dir`."""
    environment = transfer_environment(source, global_config=global_config)
    if source.local_path is not None and not source.location.startswith("file://"):
        arguments = (*_FETCH, "--quiet", "--", source.location, refspec)
        run_git(git_dir, *arguments, timeout=timeout, environment=environment)
        return
    arguments = (*_FETCH, "--progress", "--", source.location, refspec)
    _fetch_with_progress(git_command(git_dir, arguments), environment, source, listener, timeout)


class _Progress(RemoteProgress):
    """GitPython's reader of progress lines, passing on what it understood as values of ours."""

    def __init__(self, listener: ProgressListener | None) -> None:
        super().__init__()
        self._listener = listener

    def update(
        self,
        op_code: int,
        cur_count: str | float,
        max_count: str | float | None = None,
        message: str = "",  # noqa: ARG002 - the signature is GitPython's
    ) -> None:
        if self._listener is not None:
            stage = _STAGES.get(op_code & self.OP_MASK, "Working")
            self._listener(Progress(stage, int(float(cur_count or 0)), int(float(max_count)) if max_count else None))


_STAGES: Final = {
    RemoteProgress.COUNTING: "Counting objects",
    RemoteProgress.COMPRESSING: "Compressing objects",
    RemoteProgress.RECEIVING: "Receiving objects",
    RemoteProgress.RESOLVING: "Resolving deltas",
    RemoteProgress.FINDING_SOURCES: "Finding sources",
}


def _fetch_with_progress(
    command: list[str],
    environment: dict[str, str],
    source: Source,
    listener: ProgressListener | None,
    timeout: float,
) -> None:
    hidden = [word for name in foreign_variables(environment) for word in ("-u", name)]
    process: Any = Git("/").execute(
        ["env", *hidden, *command],
        env=environment,
        as_process=True,
        universal_newlines=True,  # git ends progress lines with a carriage return
        errors="replace",  # a server may say anything
        start_new_session=True,  # so that the ssh or https helper can be ended with it
    )
    progress = _Progress(listener)
    overdue = threading.Event()
    limit = threading.Timer(timeout, _end_overdue, (process.pid, overdue))
    limit.daemon = True
    limit.start()
    try:
        handle_process_output(process, None, progress.new_message_handler(), decode_streams=False)
        process.wait()
    except GitCommandError as error:
        raise _fetch_error(error, progress, source, timed_out=overdue.is_set(), timeout=timeout) from None
    finally:
        limit.cancel()
        _end_group(process.pid)


def _fetch_error(
    error: GitCommandError, progress: RemoteProgress, source: Source, *, timed_out: bool, timeout: float
) -> GitError:
    if timed_out:
        return GitTimeout("fetch", -signal.SIGKILL, f"took longer than {timeout:g} s")
    status = error.status if isinstance(error.status, int) else 1
    said = "\n".join([*progress.other_lines, *progress.error_lines])
    return git_error("fetch", status, said, source.credentials.secrets)


def _end_overdue(process_id: int, overdue: threading.Event) -> None:
    overdue.set()
    _end_group(process_id)


def _end_group(process_id: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGKILL)
