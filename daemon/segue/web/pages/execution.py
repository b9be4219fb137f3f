"""An execution: its state, its task runs against time, its logs as they come, what went in and came out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct, field
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from segue.engine.flowables.loop import how_far
from segue.model.execution import Execution, Kind, TaskRun
from segue.model.flow import Flow
from segue.model.names import TaskRunId
from segue.model.order import LogLevel
from segue.model.revision import FlowKey, Revision
from segue.model.state import State
from segue.model.trigger import Trigger
from segue.store.reads.matching import Op
from segue.web import asks
from segue.web.actions import (
    Action,
    ChangeStatus,
    Delete,
    ForceRun,
    Kill,
    PassBreakpoint,
    Pause,
    Replay,
    Restart,
    Resume,
    SetLabels,
    SetTaskRunState,
)
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.cause import cause_of
from segue.web.pages.flow import outline_of
from segue.web.pages.graph import graphs_of
from segue.web.pages.input_form import FormField, fields_of
from segue.web.pages.paging import Paging
from segue.web.pages.task_states import task_states_of
from segue.web.pages.timeline import ROWS_MAX, timeline
from segue.web.ports.executions import Rendered, Search
from segue.web.ports.flows import LiveFlow
from segue.web.ports.lists import Field, Filter
from segue.web.ports.logs import LogEntry, LogSearch
from segue.web.ports.reviews import OpenReview
from segue.web.shapes import length_of

LINES: Final = 400
CHILDREN: Final = 25
FIGURES: Final = 100
ITERATIONS: Final = 10
LOOPS: Final = 20
"""Of so many Loops on the page the last iterations are shown."""
# What people may give by hand.
_ENDS: Final = (State.SUCCESS, State.WARNING, State.FAILED, State.KILLED, State.CANCELLED)
_BY_HAND: Final = frozenset[type[Action]]({ChangeStatus, Delete, SetLabels, SetTaskRunState})


class Button(Struct, frozen=True):
    """An act that makes sense in this state. A main one is what people come for; a risky one is asked about again."""

    act: str
    label: str
    is_main: bool = False
    is_risky: bool = False


class Asked(Struct, frozen=True):
    """An expression, the task run it is seen from ("" for the execution itself), and what it came to."""

    expression: str = ""
    seen_from: str = ""
    answer: Rendered | None = None


class Given(Struct, frozen=True):
    """What was sent to let a paused execution go on, and what is wrong with it. `task_run_id` names the approval that a
    decision was meant for; None: it was to resume."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    said: str = ""
    task_run_id: TaskRunId | None = None
    comment: str = ""


class ReviewCard(Struct, frozen=True):
    """A decision that is waited for, with what was given before."""

    asked: OpenReview
    fields: list[FormField]
    given: Given


class Caller(Struct, frozen=True):
    """The execution that asked for this one: by a task that calls flows, or by ending."""

    id: str
    namespace: str
    flow_id: str


def caller_of(execution: Execution) -> Caller | None:
    variables = {} if execution.trigger is None else execution.trigger.variables
    caller, namespace, flow_id = (variables.get(name) for name in ("executionId", "namespace", "flowId"))
    if not isinstance(caller, str) or not caller:
        return None
    return Caller(caller, str(namespace or ""), str(flow_id or ""))


def buttons_of(execution: Execution, possible: frozenset[type[Action]], *, has_form: bool) -> Iterator[Button]:
    """Those acts that are possible. `has_form`: what lets it go on is asked for in a form of its own."""
    is_final = execution.state.is_final
    if Resume in possible and not has_form:
        yield Button("resume", "Resume", is_main=True)
    if PassBreakpoint in possible:
        yield Button("resume-from-breakpoint", "Continue", is_main=True)
    if ForceRun in possible and Resume not in possible:
        yield Button("force-run", "Run now", is_main=True)
    if Restart in possible:
        yield Button("restart", "Restart from failure" if is_final else "Restart", is_main=is_final)
    if Replay in possible:
        yield Button("replay", "Replay", is_main=Restart not in possible)
    if Pause in possible:
        yield Button("pause", "Pause")
    if Kill in possible:
        yield Button("kill", "Kill", is_risky=True)


