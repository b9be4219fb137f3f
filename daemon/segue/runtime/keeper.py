"""Keeps the commits that executions ran at: a ref in the mirror for each, so that whatever becomes of the source's
history, an old execution can be read and replayed.
"""

import asyncio
import logging
from typing import Final

from segue.git.mirror import Mirror
from segue.git.runner import GitError
from segue.model.state import State
from segue.runtime.live import Live
from segue.runtime.round import Round

_REMEMBERED_MAX: Final = 10_000

_log = logging.getLogger("segue.git")


class Keeper:
    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._kept: dict[str, None] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def on_move(self, round_: Round, live: Live, _state: State) -> None:
        commit = live.execution.commit
        if commit in self._kept or not commit:
            return
        self._kept[commit] = None
        if len(self._kept) > _REMEMBERED_MAX:
            del self._kept[next(iter(self._kept))]
        round_.then(lambda: self._keep_later(commit))

    def _keep_later(self, commit: str) -> None:
        task = asyncio.get_running_loop().create_task(self._keep(commit))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _keep(self, commit: str) -> None:
        try:
            await asyncio.to_thread(self._mirror.keep, [commit])
        except (GitError, OSError) as error:
            self._kept.pop(commit, None)
            _log.warning("git.not_kept commit=%s error=%s", commit, error)
