"""Events for open pages: which topics rang. The page fetches what it shows again."""

from collections.abc import AsyncGenerator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from segue.web.answers import Refused, to_json
from segue.web.context import Web
from segue.web.live import EXECUTIONS, FLOWS, GIT, TRIGGERS, execution_topic
from segue.web.streams import HEARTBEAT_SECONDS, EventStream, Sent

PAUSE_SECONDS: Final = 0.25
_TOPICS: Final = frozenset({EXECUTIONS, FLOWS, GIT, TRIGGERS})


async def stream(web: Web, request: Request) -> Response:
    topics = [topic for topic in request.query_params.get("topics", "").split(",") if topic]
    unknown = set(topics) - _TOPICS
    if unknown:
        raise Refused(422, f"Unknown topics: {', '.join(sorted(unknown))}")
    execution_id = request.query_params.get("execution")
    if execution_id:
        topics.append(execution_topic(execution_id))
    web.daemon.bells.check_room()
    return EventStream(_rings(web, topics))


async def _rings(web: Web, topics: list[str]) -> AsyncGenerator[Sent]:
    with web.daemon.bells.follow(*topics) as subscription:
        number = 0
        yield Sent(b"{}", id="0", event="listening")
        while not subscription.is_closed:
            rung = await subscription.rung(HEARTBEAT_SECONDS)
            if not rung:
                yield Sent()
                continue
            number += 1
            names = sorted({topic.partition("/")[0] for topic in rung})
            yield Sent(to_json({"topics": names}), id=str(number), event="changed")
            await subscription.rest(PAUSE_SECONDS)
        yield Sent(b"{}", event="bye")
