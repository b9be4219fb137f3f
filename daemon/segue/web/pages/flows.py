"""Flows: all of them, with how they did lately and when they fire next."""

from typing import Final

from msgspec import Struct
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from segue.model.revision import FlowKey
from segue.web import filters
from segue.web.answers import Refused
from segue.web.context import Web
from segue.web.finding import flows_meeting
from segue.web.pages import render
from segue.web.pages.paging import Paging
from segue.web.ports.executions import RunMark
from segue.web.ports.flows import LiveFlow

RUNS: Final = 14
SIZE: Final = 50
BAR_HEIGHT: Final = 20.0
BAR_LEAST: Final = 5.0


class Bar(Struct, frozen=True):
    """One run in a row of bars: as high as it took long, against the longest beside it."""

    mark: RunMark
    height: float
    y: float


class Row(Struct, frozen=True):
    live: LiveFlow
    bars: tuple[Bar, ...]

    @property
    def last(self) -> RunMark | None:
        return self.bars[-1].mark if self.bars else None


async def page(web: Web, request: Request) -> Response:
    query = request.query_params
    namespace, text, label = (query.get(name, "").strip() for name in ("namespace", "q", "label"))
    asked = QueryParams({"namespace": namespace, "q": text, "labels": label})
    said = ""
    try:
        wanted = filters.read(asked, web.daemon.now(), filters.FLOWS)
    except Refused as refusal:
        wanted, said = (), refusal.message
    found = flows_meeting(web, wanted)
    paging = Paging.of(request, total=len(found), size=SIZE)
    shown = found[paging.offset : paging.offset + SIZE]
    marks = await web.read(web.reads.recent, [live.key for live in shown], RUNS)
    return render.page(
        web,
        request,
        "flows.html",
        topics="executions,flows",
        rows=[Row(live, bars_of(marks.get(live.key, ()))) for live in shown],
        total=len(web.daemon.flows()),
        namespaces=sorted({live.key.namespace for live in web.daemon.flows()}),
        broken=_never_live(web),
        query={"namespace": namespace, "q": text, "label": label},
        said=said,
        paging=paging,
    )


def _never_live(web: Web) -> list[str]:
    """Paths that hold errors and are no live flow's: they are on the Git page alone."""
    live = {each.revision.path for each in web.daemon.flows()}
    return sorted({problem.path for problem in web.daemon.git_status().problems} - live)


def bars_of(marks: tuple[RunMark, ...]) -> tuple[Bar, ...]:
    lengths = [(mark.ended_at - mark.started_at).total_seconds() if mark.ended_at else 0.0 for mark in marks]
    longest = max(lengths, default=0) or 1
    bars = []
    for mark, length in zip(marks, lengths, strict=True):
        height = BAR_HEIGHT if mark.ended_at is None else max(BAR_LEAST, length / longest * BAR_HEIGHT)
        bars.append(Bar(mark, round(height, 1), round(BAR_HEIGHT - height, 1)))
    return tuple(bars)


def key_of(request: Request) -> FlowKey:
    return FlowKey(request.path_params["namespace"], request.path_params["flow_id"])
