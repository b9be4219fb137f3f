"""Problem: something wrong in authored text, with its place. A value, never an exception."""

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """An error keeps the text from going live; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Struct, frozen=True, kw_only=True):
    """What is wrong, where, and what to do.

    `code` is a kebab word that never changes (`unknown-key`). `line` and `column` count from 1; 0 where the text
    as a whole is meant. `where` is the path of keys inside the document (`tasks[0].message`), for clients that
    know the document rather than its lines.
    """

    path: str
    line: int
    column: int
    code: str
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR
    where: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place} {self.code} {self.message}{hint}"
