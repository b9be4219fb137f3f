"""Flow texts: checked, drawn and completed as they are sent, kept nowhere and never run; and live ones searched in."""

import re
from collections.abc import Iterator
from time import monotonic
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from segue.expression.errors import ExpressionError
from segue.expression.filters import FILTERS
from segue.expression.functions import FUNCTIONS
from segue.expression.java_regex import all_in
from segue.model.flow import Flow
from segue.model.problem import Problem, Severity
from segue.store.reads.matching import Op
from segue.web import asks
from segue.web.answers import Refused, as_json, problem_json
from segue.web.api.flows import DEPRECATED
from segue.web.context import Web
from segue.web.finding import flows_meeting
from segue.web.flow_shapes import flow_json, graph_json
from segue.web.ports.flows import Checked, LiveFlow
from segue.web.ports.lists import Field, Filter

_SEPARATOR: Final = re.compile(r"^---[ \t]*$", re.MULTILINE)
FLOW_PATH: Final = "flow.yaml"  # what problems call a text that lies in no repository
MATCHES_MAX: Final = 50  # told of one flow
SEARCH_SECONDS_MAX: Final = 5.0

# Checking.


async def validate(web: Web, request: Request) -> Response:
    """What is right and wrong with a flow's text."""
    text = await asks.text_body(request)
    checked = await web.read(lambda: [web.daemon.check(each, FLOW_PATH) for each in documents(text)])
    return as_json([_checked_json(each, index) for index, each in enumerate(checked)])


def documents(text: str) -> list[str]:
    """The YAML documents of a text, each pushed down by empty lines to where it stands, so that places stay true."""
    found: list[str] = []
    start = 0
    for end in [*(match.start() for match in _SEPARATOR.finditer(text)), len(text)]:
        document = _SEPARATOR.sub("", text[start:end], count=1)
        if document.strip():
            found.append("\n" * text.count("\n", 0, start) + document)
        start = end
    return found or [text]


def _checked_json(checked: Checked, index: int) -> dict[str, Any]:
    errors = [problem for problem in checked.problems if problem.severity is Severity.ERROR]
    warnings = [problem for problem in checked.problems if problem.severity is Severity.WARNING]
    flow = checked.flow
    return {
        "index": index,
        "flow": None if flow is None else flow.id,
        "namespace": None if flow is None else flow.namespace,
        "constraints": "\n".join(_violation(problem) for problem in errors) or None,
        "outdated": False,
        "deprecationPaths": [problem.where for problem in warnings if problem.code == DEPRECATED],
        "warnings": [_violation(problem) for problem in warnings],
        "infos": [],
        "problems": [problem_json(problem) for problem in checked.problems],
    }


def _violation(problem: Problem) -> str:
    """`path of keys: sentence`, on one line."""
    message = " ".join(problem.message.split())
    return f"{problem.where}: {message}" if problem.where else message


class _Frame(Struct, frozen=True):
    """A flow around a part, so that the part can be checked: what stands before it, where, and how deep."""

    head: str
    place: str

    def around(self, part: str) -> str:
        # Indented it is the list's one entry, block or flow style alike; JSON is YAML.
        return f"{self.head}  -\n" + "".join(f"    {line}\n" for line in part.splitlines())

    def unframed(self, problem: Problem) -> Problem:
        where = problem.where.removeprefix(self.place).removeprefix(".")
        lines = self.head.count("\n") + 1
        return replace(problem, where=where, line=max(1, problem.line - lines), column=max(1, problem.column - 4))


_FLOW: Final = "id: part\nnamespace: part\n"
_TASK: Final = _Frame(f"{_FLOW}tasks:\n", "tasks[0]")
_TRIGGER: Final = _Frame(
    f"{_FLOW}tasks:\n  - {{id: only, type: io.kestra.plugin.core.log.Log, message: x}}\ntriggers:\n", "triggers[0]"
)


async def validate_task(web: Web, request: Request) -> Response:
    """One task, or with `?section=triggers` one trigger. What it refers to elsewhere in its flow is not asked for."""
    is_trigger = request.query_params.get("section", "").lower() == "triggers"
    return await _validate_part(web, request, _TRIGGER if is_trigger else _TASK)


async def validate_trigger(web: Web, request: Request) -> Response:
    return await _validate_part(web, request, _TRIGGER)


