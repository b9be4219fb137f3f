"""Executions to read: one, many, followed; which flows can be executed; and an expression in an execution's scope."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from segue.model.names import TaskRunId
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.store.reads.matching import Op
from segue.web import asks, filters
from segue.web.answers import Refused, as_json, granted, to_json
from segue.web.api.flows import flow_of_execution, revision_of
from segue.web.context import Web, flow_key
from segue.web.dates import duration_text
from segue.web.finding import flows_meeting
from segue.web.flow_shapes import flow_json
from segue.web.live import execution_topic
from segue.web.ports.executions import Search
from segue.web.ports.lists import Field, Filter
from segue.web.shapes import execution_head_json, execution_json, length_of, page_json
from segue.web.streams import HEARTBEAT_SECONDS, EventStream, Sent

FOLLOW_PAUSE_SECONDS: Final = 0.1  # at most ten pictures a second of one execution
AVERAGED: Final = 100  # executions whose length is looked at


async def read(web: Web, request: Request) -> Response:
    execution = await web.execution(request.path_params["id"])
    return as_json(execution_json(execution, web.daemon.now(), url=web.url_of(execution)))


async def search(web: Web, request: Request) -> Response:
    now = web.daemon.now()
    page = await web.read(web.reads.search, asks.search(request.query_params, now))
    return as_json(page_json(page, [execution_head_json(execution, now) for execution in page.results]))


async def latest(web: Web, request: Request) -> Response:
    """The last execution of each flow that the body lists."""
    wanted = await asks.json_body(request)
    if not isinstance(wanted, list) or not all(isinstance(each, dict) for each in wanted):
        raise Refused(422, "Expected a list of {namespace, flowId}")
    keys = [FlowKey(str(each.get("namespace")), str(each.get("flowId") or each.get("id"))) for each in wanted]
    marks = await web.read(web.reads.recent, keys, 1)
    return as_json(
        [
            {
                "id": mark.id,
                "namespace": key.namespace,
                "flowId": key.flow_id,
                "startDate": mark.started_at,
                "status": mark.state,
            }
            for key in keys
            for mark in marks.get(key, ())
        ]
    )


async def follow(web: Web, request: Request) -> Response:
    """The execution at every change, until it ends."""
    execution = await web.execution(request.path_params["id"])
    web.daemon.bells.check_room()
    return EventStream(_pictures(web, execution.id))


async def _pictures(web: Web, execution_id: str) -> AsyncGenerator[Sent]:
    with web.daemon.bells.follow(execution_topic(execution_id)) as subscription:
        name = "start"
        while not subscription.is_closed:
            execution = await web.execution(execution_id)
            is_over = execution.state.is_final
            # Clients look at the data alone; the id is Kestra's word for what kind of picture it is.
            yield Sent(to_json(execution_json(execution, web.daemon.now())), id="end" if is_over else name)
            if is_over:
                return
            name = "progress"
            while not await subscription.rung(HEARTBEAT_SECONDS) and not subscription.is_closed:
                yield Sent()
            await subscription.rest(FOLLOW_PAUSE_SECONDS)


async def flow_of(web: Web, request: Request) -> Response:
    """The flow as it was for this execution."""
    revision, flow = await flow_of_execution(web, await web.execution_alone(request.path_params["id"]))
    return as_json(flow_json(flow, revision))


# What can be executed, and how long it takes.


async def namespaces(web: Web, _: Request) -> Response:
    """Those with flows that can be started."""
    return as_json(sorted({live.key.namespace for live in web.daemon.flows() if live.flow.why_off is None}))


async def flows_of(web: Web, request: Request) -> Response:
    """The flows of a namespace that can be started."""
    wanted = (
        Filter(Field.NAMESPACE, Op.EQUALS, (request.path_params["namespace"],)),
        Filter(Field.ENABLED, Op.EQUALS, ("true",)),
    )
    return as_json([flow_json(live.flow, live.revision) for live in flows_meeting(web, wanted)])


async def flow_to_start(web: Web, request: Request) -> Response:
    """What starting a flow asks for; `?revision=` another than the live one."""
    key, number = flow_key(request), asks.optional_number(request.query_params, "revision")
    live = web.flow(key)
    revision, flow = (live.revision, live.flow) if number is None else await revision_of(web, key, number)
    return as_json(flow_json(flow, revision))


async def average_duration(web: Web, request: Request) -> Response:
    """Of the last executions that went well."""
    key, now = flow_key(request), web.daemon.now()
    wanted = (
        Filter(Field.NAMESPACE, Op.EQUALS, (key.namespace,)),
        Filter(Field.FLOW_ID, Op.EQUALS, (key.flow_id,)),
        Filter(Field.STATE, Op.IN, (State.SUCCESS, State.WARNING)),
    )
    found = (await web.read(web.reads.search, Search(filters=wanted, size=AVERAGED))).results
    lengths = [length_of(execution.history, now) for execution in found]
    average = sum(lengths, timedelta(0)) / len(lengths) if lengths else None
    return as_json({"count": len(lengths), "averageDuration": None if average is None else duration_text(average)})


async def distinct_values(web: Web, request: Request) -> Response:
    """The values that executions have for `field`: namespaces, flows or states; `?size=` at most so many."""
    query = request.query_params
    name = query.get("field", "")
    field = next((each for each in _DISTINCT if name in {each.value, each.name}), None)
    if field is None:
        raise Refused(422, f"Invalid parameter `field`: `{name}` is not one of {', '.join(sorted(_DISTINCT))}")
    wanted = filters.read(query, web.daemon.now(), {each: filters.EXECUTIONS[each] for each in _DISTINCT})
    counts = await web.read(web.reads.counts)
    rows = [
        {Field.NAMESPACE: key.namespace, Field.FLOW_ID: key.flow_id, Field.STATE: state.value}
        for key, states in counts.items()
        for state, number in states.items()
        if number > 0
    ]
    values = sorted({row[field] for row in rows if filters.holds(wanted, row.get)})
    return as_json(values[: asks.number(query, "size", len(values))])


_DISTINCT: Final = (Field.NAMESPACE, Field.FLOW_ID, Field.STATE)


async def evaluate(web: Web, request: Request) -> Response:
    """Render the expression in the body in the scope of the execution, or of one of its task runs."""
    task_run_id = request.path_params.get("task_run_id")
    rendered = granted(
        await web.daemon.evaluate(
            request.path_params["id"],
            None if task_run_id is None else TaskRunId(task_run_id),
            await asks.text_body(request),
        )
    )
    return as_json({"result": rendered.result, "error": rendered.error, "stackTrace": None})
