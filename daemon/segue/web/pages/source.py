"""Source text for people: YAML in colours, line by line, where each task stands, and differences. Classes only; the
text is escaped."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from markupsafe import Markup, escape
from msgspec import Struct

from segue.model.problem import Problem
from segue.spec.document import Document, read_documents
from segue.spec.finding import Path
from segue.web.pages.words import clean
from segue.web.ports.sources import Sources

_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_TOKENS: Final = re.compile(
    r"""(?P<comment>(?:^|(?<=\s))\#.*$)
      | (?P<expression>\{\{.*?\}\}|\{%.*?%\})
      | (?P<key>^[\s-]*[\w.$-]+(?=\s*:(?:\s|$)))
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')
      | (?P<block>(?<=:\s)[|>][+-]?\d?$)
      | (?P<literal>(?<=[\s\[,])(?:true|false|null|~|-?\d+(?:\.\d+)?)(?=\s*(?:$|[,\]\#])))
    """,
    re.VERBOSE,
)


class Line(Struct, frozen=True):
    number: int
    html: Markup
    problems: tuple[Problem, ...] = ()


def yaml_lines(text: str, problems: tuple[Problem, ...] = ()) -> list[Line]:
    by_line: dict[int, list[Problem]] = {}
    for problem in problems:
        by_line.setdefault(problem.line, []).append(problem)
    return [
        Line(number, coloured(line), tuple(by_line.get(number, ())))
        for number, line in enumerate(text.splitlines(), start=1)
    ]


def coloured(line: str) -> Markup:
    return Markup("").join(_pieces(clean(line)))


def _pieces(line: str) -> Iterator[Markup]:
    end = 0
    for match in _TOKENS.finditer(line):
        yield escape(line[end : match.start()])
        inner = _with_expressions(match[0]) if match.lastgroup == "string" else escape(match[0])
        yield Markup('<span class="y-{}">{}</span>').format(match.lastgroup, inner)
        end = match.end()
    yield escape(line[end:])


def _with_expressions(text: str) -> Markup:
    """A quoted text whose expressions stand out."""
    pieces, end = [], 0
    for match in _EXPRESSION.finditer(text):
        pieces += [escape(text[end : match.start()]), Markup('<span class="y-expression">{}</span>').format(match[0])]
        end = match.end()
    return Markup("").join([*pieces, escape(text[end:])])


class DiffLine(Struct, frozen=True):
    """`kind` is added, removed, same, place or file."""

    kind: str
    text: str


def diff_lines(lines: list[str]) -> list[DiffLine]:
    return [DiffLine(_kind(line), clean(line)) for line in lines]


def _kind(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "file"
    return {"+": "added", "-": "removed", "@": "place"}.get(line[:1], "same")


def excerpt(text: str, line: int, around: int = 2) -> list[Line]:
    """The lines around one."""
    lines = yaml_lines(text)
    return lines[max(0, line - 1 - around) : line + around]


def excerpts_of(sources: Sources, problems: Sequence[Problem], commit_id: str | None) -> dict[Problem, list[Line]]:
    """The lines around each problem, as they stand in a commit."""
    if commit_id is None:
        return {}
    texts = {path: sources.text_at(path, commit_id) for path in {problem.path for problem in problems}}
    return {
        problem: excerpt(text, problem.line)
        for problem in problems
        if problem.line and (text := texts[problem.path]) is not None
    }


def lines_of_tasks(text: str, document: int) -> dict[str, int]:
    """In which line of the text each task begins, by its id."""
    its = next((each for each in read_documents(text) if each.index == document), None)
    return {} if its is None else dict(_tasks_in(its, its.value, ()))


def _tasks_in(its: Document, value: Any, path: Path) -> Iterator[tuple[str, int]]:
    if isinstance(value, dict):
        if path and isinstance(value.get("id"), str) and "type" in value:
            yield value["id"], its.place(path)[0]
        steps: Iterable[tuple[str | int, Any]] = value.items()
        # What is no task may bear the name of one.
        steps = [(key, each) for key, each in steps if path or key not in {"triggers", "inputs", "outputs"}]
    else:
        steps = enumerate(value) if isinstance(value, list) else ()
    for step, each in steps:
        yield from _tasks_in(its, each, (*path, step))
