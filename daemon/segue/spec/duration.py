"""ISO 8601 durations as Java reads them: days, hours, minutes, seconds. No years, months or weeks, whose length
depends on the calendar."""

import re
from datetime import timedelta
from typing import Final

_SECONDS_PER_DAY: Final = 86_400
_DURATION: Final = re.compile(
    r"(?P<sign>[-+])?P(?:(?P<days>[-+]?\d{1,9})D)?"
    r"(?P<time>T(?:(?P<hours>[-+]?\d{1,12})H)?(?:(?P<minutes>[-+]?\d{1,12})M)?"
    r"(?:(?P<seconds>[-+]?\d{1,12}(?:[.,]\d{0,9})?)S)?)?",
    re.IGNORECASE | re.ASCII,
)


class NotADuration(ValueError):
    """The text is no ISO 8601 duration; its message says what one looks like."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"'{text}' is not an ISO 8601 duration like PT30S, PT5M or P1DT12H")


def parse_duration(text: str) -> timedelta:
    """The span that the text names; `NotADuration` for everything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or text.strip()[-1] in "PpTt":
        raise NotADuration(text)
    days, hours, minutes = (int(match[name] or 0) for name in ("days", "hours", "minutes"))
    seconds = float((match["seconds"] or "0").replace(",", "."))
    try:
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as error:
        raise NotADuration(text) from error
    return -span if match["sign"] == "-" else span


def format_duration(span: timedelta) -> str:
    """The span as Java prints it: hours, minutes and seconds, never days (`PT25H`, `PT1M0.5S`)."""
    if not span:
        return "PT0S"
    sign, span = ("-", -span) if span < timedelta(0) else ("", span)
    minutes, seconds = divmod(span.days * _SECONDS_PER_DAY + span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{span.microseconds:06}".rstrip("0") if span.microseconds else ""
    text = "PT" + (f"{sign}{hours}H" if hours else "") + (f"{sign}{minutes}M" if minutes else "")
    return text + (f"{sign}{seconds}{fraction}S" if seconds or fraction else "")
