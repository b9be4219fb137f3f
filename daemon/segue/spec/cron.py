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
_FIELDS: Final = 5
_FIELDS_WITH_SECONDS: Final = 6


def check_cron(line: str, *, with_seconds: bool) -> None:
    """Raises what pydantic reports if the line is no cron line."""
    if not _is_cron(line.strip(), with_seconds):
        raise PydanticCustomError("invalid-cron", "invalid cron expression '{line}'", {"line": line})


@lru_cache(maxsize=1024)
def _is_cron(line: str, with_seconds: bool) -> bool:
    line = NICKNAMES.get(line.lower(), line)
    fields = len(line.split())
    if fields != _FIELDS and not (with_seconds and fields == _FIELDS_WITH_SECONDS):
        return False
    try:
        CronSim(line, _ANY_DAY)
    except CronSimError:
        return False
    return True
