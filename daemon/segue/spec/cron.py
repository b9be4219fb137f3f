"""Is a cron line one: five fields, or six with the seconds first; or a nickname. When it fires is `engine.due`."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cronsim import CronSim, CronSimError
from pydantic_core import PydanticCustomError

NICKNAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ANY_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)
_FIELDS: Final = ("minute", "hour", "day-of-month", "month", "day-of-week")
_SECOND: Final = "second"
_EXPECTED: Final = {
    "second": "0-59",
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31 or L, and a day that the month has",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT",
}


def check_cron(line: str, *, with_seconds: bool) -> None:
    """Raises what pydantic reports if the line is no cron line, and says which field is wrong."""
    why = _fault(line.strip(), with_seconds)
    if why is not None:
        raise PydanticCustomError("invalid-cron", "invalid cron expression '{line}': {why}", {"line": line, "why": why})


@lru_cache(maxsize=1024)
def _fault(line: str, with_seconds: bool) -> str | None:
    is_nickname = line.lower() in NICKNAMES
    line = NICKNAMES.get(line.lower(), line)
    given = line.split()
    names = (_SECOND, *_FIELDS) if with_seconds and not is_nickname else _FIELDS
    if len(given) != len(names):
        return f"found {len(given)} fields, expected {_wanted(len(given), with_seconds)}"
    try:
        CronSim(line, _ANY_DAY)
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        if name not in names:
            return str(error)
        return f"the {name} is '{given[names.index(name)]}', expected {_EXPECTED[name]}"
    return None


def _wanted(count: int, with_seconds: bool) -> str:
    if with_seconds:
        return f"6 with `withSeconds: true`: {' '.join((_SECOND, *_FIELDS))}"
    five = f"5: {' '.join(_FIELDS)}"
    return f"{five} (6 with `withSeconds: true`)" if count == len(_FIELDS) + 1 else five
