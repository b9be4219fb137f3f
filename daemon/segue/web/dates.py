"""Times and durations as texts, and back. All times are aware; texts are ISO 8601 in UTC."""

import re
from datetime import UTC, datetime, timedelta

_LOST_PLUS = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)$")
_MICROSECOND = timedelta(microseconds=1)


def iso(at: datetime) -> str:
    """`2026-01-31T12:00:00.000000Z`."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def duration_text(span: timedelta) -> str:
    """ISO 8601 as Java prints it: `PT1H2M3.5S`, `PT0S`; hours are not made days."""
    microseconds = span // _MICROSECOND
    sign, microseconds = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    seconds, fraction = divmod(microseconds, 1_000_000)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    decimals = f".{fraction:06d}".rstrip("0") if fraction else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    if seconds or decimals or not any(parts):
        parts.append(f"{seconds}{decimals}S")
    return f"{sign}PT{''.join(parts)}"


def moment(text: str) -> datetime | None:
    """The moment that an ISO 8601 text says; without a zone it is UTC. None if it says none."""
    try:
        # A `+` in a query that nobody encoded arrives as a space: `...T10:00:00 02:00`.
        at = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text.strip()))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def span(text: str) -> timedelta | None:
    """The duration of an ISO 8601 text (`PT24H`, `P7D`, `P1DT2H`); weeks too, no months or years."""
    sizes = {"W": 604800.0, "D": 86400.0, "H": 3600.0, "M": 60.0, "S": 1.0}
    days, _, clock = text.upper().partition("T")
    if not days.startswith("P") or len(text) < 3 or "M" in days:
        return None
    total, digits = 0.0, ""
    for character in days[1:] + clock:
        if character in sizes and digits:
            total, digits = total + float(digits) * sizes[character], ""
        elif character.isdigit() or (character == "." and "." not in digits):
            digits += character
        else:
            return None
    return None if digits else timedelta(seconds=total)
