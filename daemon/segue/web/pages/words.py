"""Words: how times, durations, texts and values are put to people."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unicodedata import east_asian_width

from markupsafe import Markup, escape

# Control characters (tab and newline apart) and terminal escapes: logs are somebody else's text.
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"))
_LONG_SECONDS: Final = 1e9  # thirty years: what is longer was no time


def ago(at: datetime, now: datetime) -> str:
    """`just now`, `5 min ago`, `in 2 h`."""
    seconds = (now - at).total_seconds()
    distance = abs(seconds)
    if distance < 5:
        return "just now" if seconds >= 0 else "now"
    text = f"{distance:.0f} s"
    for size, unit in _UNITS:
        if distance >= size:
            text = f"{distance // size:.0f} {unit}"
            break
    return f"{text} ago" if seconds > 0 else f"in {text}"


def exact(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def date(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def clock(at: datetime) -> str:
    """To the millisecond, for log lines."""
    return at.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]


def lasting(length: timedelta) -> str:
    """`12 ms`, `3.4 s`, `2 min 5 s`, `1 h 3 min`, `2 d 4 h`."""
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def mark(length: timedelta) -> str:
    """A round length at an axis: `500 ms`, `1 s`, `10 min`, `1 h 30 min`."""
    return lasting(length).replace(".0 s", " s").removesuffix(" 0 s").removesuffix(" 0 min")


def clean(text: str) -> str:
    """Without terminal escapes and control characters."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def pretty(value: Any, most: int = 8000) -> str:
    """A value as people read it: texts as they are, the rest as indented JSON; cut where it gets long."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return clean(text if len(text) <= most else f"{text[:most]}\n… {len(text) - most} characters more")


def brief(value: Any) -> str:
    """The same in one line, for a list."""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def size(count: int) -> str:
    """`812 B`, `3.4 KiB`."""
    if count < 1024:
        return f"{count} B"
    amount, units = count / 1024, iter(("KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while amount >= 1024:
        amount, unit = amount / 1024, next(units, unit)
    return f"{amount:.1f} {unit}"


def short_type(name: str) -> str:
    """`core.log.Log` of `io.kestra.plugin.core.log.Log`."""
    return name.removeprefix("io.kestra.plugin.")


def ticked(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    parts = clean(text).split("`")
    if len(parts) % 2 == 0:
        return escape(clean(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def fitted(text: str, most: int) -> str:
    """Cut to about as many places, where what is wide in East Asia takes two."""
    places, text = 0, clean(text)
    for index, each in enumerate(text):
        places += 2 if east_asian_width(each) in "WF" else 1
        if places > most:
            return f"{text[: max(index - 1, 1)]}…"
    return text


def count(number: int) -> str:
    """With thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u2009")


def timed(seconds: float) -> str:
    """A measured time: a short one to three digits of milliseconds."""
    if 0 <= seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return lasting(timedelta(seconds=seconds)) if 1 <= seconds < _LONG_SECONDS else f"{figure(seconds)} s"


def figure(value: float) -> str:
    """A measured number: whole ones in full, others to six digits."""
    return count(int(value)) if float(value).is_integer() else f"{value:.6g}"
