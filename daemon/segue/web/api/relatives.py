"""Relatives: the executions that an execution led to and was led by - called, or fired at its end - followed together."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from segue.model.execution import Execution
from segue.model.state import State
from segue.store.reads.matching import Op
from segue.web import asks
from segue.web.answers import to_json
from segue.web.context import Web
from segue.web.live import EXECUTIONS, execution_topic
from segue.web.ports.executions import Search
from segue.web.ports.lists import Field, Filter
from segue.web.shapes import state_json
from segue.web.streams import HEARTBEAT_SECONDS, EventStream, Sent

FOLLOW_PAUSE_SECONDS: Final = 0.25  # the list of executions may ring all the time
RELATIVES_MAX: Final = 100


async def follow(web: Web, request: Request) -> Response:
    """The state of what led to the execution and of what it led to, at every change, until all of them have ended.
    `?destinationOnly=true` the latter alone, `?expandAll=true` what these led to as well, and so on."""
    query = request.query_params
    execution = await web.execution_alone(request.path_params["id"])
    web.daemon.bells.check_room()
    reach = _Reach(down_only=asks.flag(query, "destinationOnly"), all_the_way=asks.flag(query, "expandAll"))
    return EventStream(_states(web, execution.id, reach))


class _Reach(Struct, frozen=True):
    """Which relatives of an execution are meant."""

    down_only: bool
    all_the_way: bool


async def _states(web: Web, execution_id: str, reach: _Reach) -> AsyncGenerator[Sent]:
    told: dict[str, State] = {}
    with web.daemon.bells.follow(EXECUTIONS, execution_topic(execution_id)) as subscription:
        while not subscription.is_closed:
            relatives = await _relatives(web, execution_id, reach)
            is_over = all(each.state.is_final for each in relatives)
            news = [each for each in relatives if told.get(each.id) is not each.state]
            for number, each in enumerate(news, 1):
                is_last = is_over and number == len(news)
                yield Sent(to_json(_status_json(each, web.daemon.now())), id="end" if is_last else "progress")
            told |= {each.id: each.state for each in news}
            if is_over:
                return
            while not await subscription.rung(HEARTBEAT_SECONDS) and not subscription.is_closed:
                yield Sent()
            await subscription.rest(FOLLOW_PAUSE_SECONDS)


def _status_json(execution: Execution, now: datetime) -> dict[str, Any]:
    return {
        "executionId": execution.id,
        "tenantId": "main",
        "namespace": execution.namespace,
        "flowId": execution.flow_id,
        "revision": execution.revision,
        "state": state_json(execution.history, now),
    }


async def _relatives(web: Web, execution_id: str, reach: _Reach) -> list[Execution]:
    """The execution itself first, then those it led to, then those that led to it; at most RELATIVES_MAX."""
    first = await web.execution_alone(execution_id)
    found: dict[str, Execution] = {first.id: first}
    waiting: list[str] = [first.id]
    while waiting and len(found) < RELATIVES_MAX:
        led_to = Search(filters=(Filter(Field.TRIGGER_EXECUTION_ID, Op.EQUALS, (waiting.pop(0),)),), size=RELATIVES_MAX)
        new = [each for each in (await web.read(web.reads.search, led_to)).results if each.id not in found]
        found |= {each.id: each for each in new}
        waiting += [each.id for each in new] if reach.all_the_way else []
    above = None if reach.down_only else _led_by(first)
    while above is not None and above not in found:
        execution = await _there(web, above)
        if execution is None:
            break  # it was deleted
        found[execution.id] = execution
        above = _led_by(execution) if reach.all_the_way else None
    return list(found.values())[:RELATIVES_MAX]


async def _there(web: Web, execution_id: str) -> Execution | None:
    live = await web.daemon.live_execution(execution_id)
    return live or await web.read(web.reads.execution_alone, execution_id)


def _led_by(execution: Execution) -> str | None:
    """The execution that called it, or whose end fired its trigger."""
    by = None if execution.trigger is None else execution.trigger.variables.get("executionId")
    return by if isinstance(by, str) else None
