"""Globs over paths relative to a watched folder.

`*` and `?` stay within one name, `**` spans folders, `[a-z]` and `[!a-z]` are sets, `{a,b}` alternatives. A glob
without a slash is about the file's name, wherever the file lies.
"""

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=256)
def matcher(globs: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that fully matches the relative paths meant by any of the globs."""
    return re.compile("|".join(f"(?:{_of(glob)})" for glob in globs) or r"(?!)", re.DOTALL)


def _of(glob: str) -> str:
    glob = glob.removeprefix("./")
    return "".join(_pieces(glob if "/" in glob else f"**/{glob}"))


def _pieces(glob: str) -> Iterable[str]:
    at, depth = 0, 0
    while at < len(glob):
        letter = glob[at]
        if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
            yield "(?:[^/]+/)*"
            at += 3
            continue
        if glob.startswith("**", at):
            yield ".*"
            at += 2
            continue
        if letter == "[" and (end := glob.find("]", at + 2)) > 0:
            yield _set(glob[at + 1 : end])
            at = end + 1
            continue
        if letter == "{" and "}" in glob[at:]:
            depth += 1
            yield "(?:"
        elif letter == "}" and depth:
            depth -= 1
            yield ")"
        elif letter == "," and depth:
            yield "|"
        else:
            yield {"*": "[^/]*", "?": "[^/]"}.get(letter) or re.escape(letter)
        at += 1


def _set(inner: str) -> str:
    negated = inner[0] in "!^"
    body = inner[negated:].replace("\\", "\\\\").replace("[", "\\[")
    return f"(?!/)[{'^' if negated else ''}{body}]"
