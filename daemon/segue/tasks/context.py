"""What a running task sees of the world: its order, rendering, its log, metrics, storage, a working directory."""

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from segue.expression.template import Scope, plain, render_value
from segue.model.order import LogLevel, Metric, Order
from segue.storage import address as addresses
from segue.storage.storage import Storage, StoredFile, chunks_of
from segue.tasks.daemon import DaemonCalls
from segue.tasks.interruption import Interruption
from segue.tasks.masking import Masker

COUNTER: Final = "counter"
TIMER: Final = "timer"
GAUGE: Final = "gauge"

FOLDER_PREFIX: Final = "task-"  # of every folder that an attempt makes in the work folder
SHARED_PREFIX: Final = "shared-"  # of every folder that several task runs work in


class Journal(Protocol):
    """Where log lines and metrics go; they are masked and sent from there."""

    def line(self, level: LogLevel, message: str) -> None: ...

    def metric(self, metric: Metric) -> None: ...

    def send_if_due(self) -> float | None:
        """Sends what has waited long enough. How many seconds the rest may wait; None if there is no rest."""
        ...


class NamespaceFiles(Protocol):
    """Files of a namespace as they are at the execution's commit."""

    def paths(self, namespace: str) -> tuple[str, ...]: ...

    def read(self, namespace: str, path: str) -> bytes: ...

    def copy(self, namespace: str, into: Path, include: tuple[str, ...], exclude: tuple[str, ...]) -> tuple[str, ...]:
        """The paths of the files that were written below `into`."""
        ...


class Surroundings(Struct, frozen=True, kw_only=True):
    """What tasks need to know of the machine. `environment` is what a script inherits. `allowed_paths` are the folders
    that tasks on files of the machine may reach; none means all. HTTP tasks do not connect to `blocked_networks`."""

    work: Path
    environment: Mapping[str, str]
    python: str
    warm_python: bool
    kill_grace_seconds: float
    encryption_key: str | None = None
    allowed_paths: tuple[str, ...] = ()
    blocked_networks: tuple[str, ...] = ()


def clear_work(work: Path) -> None:
    """Removes what attempts left that could not clean up after themselves. Nothing may run there any more."""
    for folder in work.glob(f"{FOLDER_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def shared_folder(work: Path, name: str) -> Path:
    return work / f"{SHARED_PREFIX}{name}"


@dataclass(slots=True, kw_only=True)
class TaskContext:
    """Handed to a task's function; ends with the attempt."""

    order: Order
    scope: Scope
    journal: Journal
    storage: Storage
    namespace_files: NamespaceFiles
    daemon: DaemonCalls
    surroundings: Surroundings
    interruption: Interruption
    masker: Masker
    deadline_seconds: float | None = None
    output_folder: Path | None = None
    outputs_address: str | None = None  # where outputs are to be kept for runs to come
    _folder: Path | None = field(default=None, init=False)

    def render(self, value: Any, *, typed: bool = False, extra: Mapping[str, Any] | None = None) -> Any:
        """Fills in the expressions of a text, list or map, with `extra` variables beside those of the order."""
        scope = replace(self.scope, variables={**self.scope.variables, **extra}) if extra else self.scope
        rendered = render_value(value, scope, typed=typed)
        return plain(rendered) if typed else rendered

    def log(self, level: LogLevel | str, message: str) -> None:
        self.journal.line(LogLevel(level), message)

    def count(self, name: str, value: float = 1, **tags: str) -> None:
        self.journal.metric(Metric(name=name, kind=COUNTER, value=value, tags=tags))

    def time(self, name: str, seconds: float, **tags: str) -> None:
        self.journal.metric(Metric(name=name, kind=TIMER, value=seconds, tags=tags))

    @property
    def working_directory(self) -> Path:
        """An empty folder of this attempt's own, gone when it ends; or the one that it shares with others."""
        if self.order.folder is not None:
            return shared_folder(self.surroundings.work, self.order.folder)
        if self._folder is None:
            self.surroundings.work.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=self.surroundings.work))
        return self._folder

    def put_file(self, name: str, chunks: Iterable[bytes]) -> StoredFile:
        """Keeps a file of this task run in internal storage; `name` may be a relative path."""
        order = self.order
        folder = addresses.task_run_parts(
            order.namespace, order.flow_id, order.execution_id, order.task_id, order.task_run_id or order.id
        )
        return self.storage.put(addresses.address_of((*folder, *addresses.file_parts(name))), chunks)

    def put_path(self, name: str, path: Path) -> StoredFile:
        with path.open("rb") as file:
            return self.put_file(name, chunks_of(file))

    def open_file(self, address: str) -> BinaryIO:
        return self.storage.open(address)

    def close(self) -> None:
        for folder in (self._folder, self.output_folder):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
        self._folder = self.output_folder = None