async def _validate_part(web: Web, request: Request, frame: _Frame) -> Response:
    text = await asks.text_body(request)
    checked = await web.read(web.daemon.check, frame.around(text), FLOW_PATH)
    problems = tuple(frame.unframed(each) for each in checked.problems if frame.place in each.where or not each.where)
    shape = _checked_json(Checked(None, problems), 0)
    return as_json(shape)


# Drawing and completing.


async def graph(web: Web, request: Request) -> Response:
    return as_json(graph_json(await _flow(web, request)))


async def expressions(web: Web, request: Request) -> Response:
    """What can stand in `{{ }}` in the flow, by kind; with `taskId` of one task, whose own variables come too."""
    flow = await _flow(web, request)
    task_id = request.query_params.get("taskId", "")
    categories = {
        "inputs": [f"inputs.{each.id}" for each in flow.inputs],
        "vars": [f"vars.{name}" for name in flow.variables],
        "labels": [f"labels.{name}" for name in flow.labels],
        "outputs": [f"outputs.{each.id}" for each in flow.all_tasks() if each.id != task_id],
        "flow": ["flow.id", "flow.namespace", "flow.revision", "flow.tenantId"],
        "execution": ["execution.id", "execution.startDate", "execution.state", "execution.originalId"],
        "trigger": sorted({f"trigger.{name}" for each in flow.triggers for name in ("id", "type")}),
        "task": ["task.id", "task.type"] if task_id else [],
        "taskrun": ["taskrun.id", "taskrun.startDate", "taskrun.value", "taskrun.iteration"] if task_id else [],
        "functions": sorted(f"{name}()" for name in FUNCTIONS),
        "filters": sorted(FILTERS),
    }
    return as_json({"categories": categories})


async def functions(_: Web, __: Request) -> Response:
    return as_json(sorted(FUNCTIONS))


async def filter_names(_: Web, __: Request) -> Response:
    return as_json(sorted(FILTERS))


async def _flow(web: Web, request: Request) -> Flow:
    checked = await web.read(web.daemon.check, await asks.text_body(request), FLOW_PATH)
    if checked.flow is None:
        raise Refused(422, "The text is no valid flow", checked.problems)
    return checked.flow


# Searching.


async def search(web: Web, request: Request) -> Response:
    """Live flows whose text has `q`, with the lines that have it: whatever the case unless `caseSensitive`, as a `regex`
    or a `wholeWord` if asked."""
    query = request.query_params
    namespace = query.get("namespace")
    wanted = (Filter(Field.NAMESPACE, Op.PREFIX, (namespace,)),) if namespace else ()
    pattern = _pattern(query)
    hits = await web.read(lambda: list(_hits(web, flows_meeting(web, wanted), pattern)))
    return as_json({"results": asks.page_of(query, hits), "total": len(hits)})


def _pattern(query: QueryParams) -> str:
    text = query.get("q", "")
    part = text if asks.flag(query, "regex") else f"\\Q{text.replace(chr(92) + 'E', '')}\\E"
    if asks.flag(query, "wholeWord"):
        part = rf"\b(?:{part})\b"
    return part if asks.flag(query, "caseSensitive") else f"(?iu){part}"


def _hits(web: Web, flows: list[LiveFlow], pattern: str) -> Iterator[dict[str, Any]]:
    deadline = monotonic() + SEARCH_SECONDS_MAX
    for live in flows:
        if monotonic() > deadline:
            raise Refused(
                422, f"The search takes longer than {SEARCH_SECONDS_MAX:g} s: name a namespace, or less of a pattern"
            )
        lines = (web.sources.text(live.revision) or "").splitlines()
        matches = list(_matches(lines, pattern))
        if matches:
            yield {
                "namespace": live.key.namespace,
                "id": live.key.flow_id,
                "editable": False,
                "matches": matches,
                "model": flow_json(live.flow, live.revision),
                "fragments": [each["snippet"] for each in matches],
            }


def _matches(lines: list[str], pattern: str) -> Iterator[dict[str, Any]]:
    told = 0
    for number, line in enumerate(lines, 1):
        try:
            found = next(all_in(pattern, line), None)
        except ExpressionError as error:
            raise Refused(422, f"Invalid parameter `q`: {error}") from error
        if found is None or not found.group():
            continue
        start, end = found.span()
        snippet = f"{line[:start]}[mark]{line[start:end]}[/mark]{line[end:]}"
        yield {"line": number, "column": start + 1, "snippet": snippet}
        told += 1
        if told == MATCHES_MAX:
            return
