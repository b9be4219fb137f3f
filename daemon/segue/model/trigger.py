"""Trigger: a rule in a flow that requests executions. What all share, and a body for each kind."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from segue.model.state import State


class RecoverMissed(StrEnum):
    """What becomes of fire times that passed while nobody looked."""

    ALL = "ALL"
    LAST = "LAST"
    NONE = "NONE"


class Schedule(Struct, frozen=True, kw_only=True):
    """Fires at the times of a cron line (five fields, or six with the seconds first) in `timezone`."""

    cron: str
    timezone: str | None = None
    with_seconds: bool = False
    late_maximum_delay: timedelta | None = None
    recover_missed: RecoverMissed | None = None  # None: as the daemon's setting says


class ScheduleOnDates(Struct, frozen=True, kw_only=True):
    """Fires at these dates."""

    dates: tuple[datetime | str, ...]
    timezone: str | None = None
    recover_missed: RecoverMissed | None = None


class Webhook(Struct, frozen=True, kw_only=True):
    """Fires when its address is called. `key` and `response_code` may be expressions. `fetch_type` says how the body is
    kept: FETCH as a value, STORE as a file, NONE not at all."""

    key: str
    wait: bool = False
    return_outputs: bool = False
    response_content_type: str | None = None
    response_code: int | str | None = None
    fetch_type: str = "FETCH"


class UpstreamFlow(Struct, frozen=True, kw_only=True):
    """One execution to wait for: of this flow, in one of these states, with these labels."""

    namespace: str | None = None
    flow_id: str | None = None
    states: tuple[State, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    when: str | None = None


class FlowEnds(Struct, frozen=True, kw_only=True):
    """Fires when another execution comes to one of `states` (default: every final one, and PAUSED).

    `depends_on`: with several, each has to be met once (a window and a mode live in `options`). `conditions` and
    `options` keep the 1.x `preconditions` and the 2.0 `window`, `mode` as checked mappings.
    """

    states: tuple[State, ...] = ()
    depends_on: tuple[UpstreamFlow, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class Files(Struct, frozen=True, kw_only=True):
    """Fires when files under `path` that match `glob` change and then rest for `debounce`."""

    path: str
    glob: tuple[str, ...] = ("**/*",)
    events: tuple[str, ...] = ("CREATE", "UPDATE")  # of CREATE, UPDATE, DELETE
    debounce: timedelta = timedelta(milliseconds=500)
    recursive: bool = True


class Polling(Struct, frozen=True, kw_only=True):
    """Looked at in a worker every `interval`; `properties` are the keys of its type. `state_key`, which may be an
    expression, names what triggers of the namespace remember together; without it each remembers by itself."""

    interval: timedelta
    properties: Mapping[str, Any]
    state_key: str | None = None


TriggerBody = Schedule | ScheduleOnDates | Webhook | FlowEnds | Files | Polling


class Condition(Struct, frozen=True, kw_only=True):
    """A 1.x condition: its full type and its checked properties (nested conditions as `Condition`)."""

    type: str
    properties: Mapping[str, Any]


class Trigger(Struct, frozen=True, kw_only=True):
    """A rule that requests executions. `inputs` and `labels` may hold expressions."""

    id: str
    type: str
    body: TriggerBody
    description: str = ""
    disabled: bool = False
    when: str | bool | None = None
    conditions: tuple[Condition, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_after: tuple[State, ...] = ()
    allow_concurrent: bool = False
    log_level: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
