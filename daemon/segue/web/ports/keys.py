"""Keys and values."""

from datetime import datetime
from typing import Any

from msgspec import Struct


class KeyValue(Struct, frozen=True, kw_only=True):
    """`kind` is STRING, NUMBER, BOOLEAN, DATETIME, DATE, DURATION or JSON. Expired is as not there."""

    namespace: str
    key: str
    kind: str
    value: Any
    description: str = ""
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
