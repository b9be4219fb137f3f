"""Answers: JSON as Kestra's clients read it, refusals, and files. Pages are made in `pages`."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from segue.model.problem import Problem
from segue.web.dates import duration_text, iso
from segue.web.ports.refusals import Refusal
from segue.web.ports.storage import StoredFile

CHUNK: Final = 1 << 16

T = TypeVar("T")


class Refused(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(
        self, status: int, message: str, problems: tuple[Problem, ...] = (), retry_after: int | None = None
    ) -> None:
        super().__init__(status, message)
        self.status, self.message, self.problems, self.retry_after = status, message, problems, retry_after

    def __str__(self) -> str:
        return f"{self.status} {self.message}"


def granted(answer: T | Refusal) -> T:
    """What was asked for; raises `Refused` where the daemon refused."""
    if isinstance(answer, Refusal):
        raise refused(answer)
    return answer


def refused(refusal: Refusal) -> Refused:
    return Refused(refusal.status, refusal.message, refusal.problems, refusal.retry_after)


def found(value: T | None, what: str) -> T:
    """The value; raises a 404 that names what is not there."""
    if value is None:
        raise Refused(404, f"Not Found: {what}")
    return value


def to_json(value: Any) -> bytes:
    """JSON in UTF-8. NaN and infinities, which JSON has not, become null."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False)
    except ValueError:
        text = json.dumps(_without_nan(value), ensure_ascii=False, separators=(",", ":"), default=_plain)
    # Lone surrogates (a script may print anything) have no UTF-8.
    return text.encode("utf-8", "replace")


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(to_json(value), status, headers, media_type="application/json")


def error(status: int, message: str, path: str = "", problems: tuple[Problem, ...] = ()) -> Response:
    body: dict[str, Any] = {"message": message}
    if path:
        body["path"] = path
    if problems:
        body["problems"] = [problem_json(problem) for problem in problems]
    return as_json(body, status)


def problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "severity": problem.severity,
        "where": problem.where,
    }


def download(file: StoredFile, name: str) -> Response:
    """A file as attachment: a browser must never show what a task wrote as a page of ours."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Length": str(file.size),
    }
    return StreamingResponse(_chunks(file), headers=headers, media_type="application/octet-stream")


def _chunks(file: StoredFile) -> Iterator[bytes]:
    with file.content as content:
        while chunk := content.read(CHUNK):
            yield chunk


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return iso(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return duration_text(value)
        case Mapping():
            return dict(value)
        case set() | frozenset() | tuple():
            return list(value)
        case bytes():
            return value.decode("utf-8", "replace")
    return str(value)


def _without_nan(value: Any) -> Any:
    match value:
        case float():
            return value if value - value == 0 else None
        case Mapping():
            return {key: _without_nan(each) for key, each in value.items()}
        case list() | tuple():
            return [_without_nan(each) for each in value]
    return value
