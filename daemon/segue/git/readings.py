"""What the flow files of a commit say: each file's claims to flows, and what is wrong with it.

A file that cannot be read - broken before its id, too large, a link, no longer a flow but nearly one - keeps the
claims it had: its flow's last good revision stays live, and the problem says why nothing new came.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from segue.engine.revisions import Claim
from segue.git.blobs import BLOB_SIZE_MAX, BlobMissing, BlobReader
from segue.git.history import TreeFile, file_at, last_commits_touching
from segue.git.identity import FlowText, Identity, Readable, Unreadable, read_identity
from segue.git.layout import (
    IGNORE_PATH,
    SETTINGS_PATH,
    FlowFile,
    Layout,
    NamespaceFile,
    PathMatcher,
    folder_warning,
    parse_ignores,
    parse_settings,
    refusal,
)
from segue.git.runner import GitError
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey
from segue.spec.unreadable import too_large

_LOOKED_BACK_MAX: Final = 50


class Reading(Struct, frozen=True):
    """What a file came to. `blob` tells whether it has to be read again."""

    blob: str
    mode: str
    claims: tuple[Claim, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_identities(reader: BlobReader, blobs: Iterable[str]) -> dict[str, Identity]:
    """The identity of each of these texts."""
    identities: dict[str, Identity] = {}
    try:
        for blob, data in reader.read_many(dict.fromkeys(blobs)):
            identities[blob] = _TOO_LARGE if data is None else read_identity(data, blob)
    except BlobMissing as error:
        raise GitError("cat-file", 0, f"fatal: missing blob {error.name}") from error
    return identities


def reading(
    file: TreeFile, matcher: PathMatcher, identities: Mapping[str, Identity], before: tuple[Claim, ...]
) -> Reading | None:
    """What this file says, given the claims that it had before; None for a file that is nothing to flows."""
    placed = matcher.classify(file.path)
    if not isinstance(placed, FlowFile | NamespaceFile):
        return None
    refused = refusal(file.path, file.mode)
    if refused is not None:
        return Reading(file.blob, file.mode, before if isinstance(placed, FlowFile) else (), (refused,))
    if isinstance(placed, NamespaceFile):
        return None
    identity = identities[file.blob]
    if isinstance(identity, Unreadable):
        return Reading(file.blob, file.mode, before, (identity.problem(file.path),))
    return _claims_of(file, identity, placed.namespace, before)


def needs_text(file: TreeFile, matcher: PathMatcher) -> bool:
    """Does it take the file's text to know what the file says?"""
    return isinstance(matcher.classify(file.path), FlowFile) and refusal(file.path, file.mode) is None


def layout_at(git_dir: Path, reader: BlobReader, commit_id: str) -> tuple[Layout, tuple[Problem, ...]]:
    """The layout that holds at a commit. Settings that cannot be read leave the last good ones in force."""
    layout = Layout()
    problems: tuple[Problem, ...] = ()
    for path in (SETTINGS_PATH, IGNORE_PATH):
        found = file_at(git_dir, commit_id, path)
        layout, wrong = layout_with(reader, layout, path, found)
        problems += wrong
        if wrong:
            layout = _last_good(git_dir, reader, layout, path, commit_id)
    return layout, problems


def layout_with(
    reader: BlobReader, layout: Layout, path: str, file: TreeFile | None
) -> tuple[Layout, tuple[Problem, ...]]:
    """The layout after this settings file became this; as it was, with problems, when the file cannot be read."""
    if file is None:
        return _without(layout, path), ()
    refused = refusal(path, file.mode)
    if refused is not None:
        return layout, (refused,)
    [(_, data)] = reader.read_many([file.blob])
    if data is None:
        return layout, (_TOO_LARGE.problem(path),)
    changed = _changed(layout, path, data.decode("utf-8", "replace"))
    if isinstance(changed, Problem):
        return layout, (changed,)
    return changed, ()


_TOO_LARGE: Final = Unreadable.of_fault("file-too-large", too_large(BLOB_SIZE_MAX))


def _claims_of(file: TreeFile, identity: Readable, folder: str | None, before: tuple[Claim, ...]) -> Reading:
    if identity.nearly and not identity.flows and before:
        return Reading(file.blob, file.mode, before, (_nearly(file.path, identity.nearly),))
    if any(flow.namespace is None and folder is None for flow in identity.flows):
        return Reading(file.blob, file.mode, before, (_no_namespace(file.path),))
    claims = tuple(_claim(file, flow, flow.namespace or folder or "") for flow in identity.flows)
    warnings = (folder_warning(file.path, folder, claim.key.namespace) for claim in claims)
    return Reading(file.blob, file.mode, claims, tuple(filter(None, warnings)))


def _claim(file: TreeFile, flow: FlowText, namespace: str) -> Claim:
    return Claim(FlowKey(namespace, flow.flow_id), file.path, flow.document, file.blob, flow.content)


def _nearly(path: str, missing: str) -> Problem:
    message = f"the file held a flow and has no top-level {missing} any more"
    hint = "put it back, or delete the file to retire the flow"
    return Problem(path=path, line=0, column=0, code="not-a-flow", message=message, hint=hint)


def _no_namespace(path: str) -> Problem:
    return Problem(
        path=path,
        line=0,
        column=0,
        code="missing-namespace",
        message="the flow names no namespace, and lies in no folder that would",
        hint="add `namespace:`, or move the file to flows/<namespace>/",
        severity=Severity.ERROR,
    )


def _without(layout: Layout, path: str) -> Layout:
    if path == IGNORE_PATH:
        return Layout(layout.flows_folder, layout.namespace)
    return Layout(ignored=layout.ignored)


def _changed(layout: Layout, path: str, text: str) -> Layout | Problem:
    if path == IGNORE_PATH:
        ignored = parse_ignores(text)
        return ignored if isinstance(ignored, Problem) else Layout(layout.flows_folder, layout.namespace, ignored)
    settings = parse_settings(text)
    return settings if isinstance(settings, Problem) else Layout(*settings, layout.ignored)


def _last_good(git_dir: Path, reader: BlobReader, layout: Layout, path: str, commit_id: str) -> Layout:
    for older in last_commits_touching(git_dir, commit_id, path, count=_LOOKED_BACK_MAX):
        found, wrong = layout_with(reader, layout, path, file_at(git_dir, older, path))
        if not wrong:
            return found
    return layout
