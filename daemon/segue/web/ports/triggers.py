"""Triggers of live flows, with their state and backfill."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from segue.model.names import ExecutionId
from segue.model.revision import FlowKey
from segue.model.trigger import Trigger


class TriggerKey(Struct, frozen=True):
    flow: FlowKey
    trigger_id: str


class Backfill(Struct, frozen=True, kw_only=True):
    start: datetime
    end: datetime
    current: datetime | None
    paused: bool
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class LiveTrigger(Struct, frozen=True, kw_only=True):
    """A trigger of a live flow with its state. `is_disabled` is that of the state, `trigger.disabled` the author's.

    `execution_id` is the running execution that it waits for.
    """

    key: TriggerKey
    trigger: Trigger
    is_disabled: bool = False
    is_locked: bool = False
    last_fired_at: datetime | None = None
    next_fire_at: datetime | None = None
    execution_id: ExecutionId | None = None
    updated_at: datetime | None = None
    backfill: Backfill | None = None
