"""The world outside an expression as its question sets it up: real storage, a real repository, log lines, a key."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from segue.expression.evaluation import Scope
from segue.model.order import Order
from segue.storage.local import LocalStorage
from segue.tasks.encryption import Cipher, opened
from segue.tasks.masking import Masker
from segue.workers.outside import MirrorFiles, WorkerOutside
from segue.workers.settings import secrets_of

from tests.conformance.reading import scope_of
from tests.support.repositories import Repository

KEY = "encryption.secret-key"
_ERRORS = frozenset({"ERROR"})


class Lines:
    """The daemon's end of a worker's line: log lines that were set up."""

    def __init__(self, logs: list[dict[str, Any]]) -> None:
        self._logs = logs

    def ask(self, order_id: str, kind: str, arguments: Mapping[str, Any]) -> Any:
        assert kind == "error_logs", kind
        return [line for line in self._logs if line["executionId"] == order_id and line["level"] in _ERRORS]


class FrozenWorker(WorkerOutside):
    """A worker's outside, at the question's time."""

    def __init__(self, at: datetime, order: Order, **parts: Any) -> None:
        super().__init__(order, **parts)
        self._at = at

    def now(self) -> datetime:
        return self._at


@contextmanager
def scope_with(
    question: Mapping[str, Any], variables: Mapping[str, Any], now: datetime, masker: Masker | None = None
) -> Iterator[Scope]:
    """The variables, what is encrypted among them in the clear, and the outside that `setup` and `config` make."""
    setup, key = question.get("setup") or {}, (question.get("config") or {}).get(KEY)
    cipher, masker = Cipher.of(key) if key else None, masker or Masker()
    seen = opened(variables, cipher, masker) if cipher is not None else variables
    with tempfile.TemporaryDirectory(prefix="segue-answer-") as folder:
        storage, (mirror, commit) = LocalStorage(Path(folder) / "storage"), _repository(Path(folder), setup)
        for path, text in (setup.get("storage_files") or {}).items():
            storage.put(f"kestra://{path}", [text.encode()])
        outside = FrozenWorker(
            now,
            order_for(seen, commit),
            channel=Lines(setup.get("logs") or []),
            secrets=secrets_of(setup.get("env") or {}),
            storage=storage,
            files=MirrorFiles(mirror).at(commit),
            masker=masker,
            cipher=cipher,
        )
        yield replace(scope_of(seen, now), outside=outside)


def order_for(variables: Mapping[str, Any], commit: str) -> Order:
    flow, execution = _map(variables.get("flow")), _map(variables.get("execution"))
    execution_id = str(execution.get("id", "execution"))
    return Order(
        id=execution_id,
        execution_id=execution_id,
        namespace=str(flow.get("namespace", "company.team")),
        flow_id=str(flow.get("id", "flow")),
        revision=1,
        commit=commit,
        task_run_id=None,
        task_id="",
        task_type="",
        attempt=1,
        variables=variables,
    )


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _repository(folder: Path, setup: Mapping[str, Any]) -> tuple[Path | None, str]:
    by_namespace = setup.get("namespace_files")
    if not by_namespace:
        return None, "0" * 40
    repository = Repository(folder / "repository")
    commit = repository.commit(
        {
            f"flows/{namespace}/_files/{path.lstrip('/')}": text
            for namespace, files in by_namespace.items()
            for path, text in files.items()
        }
    )
    return repository.path / ".git", commit
