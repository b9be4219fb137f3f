"""Problems as text for people, JSON and SARIF for programs, and annotations for GitHub's pull requests."""

import json
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from segue import __version__
from segue.model.problem import Problem, Severity

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def text_line(problem: Problem) -> str:
    """`path:line:column code message`, and what to do about it."""
    place = f"{problem.path}:{problem.line}:{problem.column}"
    kind = "warning: " if problem.severity is Severity.WARNING else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{place} {problem.code} {kind}{_sentence(problem)}{hint}"


def _sentence(problem: Problem) -> str:
    """The message; one without a subject gets the key that it is about."""
    is_without_subject = problem.message.startswith(("must ", "size must "))
    return f"{problem.where}: {problem.message}" if problem.where and is_without_subject else problem.message


def printed(problems: Sequence[Problem], wanted: Format) -> str:
    """All problems in a format; the text ends without a newline."""
    return _FORMATS[wanted](problems)


def _text(problems: Iterable[Problem]) -> str:
    return "\n".join(map(text_line, problems))


def _json(problems: Iterable[Problem]) -> str:
    return json.dumps({"problems": [_as_json(each) for each in problems]}, indent=2, ensure_ascii=False)


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.value,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "where": problem.where,
    }


def _github(problems: Iterable[Problem]) -> str:
    return "\n".join(map(_annotation, problems))


def _annotation(problem: Problem) -> str:
    place = f"file={_property(problem.path)},line={max(problem.line, 1)},col={max(problem.column, 1)}"
    message = _sentence(problem) + (f" ({problem.hint})" if problem.hint else "")
    return f"::{problem.severity.value} {place},title={_property(problem.code)}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as GitHub's workflow commands want it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(problems: Sequence[Problem]) -> str:
    codes = sorted({problem.code for problem in problems})
    run = {
        "tool": {
            "driver": {"name": "segue", "version": __version__, "rules": [{"id": code} for code in codes]},
        },
        "results": [_result(problem) for problem in problems],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _result(problem: Problem) -> dict[str, Any]:
    region = {"startLine": max(problem.line, 1), "startColumn": max(problem.column, 1)}
    return {
        "ruleId": problem.code,
        "level": problem.severity.value,
        "message": {"text": _sentence(problem) + (f" ({problem.hint})" if problem.hint else "")},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(problem.path)}, "region": region}}],
    }


def _uri(path: str) -> str:
    """A reference relative to the root of the repository, as the standard wants it."""
    return quote(path.replace("\\", "/"), safe="/")


_FORMATS: Final[dict[Format, Callable[[Sequence[Problem]], str]]] = {
    Format.TEXT: _text,
    Format.JSON: _json,
    Format.GITHUB: _github,
    Format.SARIF: _sarif,
}
