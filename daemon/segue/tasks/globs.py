"""Patterns of paths as Kestra's tasks have them: a glob of Java's, `glob:...`, or `regex:...`.

Paths begin with a slash. `*` and `?` stay within one name, `**` spans folders, `[a-z]` and `[!a-z]` are sets, `{a,b}`
are alternatives. A pattern that begins with neither a slash nor `**` is about any folder: `data/*.csv` is
`**/data/*.csv`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from segue.tasks.kind import TaskFailed

_GLOB: Final = "glob:"
_REGEX: Final = "regex:"


def with_syntax(pattern: str, base: str | None = None) -> str:
    """The pattern with its `glob:` or `regex:`; without one it is a glob, below `base` if there is one."""
    if pattern.startswith((_GLOB, _REGEX)):
        return pattern
    if base is not None:
        return f"{_GLOB}{base.rstrip('/')}/{pattern.removeprefix('/')}"
    return _GLOB + pattern if pattern.startswith(("/", "**")) else f"{_GLOB}**/{pattern}"


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Does a path match one of them? Raises `TaskFailed` for a pattern that is none."""
    compiled = [_compiled(with_syntax(pattern)) for pattern in patterns]
    return lambda path: any(pattern.fullmatch(path) for pattern in compiled)


def _compiled(pattern: str) -> re.Pattern[str]:
    text = pattern.removeprefix(_REGEX) if pattern.startswith(_REGEX) else "".join(_pieces(pattern.removeprefix(_GLOB)))
    try:
        return re.compile(text, re.DOTALL)
    except re.error as error:
        raise TaskFailed(f"{pattern!r} is no pattern of paths: {error}") from error


def _pieces(glob: str) -> Iterator[str]:
    at, depth = 0, 0
    while at < len(glob):
        letter = glob[at]
        at += 1
        if letter == "*" and glob.startswith("*", at):
            at += 1
            yield ".*"
        elif letter == "[" and (end := glob.find("]", at + 1)) > 0:
            yield _set(glob[at:end])
            at = end + 1
        elif letter == "{":
            depth += 1
            yield "(?:"
        elif letter == "}" and depth:
            depth -= 1
            yield ")"
        elif letter == "," and depth:
            yield "|"
        elif letter == "\\" and at < len(glob):
            yield re.escape(glob[at])
            at += 1
        else:
            yield {"*": "[^/]*", "?": "[^/]"}.get(letter) or re.escape(letter)


def _set(inner: str) -> str:
    is_negated = inner[0] == "!"
    body = inner[is_negated:].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    return f"(?!/)[{'^' if is_negated else ''}{body}]"
