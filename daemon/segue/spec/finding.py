"""Finding: something wrong at a path of keys, before anybody has looked up its line. Becomes a Problem in the end."""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from segue.model.problem import Problem, Severity

Path = tuple[str | int, ...]


class Finding(Struct, frozen=True, kw_only=True):
    """What is wrong, and at which path. `at` is line and column where they are known already; `at_key` asks for the
    place of the key rather than of its value; `inside` is the line and column, from 1, within a text at the path."""

    where: Path
    code: str
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR
    at_key: bool = False
    at: tuple[int, int] | None = None
    inside: tuple[int, int] | None = None


def warning(where: Path, code: str, message: str, *, hint: str | None = None, at_key: bool = False) -> Finding:
    return Finding(where=where, code=code, message=message, hint=hint, severity=Severity.WARNING, at_key=at_key)


def path_text(path: Iterable[str | int]) -> str:
    """The path as people write it: `tasks[0].message`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


class Places(Protocol):
    """Knows the line and column of what is at a path."""

    def place(self, path: Path, *, at_key: bool = False) -> tuple[int, int]: ...

    def place_inside(self, path: Path, line: int, column: int) -> tuple[int, int]: ...


def placed(findings: Iterable[Finding], places: Places, path: str) -> tuple[Problem, ...]:
    """The findings as problems of the file at `path`, by line."""
    problems = (_problem(finding, places, path) for finding in findings)
    return tuple(sorted(problems, key=lambda each: (each.line, each.column)))


def _problem(finding: Finding, places: Places, path: str) -> Problem:
    line, column = _place_of(finding, places)
    return Problem(
        path=path,
        line=line,
        column=column,
        code=finding.code,
        message=finding.message,
        hint=finding.hint,
        severity=finding.severity,
        where=path_text(finding.where),
    )


def _place_of(finding: Finding, places: Places) -> tuple[int, int]:
    if finding.at is not None:
        return finding.at
    if finding.inside is not None:
        return places.place_inside(finding.where, *finding.inside)
    return places.place(finding.where, at_key=finding.at_key)
