"""Questions about what Git holds: namespace files, and flows brought in one after the other. Put to real repositories."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from segue.git.blobs import BlobReader
from segue.git.identity import document_text
from segue.git.mirror import open_mirror
from segue.git.names import parse_source
from segue.git.namespace_files import NamespaceFiles
from segue.git.sync import Checkpoint, survey
from segue.model.revision import FlowKey
from segue.spec.loader import Loaded, load_flow
from segue.storage import address as addresses
from segue.storage.address import AddressRefused
from segue.tasks import packages
from segue.tasks.globs import matcher

from tests.conformance.reading import Refused
from tests.support.repositories import Repository

Given = dict[str, Any]
NAMESPACE = "company.team"


def namespace_files(given: Given, _now: datetime) -> Any:
    """A file is put by committing it. Other ways to put one are asked for by a task, which is refused."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(Path(folder) / "repository")
        commit = repository.commit({_place(path): text for path, text in (given.get("files") or {}).items()})
        path = None
        for put in given.get("puts") or ():
            if put.get("conflict", "OVERWRITE") != "OVERWRITE":
                _upload(put)
            path = addresses.namespace_path(NAMESPACE, put["path"])
            commit = repository.commit({_place(put["path"]): put["content"]})
        with BlobReader(repository.path / ".git") as reader:
            return _found(given, NamespaceFiles(repository.path / ".git", reader), commit, path)


def _place(path: str) -> str:
    return f"flows/{NAMESPACE}/_files/{addresses.namespace_path(NAMESPACE, path)}"


def _upload(put: Given) -> None:
    task = {"id": "put", "type": "io.kestra.plugin.core.namespace.UploadFiles", "namespace": NAMESPACE}
    _sound(json.dumps({"id": "put", "namespace": NAMESPACE, "tasks": [task | {"conflict": put["conflict"]}]}))


def _found(given: Given, files: NamespaceFiles, commit: str, put: str | None) -> dict[str, Any]:
    paths = [file.path for file in files.files(commit, NAMESPACE)]
    is_meant, is_left_out = matcher(given.get("includes") or ["**"]), matcher(given.get("excludes") or [])
    matched = [path for path in paths if is_meant(f"/{path}") and not is_left_out(f"/{path}")]
    content = {} if put is None else {"path": put, "content": files.read(commit, NAMESPACE, put).decode()}
    return {"all": paths, "matched": matched, **content}


def namespace_file_address(given: Given, _now: datetime) -> Any:
    namespace = given["namespace"]
    try:
        path = addresses.namespace_path(namespace, given["of"])
        return {"path": path.rstrip("/"), "uri": addresses.namespace_file_address(namespace, path)}
    except AddressRefused as refused:
        raise Refused(str(refused)) from refused


def flow_import(given: Given, _now: datetime) -> Any:
    """Each source is committed; one that is only tried is looked at, and then taken back."""
    dry_runs = given.get("dry_run") or [False] * len(given["sources"])
    if isinstance(dry_runs, bool):
        dry_runs = [dry_runs] * len(given["sources"])
    with _repository() as (repository, look):
        before = repository.commit()
        checkpoint, numbers, stored = Checkpoint(), [], None
        for source, is_dry in zip(given["sources"], dry_runs, strict=True):
            flow = _sound(source).flow
            assert flow is not None
            commit = repository.commit({f"flows/{flow.id}.yaml": source})
            seen, text = look(commit, checkpoint, FlowKey(flow.namespace, flow.id))
            numbers.append(seen.revision.number)
            if is_dry:
                repository.reset(before)
                continue
            before, checkpoint = commit, seen.checkpoint
            stored = {"revision": seen.revision.number, "source": text, "task_ids": _task_ids(text)}
        return {"revisions": numbers, "stored": stored}


class _Seen:
    def __init__(self, revision: Any, checkpoint: Checkpoint) -> None:
        self.revision, self.checkpoint = revision, checkpoint


_Look = Callable[[str, Checkpoint, FlowKey], tuple[_Seen, str]]


@contextmanager
def _repository() -> Iterator[tuple[Repository, _Look]]:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(Path(folder) / "source")
        mirror = open_mirror(Path(folder) / "data", parse_source(repository.path))

        def look(commit: str, checkpoint: Checkpoint, key: FlowKey) -> tuple[_Seen, str]:
            mirror.fetch()
            with BlobReader(mirror.git_dir) as reader:
                found = survey(mirror.git_dir, reader, commit, checkpoint)
                revision = found.live[key].revision
                text = document_text(reader.read(revision.blob, size_max=1 << 20), revision.document)
            return _Seen(revision, found.checkpoint), text

        yield repository, look


def _sound(source: str) -> Loaded:
    loaded = load_flow(source, path="flow.yaml", catalogue=packages.catalogue())
    if loaded.flow is None:
        raise Refused("; ".join(problem.message for problem in loaded.problems))
    return loaded


def _task_ids(text: str) -> list[str]:
    flow = _sound(text).flow
    assert flow is not None
    return [str(task.id) for task in flow.tasks]


KINDS: dict[str, Callable[[Given, datetime], Any]] = {
    "namespace_files": namespace_files,
    "namespace_file_address": namespace_file_address,
    "flow_import": flow_import,
}