async def page(web: Web, request: Request) -> Response:
    return await show(web, request)


async def show(
    web: Web, request: Request, code: int = 200, *, asked: Asked | None = None, given: Given | None = None
) -> Response:
    """The page; `asked` is an expression with what it came to, `given` what was refused as an answer to a pause."""
    # Looked at twice: what is read in between belongs to the first look, so that an execution that ends meanwhile
    # is still followed to its last log line; what is drawn is of the second, in one go.
    first = await web.execution_alone(request.path_params["id"])
    is_over = first.state.is_final  # as of now: a live execution goes on while the rest is read
    wanted = _log_search(request, first)
    entries = await web.read(web.reads.logs, wanted)
    revision = await _revision(web, first)
    commit = await web.read(web.sources.commit, first.commit)
    children = await web.read(web.reads.search, _started_by(first.id))
    possible = await web.daemon.possible_acts(first.id)
    live = web.daemon.flow(FlowKey(first.namespace, first.flow_id))
    flow = await _flow_of(web, first, revision, live)
    view = "topology" if request.query_params.get("view") == "topology" and flow is not None else ""
    drawn = await _drawn(web, first, flow) if view and flow is not None else {}
    cause = await cause_of(web, first) if is_over else None
    figures = await web.read(web.reads.metrics, first.id, FIGURES + 1)
    execution = await web.execution_alone(first.id)
    total, runs = await _task_runs(web, request, execution)
    iterations = await _iterations(web, runs)
    now = web.daemon.now()
    chart = timeline(execution, runs, now)
    return render.page(
        web,
        request,
        "execution.html",
        code,
        topics="",
        execution_topic="" if is_over else execution.id,
        execution=execution,
        length=length_of(execution.history, now),
        chart=chart,
        caller=caller_of(execution),
        children=children,
        iterations=iterations,
        paging=Paging.of(request, total=total, size=ROWS_MAX),
        revision=revision,
        commit=commit,
        live=live,
        cause=cause,
        figures=figures,
        figures_max=FIGURES,
        view=view,
        types={} if flow is None else {each.id: each.type for each in flow.all_tasks()},
        **drawn,
        **_acting(web, execution, possible, given or Given()),
        **_logged(wanted, entries, _runs_of(entries, execution, runs)),
        asked=asked or Asked(),
    )


def _acting(web: Web, execution: Execution, possible: frozenset[type[Action]], given: Given) -> dict[str, Any]:
    """What can be done to it, and what it waits for."""
    wanted = web.daemon.asked_on_resume(execution.id)
    resumed = given if given.task_run_id is None else Given()
    return {
        "by_hand": {each.__name__ for each in possible & _BY_HAND},
        "ends": _ENDS,
        "buttons": list(buttons_of(execution, possible, has_form=bool(wanted))),
        "fields": fields_of(wanted, resumed.values) if wanted else None,
        "errors": resumed.errors,
        "said": resumed.said,
        "reviews": [_card(each, given) for each in web.daemon.open_reviews(execution.id)],
    }


def _logged(wanted: LogSearch, entries: Sequence[LogEntry], runs: Iterable[TaskRun]) -> dict[str, Any]:
    """Its log lines, and what they were looked for by."""
    return {
        "entries": entries,
        "run_values": _values(runs),
        "earlier": entries[0].id if len(entries) == LINES else None,
        "last_line": entries[-1].id if entries else 0,
        "level": wanted.min_level,
        "levels": list(LogLevel),
        "find": wanted.text,
        "task_run": wanted.task_run_id,
        "task": wanted.task_id,
        "lines_query": _lines_query(wanted),
    }


def _started_by(execution_id: str) -> Search:
    """Iterations are not among them: they stand with their Loop."""
    by_caller = Filter(Field.TRIGGER_EXECUTION_ID, Op.EQUALS, (execution_id,))
    return Search(filters=(by_caller, Filter(Field.KIND, Op.NOT_EQUALS, (Kind.LOOP.value,))), size=CHILDREN)


async def _iterations(web: Web, runs: Iterable[TaskRun]) -> dict[str, tuple[Execution, ...]]:
    """The last ones of each Loop, by its task run."""
    of_loops = islice((run for run in runs if how_far(run) is not None), LOOPS)
    return {run.id: await web.read(web.reads.last_iterations, run.id, ITERATIONS) for run in of_loops}


