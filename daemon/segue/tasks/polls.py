"""The polling triggers that workers can look at: the core's, and those of `tasks.plugins`."""

from collections.abc import Mapping
from typing import Any, Final

from segue.tasks.http_trigger import POLLS as HTTP_POLLS
from segue.tasks.kind import TaskKind
from segue.tasks.plugins import table as plugins
from segue.tasks.polling import PollKind
from segue.tasks.scripts.triggers import POLLS as SCRIPT_POLLS

_CORE: Final[Mapping[str, PollKind[Any]]] = {poll.name: poll for poll in (*HTTP_POLLS, *SCRIPT_POLLS)}


def errand_of(name: str) -> TaskKind[Any] | None:
    """What a worker does to look at a trigger of that type."""
    poll = _CORE.get(name) or plugins.poll_of(name)
    return poll.as_errand() if poll is not None else None
