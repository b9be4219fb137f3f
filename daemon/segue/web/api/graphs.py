"""Graphs: the tasks of a flow, or of an execution with how far each has come; and how flows lead to each other."""

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segue.engine.topology import Edge, edges, near
from segue.model.execution import TaskRun
from segue.model.names import is_within
from segue.model.revision import FlowKey
from segue.web import asks
from segue.web.answers import as_json
from segue.web.api.flows import flow_of_execution, revision_of
from segue.web.context import Web, flow_key
from segue.web.flow_shapes import graph_json
from segue.web.shapes import task_run_json


async def of_flow(web: Web, request: Request) -> Response:
    """`?revision=` another than the live one."""
    key, number = flow_key(request), asks.optional_number(request.query_params, "revision")
    flow = web.flow(key).flow if number is None else (await revision_of(web, key, number))[1]
    return as_json(graph_json(flow))


async def of_execution(web: Web, request: Request) -> Response:
    """The graph of its flow; each node has its last task run, if one was made."""
    execution = await web.execution(request.path_params["id"])
    _, flow = await flow_of_execution(web, execution)
    graph, now = graph_json(flow), web.daemon.now()
    last: dict[str, TaskRun] = {run.task_id: run for run in execution.task_runs.values()}
    for node in graph["nodes"]:
        if (run := last.get(node["uid"])) is not None:
            node["taskRun"] = task_run_json(run, execution, now) | {"outputs": None}
    return as_json(graph)


async def around_flow(web: Web, request: Request) -> Response:
    """The flows that lead to a flow and those it leads to: `?destinationOnly=true` the former alone, `?expandAll=true`
    what leads to these as well, and so on."""
    query, key = request.query_params, flow_key(request)
    web.flow(key)
    found = near(
        await _edges(web),
        (key.namespace, key.flow_id),
        into_only=asks.flag(query, "destinationOnly"),
        all_the_way=asks.flag(query, "expandAll"),
    )
    return as_json(_topology([key], found))


async def of_namespace(web: Web, request: Request) -> Response:
    """Flows of a namespace and below it, and what they lead to or are led to by."""
    namespace = request.path_params["namespace"]
    keys = [live.key for live in web.daemon.flows() if is_within(live.key.namespace, namespace)]
    into_only = asks.flag(request.query_params, "destinationOnly")
    found = [
        edge
        for edge in await _edges(web)
        if is_within(edge.target[0], namespace) or (not into_only and is_within(edge.source[0], namespace))
    ]
    return as_json(_topology(keys, found))


async def _edges(web: Web) -> tuple[Edge, ...]:
    flows = [live.flow for live in web.daemon.flows()]
    return await web.read(edges, flows)


def _topology(keys: Iterable[FlowKey], found: Iterable[Edge]) -> dict[str, Any]:
    names = dict.fromkeys((key.namespace, key.flow_id) for key in keys)
    shown = list(found)
    for edge in shown:
        names |= {edge.source: None, edge.target: None}
    return {
        "nodes": [{"uid": _uid(name), "namespace": name[0], "id": name[1]} for name in names],
        "edges": [
            {"source": _uid(edge.source), "target": _uid(edge.target), "relation": edge.relation} for edge in shown
        ],
    }


def _uid(name: tuple[str, str]) -> str:
    return f"main_{name[0]}_{name[1]}"