async def _task_runs(web: Web, request: Request, execution: Execution) -> tuple[int, list[TaskRun]]:
    """How many there are, and a page of them: of a live one from memory, at once."""
    offset = Paging.of(request, total=0, size=ROWS_MAX).offset
    if execution.task_runs:
        return len(execution.task_runs), list(islice(execution.task_runs.values(), offset, offset + ROWS_MAX))
    stored = await web.read(web.reads.task_runs, execution.id, offset=offset, limit=ROWS_MAX)
    return stored.total, list(stored.results)


def _runs_of(entries: Iterable[LogEntry], execution: Execution, stored: Iterable[TaskRun]) -> Iterable[TaskRun]:
    """Whose log lines they are: all of a live execution, else those among the `stored` ones that are at hand."""
    if not execution.task_runs:
        return stored
    wanted = {entry.task_run_id for entry in entries if entry.task_run_id is not None}
    return [execution.task_runs[each] for each in wanted if each in execution.task_runs]


def _values(runs: Iterable[TaskRun]) -> dict[TaskRunId, str]:
    """By task run: of those in a ForEach which value they are for."""
    return {run.id: run.value for run in runs if run.value is not None}


async def _revision(web: Web, execution: Execution) -> Revision | None:
    revisions = await web.read(web.reads.revisions, FlowKey(execution.namespace, execution.flow_id))
    return next((each for each in revisions if each.number == execution.revision), None)


async def _flow_of(web: Web, execution: Execution, revision: Revision | None, live: LiveFlow | None) -> Flow | None:
    """The flow as it was for this execution; None if its text is gone, or can no longer be read."""
    if live is not None and live.revision.number == execution.revision:
        return live.flow
    text = None if revision is None else await web.read(web.sources.text, revision)
    return None if revision is None or text is None else await web.read(web.daemon.read_flow, revision, text)


async def _drawn(web: Web, execution: Execution, flow: Flow) -> dict[str, Any]:
    """The flow as a drawing in the colours of what runs; each task leads to its log lines."""
    base = f"/flows/{execution.namespace}/{execution.flow_id}/triggers"
    return {
        "graphs": await web.read(graphs_of, flow),
        "items": outline_of(flow),
        "tallies": task_states_of(await web.read(web.reads.task_states, execution.id)),
        "link": lambda of: (
            base if isinstance(of, Trigger) else f"?{urlencode({'view': 'topology', 'task': of.id})}#logs"
        ),
    }


def _log_search(request: Request, execution: Execution) -> LogSearch:
    query = request.query_params
    level = query.get("level", "")
    return LogSearch(
        execution_id=execution.id,
        min_level=LogLevel[level] if level in LogLevel.__members__ else LogLevel.TRACE,
        text=query.get("find", ""),
        task_run_id=query.get("run") or None,
        task_id=query.get("task") or None,
        before=asks.optional_number(query, "before"),
        newest=True,
        limit=LINES,
    )


def _lines_query(wanted: LogSearch) -> dict[str, str]:
    pairs = {
        "level": str(wanted.min_level),
        "find": wanted.text,
        "run": wanted.task_run_id or "",
        "task": wanted.task_id or "",
    }
    return {name: value for name, value in pairs.items() if value}


async def lines(web: Web, request: Request) -> Response:
    """The log lines after one, as a piece of the page."""
    execution = await web.execution_alone(request.path_params["id"])
    after = asks.number(request.query_params, "after", 0, most=1 << 62)
    wanted = replace(_log_search(request, execution), after=after, newest=False)
    entries: tuple[LogEntry, ...] = await web.read(web.reads.logs, wanted)
    stored = [] if execution.task_runs or not entries else (await _task_runs(web, request, execution))[1]
    return render.bare("lines.html", entries=entries, run_values=_values(_runs_of(entries, execution, stored)))


def _card(asked: OpenReview, given: Given) -> ReviewCard:
    own = given if given.task_run_id == asked.task_run_id else Given()
    return ReviewCard(asked, fields_of(asked.inputs, own.values), own)
