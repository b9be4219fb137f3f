"""Dates that tasks take as properties: a date-time with or without offset (UTC then), or a date (its first moment)."""

from datetime import UTC, datetime, time

from segue.expression import iso
from segue.expression.dates import zone_named
from segue.tasks.kind import TaskFailed


def moment_text(text: str, name: str) -> str:
    """The moment as ISO 8601 text in UTC; `name` is the property's, for the message."""
    stripped = text.strip()
    at = iso.read_date_time(stripped, zone_named)
    day = iso.read_date(stripped) if at is None else None
    if day is not None:
        at = datetime.combine(day, time())
    if at is None:
        raise TaskFailed(f"{name}: '{text}' is no date-time like 2024-12-31T23:59:00Z")
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)).isoformat()


def optional_moment_text(text: str | None, name: str) -> str | None:
    return None if text is None else moment_text(text, name)
