"""File triggers: one watcher for each live `segue.trigger.Files`; each batch of settled changes becomes an execution.

What the folder looked like at the last batch is kept with the trigger's state, in the transaction of the execution
itself: nothing is lost while the daemon is down, and nothing is told twice.
"""

import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from segue.engine.conditions import CannotTell, Circumstances, trigger_applies
from segue.engine.request import request_of
from segue.model.trigger import Files, Trigger
from segue.runtime.attending import Attending
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.runtime.starts import Wanted
from segue.runtime.trigger_states import TriggerScopes, TriggerStarts, TriggerStates
from segue.store.records import TriggerKey
from segue.triggers.files import Batch, FolderNotAllowed, folder_of, watch
from segue.triggers.snapshots import plain_snapshot, read_snapshot

_SNAPSHOT: Final = "snapshot"
_WATCHED: Final = "watched"  # the note that says for which folder and patterns the snapshot was made

_log = logging.getLogger("segue.file_triggers")


class FileTriggers:
    """All file triggers of the live flows."""

    def __init__(
        self,
        revisions: Revisions,
        states: TriggerStates,
        starts: TriggerStarts,
        loop: Loop,
        scopes: TriggerScopes,
        working_folder: Path,
        allowed: Sequence[Path] = (),
    ) -> None:
        self._revisions = revisions
        self._states = states
        self._starts = starts
        self._loop = loop
        self._scopes = scopes
        self._working_folder = working_folder
        self._allowed = allowed
        self._watching = Attending(revisions, states, Files, self._watch)

    def refresh(self, round_: Round) -> None:
        """Watch for the flows that are live now."""
        self._watching.refresh(round_)

    async def stop(self) -> None:
        await self._watching.stop()

    async def _watch(self, key: TriggerKey, files: Files) -> None:
        try:
            folder = folder_of(files, self._working_folder, self._allowed)
        except FolderNotAllowed as error:
            self._tell(key, str(error))
            return
        watched = f"{folder} {' '.join(files.glob)} {files.recursive}"
        state = self._states.get(key)
        is_known = state is not None and state.notes.get(_WATCHED) == watched
        known = read_snapshot(state.notes[_SNAPSHOT]) if state is not None and is_known else None
        async with contextlib.aclosing(watch(files, folder, known, partial(self._tell, key))) as batches:
            async for batch in batches:
                await self._loop.insist(partial(self._fire, key, watched, batch))

    def _fire(self, key: TriggerKey, watched: str, batch: Batch, round_: Round) -> None:
        deployed = self._revisions.live.find(key.namespace, key.flow_id)
        trigger = deployed.flow.trigger(key.trigger_id) if deployed is not None else None
        if deployed is None or trigger is None:
            return
        state = self._states.of(key, round_.at)
        notes = {**state.notes, _WATCHED: watched, _SNAPSHOT: plain_snapshot(batch.snapshot)}
        state = replace(state, notes=notes)
        if batch.changes and not state.is_disabled and self._start(round_, key, deployed, trigger, batch):
            state = replace(state, last_fired_at=round_.at)
        self._states.put(round_, state)

    def _start(self, round_: Round, key: TriggerKey, deployed: Deployed, trigger: Trigger, batch: Batch) -> bool:
        variables = batch.variables
        circumstances = Circumstances(
            scope=self._scopes.of(deployed, trigger.id, round_.at),
            namespace=key.namespace,
            flow_id=key.flow_id,
        ).with_trigger(variables)
        request = request_of(trigger, variables, circumstances.scope)
        try:
            if not trigger_applies(trigger, circumstances):
                return False
        except CannotTell as error:
            self._starts.fail(round_, key, Wanted(flow=deployed.key, trigger=request.trigger), str(error))
            return True
        made = self._starts.start(round_, key, request)
        _log.info("file_trigger.fired trigger=%s files=%d execution=%s", key, len(batch.changes), made and made.id)
        return True

    def _tell(self, key: TriggerKey, sentence: str) -> None:
        _log.info("file_trigger trigger=%s: %s", key, sentence)
        self._loop.do(lambda round_: self._starts.log(round_, key, "INFO", sentence))
