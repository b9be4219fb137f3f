"""The process that runs flow tests for a daemon: `python -m segue.runtime.test_process`.

It is told what to run by a line of JSON on its standard input, and answers with one on its standard output. It lives as
long as the input stays open: it ends with the daemon, whatever happens to that. Its own daemon, for the one commit, has a
data folder of its own, so that nothing of a test comes into the other's.
"""

import asyncio
import json
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import uvloop

from segue.git.blobs import BlobMissing
from segue.git.runner import GitError
from segue.git.snapshot import BRANCH, snapshot_of
from segue.model.flow_test import Case, CaseResult, Suite, SuiteKey
from segue.runtime.local import SourceUnreadable, local_segue
from segue.runtime.settings import BadSetting
from segue.runtime.suites import loaded_at
from segue.runtime.testing import RunOptions, run_suites
from segue.storage.storage import StorageFailure
from segue.store.errors import StoreError
from segue.web.suite_shapes import suite_json

_REQUEST_BYTES_MAX: Final = 16 << 20


class _Unwatched:
    """`testing.Watcher` for whom the results at the end are enough."""

    def case_begins(self, suite: Suite, case: Case) -> None: ...
    def case_ended(self, suite: Suite, case: CaseResult) -> None: ...


async def answer(request: Mapping[str, Any], told: asyncio.Event) -> None:
    """Write `{"results": [...]}`, or `{"error": "why there are none"}`; as soon as it is known, before all is put away."""
    folder = Path(request["folder"])
    try:
        await _run(request, folder, told)
    except (BadSetting, GitError, BlobMissing, StoreError, StorageFailure, SourceUnreadable, OSError) as error:
        _write({"error": str(error)})
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # who asked does so too, but may be gone


async def _run(request: Mapping[str, Any], folder: Path, told: asyncio.Event) -> None:
    mirror, commit = Path(request["mirror"]), str(request["commit"])
    source = await asyncio.to_thread(snapshot_of, mirror, commit, folder / "source.git")
    options = RunOptions(at_once=int(request["at_once"]), seconds=float(request["seconds"]))
    async with local_segue(
        source=source.git_dir, branch=BRANCH, data=folder / "data", flags=request["flags"], environment=os.environ
    ) as segue:
        under = segue.foundation
        loaded = await asyncio.to_thread(loaded_at, under.mirror.git_dir, under.blobs, segue.revisions.live.commit)
        wanted = {SuiteKey(namespace, suite_id) for namespace, suite_id in request["suites"]}
        suites = [each.suite for each in loaded if each.suite is not None and each.suite.key in wanted]
        _write({"results": [suite_json(each) for each in await run_suites(segue, suites, options, _Unwatched())]})
        told.set()


def _write(said: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(said, default=str) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Answer the one request; give up when nobody waits for the answer any more."""
    reader = asyncio.StreamReader(limit=_REQUEST_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    told = asyncio.Event()
    answering = asyncio.create_task(answer(json.loads(await reader.readline()), told))
    abandoned = asyncio.create_task(reader.read())
    await asyncio.wait({answering, abandoned}, return_when=asyncio.FIRST_COMPLETED)
    if not told.is_set():  # else it only puts away what it used
        answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    abandoned.cancel()
    await asyncio.gather(abandoned, return_exceptions=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
