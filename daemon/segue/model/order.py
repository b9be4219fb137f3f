"""Order: a piece of work for a worker, and what comes back while it is done. Plain values: they cross a process
wall as JSON.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field


class LogLevel(StrEnum):
    TRACE = "TRACE"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


SETUP = "setup"
TEARDOWN = "teardown"
POLL = "poll"
LINES = "lines"
COLLECT = "collect"
FOLDER_ERRANDS = frozenset({SETUP, TEARDOWN})
"""Purposes for which a worker does more than evaluate a template: it makes a working directory ready, or keeps what is
to be kept of it."""
LOOP_ERRANDS = frozenset({LINES, COLLECT})
"""The same for a Loop: it reads values from a file, or brings the outputs of the iterations together."""
ERRANDS = FOLDER_ERRANDS | LOOP_ERRANDS | {POLL}
"""All of them. What an errand that was cut short has done is done anew, so it may be run again at any time."""

LEVELS: tuple[LogLevel, ...] = tuple(LogLevel)


class Order(Struct, frozen=True, kw_only=True):
    """One attempt of a runnable task, or (`purpose` given) the evaluation of a template, or an errand.

    `id` names it on the wire: `<task run id>#<attempt>`, or `<task run or execution id>?<purpose>`. `properties`
    are unrendered; `variables` is the part of the scope that they (and `run_if`, `timeout`) name. `folder` names the
    folder that it shares with others; without, it has one of its own.
    """

    id: str
    execution_id: str
    namespace: str
    flow_id: str
    revision: int
    commit: str
    task_run_id: str | None
    task_id: str
    task_type: str
    attempt: int
    properties: Mapping[str, Any] = field(default_factory=dict)
    keeps_types: bool = True
    variables: Mapping[str, Any] = field(default_factory=dict)
    run_if: str | None = None  # only where the engine may not evaluate it
    timeout: str | None = None
    log_level: str | None = None
    log_to_file: bool = False
    purpose: str | None = None
    template: Any = None
    typed: bool = False
    secret_outputs: tuple[str, ...] = ()  # of a flow: those to encrypt whatever they hold
    folder: str | None = None
    reuses: bool = False  # outputs of an earlier run, if they are not older than `reuse_seconds`
    reuse_seconds: float | None = None

    @property
    def is_errand(self) -> bool:
        return self.purpose in ERRANDS


class LogLine(Struct, frozen=True, kw_only=True):
    """What a task printed, or was said about it. `at` is Unix time in milliseconds."""

    at: int
    level: str
    message: str


class Metric(Struct, frozen=True, kw_only=True):
    """`kind` is counter, timer (value in seconds) or gauge."""

    name: str
    kind: str
    value: float
    tags: Mapping[str, str] = field(default_factory=dict)
