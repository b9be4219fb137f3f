"""Executions: found by namespace, flow, state, label, time and text; and done to many at once."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from msgspec.structs import replace
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.model.state import State
from segue.store.reads.matching import Op
from segue.web import asks
from segue.web.actions import Action, Delete, ForceRun, Kill, PassBreakpoint, Pause, Replay, Restart, Resume, SetLabels
from segue.web.answers import Refused
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.paging import Paging
from segue.web.ports.executions import Search, StateCount
from segue.web.ports.lists import Field, Filter, Page, Wanted
from segue.web.ports.refusals import Refusal

SIZE: Final = 25
RANGES: Final = {
    "": "Any time",
    "PT1H": "Last hour",
    "PT24H": "Last 24 hours",
    "P7D": "Last 7 days",
    "P30D": "Last 30 days",
}
_FIELDS: Final = (
    "q",
    "namespace",
    "flowId",
    "labels",
    "timeRange",
    "kind",
    "triggerId",
    "parentId",
    "triggerExecutionId",
    "startDate",
    "endDate",
)
# Those without a field of their own in the form: shown while they are asked for, and kept.
_QUIET: Final = {
    "kind": "kind",
    "triggerId": "trigger",
    "parentId": "replays of",
    "triggerExecutionId": "started by",
    "startDate": "from",
    "endDate": "to",
}
MANY: Final[dict[str, Action]] = {
    "restart": Restart(),
    "replay": Replay(),
    "pause": Pause(),
    "resume": Resume(),
    "resume-from-breakpoint": PassBreakpoint(),
    "force-run": ForceRun(),
    "kill": Kill(),
    "delete": Delete(),
}
_DONE: Final = {
    "restart": "restarted",
    "replay": "replayed",
    "pause": "paused",
    "resume": "resumed",
    "resume-from-breakpoint": "let go on",
    "force-run": "let run at once",
    "kill": "told to stop",
    "delete": "deleted",
    "labels": "labelled",
}
_ID: Final = re.compile(r"[0-9A-Za-z]{22}")
_HIDDEN: Final = frozenset({State.SKIPPED, State.RETRIED, State.RESTARTED, State.KILLING})


async def page(web: Web, request: Request) -> Response:
    """The list; for somebody who searches for an id, its execution."""
    text = request.query_params.get("q", "").strip()
    if _ID.fullmatch(text) and (found := await web.read(web.reads.execution_alone, text)) is not None:
        return RedirectResponse(f"/executions/{found.id}", 303)
    return await _show(web, request, request.query_params)


async def _show(
    web: Web,
    request: Request,
    query: QueryParams,
    code: int = 200,
    *,
    said: str = "",
    chosen: frozenset[str] = frozenset(),
) -> Response:
    """The list that a query asks for; after an act that was refused, with why and what was chosen."""
    filters: tuple[Wanted, ...] = ()
    try:
        wanted = asks.search(query, web.daemon.now())
        found = await web.read(web.reads.search, replace(wanted, size=SIZE))
        filters = wanted.filters
    except Refused as refusal:
        found, said = Page((), 0), refusal.message
    states = set(query.getlist("state"))
    return render.page(
        web,
        request,
        "executions.html",
        code,
        path="/executions",
        topics="executions" if code == 200 else "",  # what was refused stays to be read
        found=found,
        query={name: query.get(name, "") for name in _FIELDS},
        quiet={name: word for name, word in _QUIET.items() if query.get(name)},
        states=states,
        counts=_shown(await web.read(web.reads.counts_by_state, filters), states),
        ranges=RANGES,
        namespaces=sorted({live.key.namespace for live in web.daemon.flows()}),
        said=said,
        done=_done(query),
        chosen=chosen,
        is_filtered=any(query.get(name) for name in (*_FIELDS, "state")),
        paging=_paging(query, found),
        back=f"/executions?{urlencode(_kept(query))}",
    )


def _shown(counts: Mapping[State, StateCount], chosen: set[str]) -> list[tuple[State, StateCount]]:
    """The states to choose from: those that people know, and any other that something is in or that is asked for."""
    none = StateCount(0)
    return [
        (state, counts.get(state, none)) for state in State if state not in _HIDDEN or state in counts.keys() | chosen
    ]


def _kept(query: QueryParams) -> list[tuple[str, str]]:
    """What asks for the list, without what was told on it."""
    return [(name, value) for name, value in query.multi_items() if name not in {"done", "count"} and value]


def _paging(query: QueryParams, found: Page[Any]) -> Paging:
    kept = tuple(pair for pair in _kept(query) if pair[0] != "page")
    number = asks.number(query, "page", 1, least=1, most=1_000_000)
    return Paging(number, SIZE, found.total, "/executions", kept, found.is_total_exact)


def _done(query: QueryParams) -> str:
    """What an act has come to; nothing for words that are not ours."""
    word, number = _DONE.get(query.get("done", "")), query.get("count", "")
    if word is None or not re.fullmatch("[0-9]{1,9}", number):
        return ""
    return f"{int(number)} execution{'s' if int(number) != 1 else ''} {word}."


async def act_on_many(web: Web, request: Request) -> Response:
    """All or none. Back to the list with what was done; where it is refused, the list as it was with why."""
    form = await request.form()
    name = str(form.get("act"))
    ids = [str(each) for each in form.getlist("id")]
    query = QueryParams(str(form.get("back", "")).partition("?")[2])
    try:
        action = _action(name, ids, str(form.get("labels", "")))
    except Refused as refusal:
        return await _show(web, request, query, refusal.status, said=refusal.message, chosen=frozenset(ids))
    answer = await web.daemon.act_on_many(ids, action)
    if isinstance(answer, Refusal):
        said = f"Nothing was done to any of the {len(ids)} chosen.\n{answer.message}"
        return await _show(web, request, query, answer.status, said=said, chosen=frozenset(ids))
    return RedirectResponse(f"/executions?{urlencode([*_kept(query), ('done', name), ('count', answer)])}", 303)


def _action(name: str, ids: list[str], labels: str) -> Action:
    if not ids:
        raise Refused(422, "No execution is chosen: choose some in the list first.")
    if name == "labels":
        given = asks.labels(part.strip() for part in labels.split(",") if part.strip())
        if not given:
            raise Refused(422, "No label is given: write them as `team:data, reason:test`.")
        return SetLabels(given)
    if name not in MANY:
        raise Refused(422, "There is no such act.")
    return MANY[name]


async def back(_: Web, __: Request) -> Response:
    """What the acts' form was answered with, opened again: the list."""
    return RedirectResponse("/executions", 303)


def of_flow(namespace: str, flow_id: str, size: int) -> Search:
    return Search(
        filters=(
            Filter(Field.NAMESPACE, Op.EQUALS, (namespace,)),
            Filter(Field.FLOW_ID, Op.EQUALS, (flow_id,)),
        ),
        size=size,
    )
