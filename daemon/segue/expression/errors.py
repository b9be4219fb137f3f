"""What an expression can fail with: one error that carries its place, and two kinds of it that the evaluator itself tells apart.

An error is raised where the fault is noticed, often without a place; the closure around it, which knows the line, adds it.
"""

from __future__ import annotations

from typing import Self

_SHOWN_MAX = 200


class ExpressionError(Exception):
    """A template that cannot be read or rendered. `message` is bare; `str()` adds what and where."""

    def __init__(self, message: str, line: int = 0, column: int = 0, expression: str = "") -> None:
        super().__init__(message, line, column, expression)
        self.message = message
        self.line = line
        self.column = column
        self.expression = expression

    def at(self, line: int, column: int) -> Self:
        """The same error, with this place unless it knows a closer one."""
        if not self.line:
            self.line, self.column = line, column
        return self

    def within(self, expression: str) -> Self:
        """The same error, with the text it happened in unless an inner text is known."""
        if not self.expression:
            self.expression = expression
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str, int, int, str]]:
        return (type(self), (self.message, self.line, self.column, self.expression))

    def __str__(self) -> str:
        if not self.line:
            return self.message
        place = f"line {self.line}, column {self.column}"
        return (
            f"{self.message} (`{_shown(self.expression)}` at {place})"
            if self.expression
            else f"{self.message} ({place})"
        )


class NotFound(ExpressionError):
    """A variable, key or index that is not there: what `??`, `???`, `default` and `is defined` catch.

    Made with the bare name; the words around it are Kestra's, which people search for.
    """

    def __init__(self, name: str, line: int = 0, column: int = 0, expression: str = "") -> None:
        super().__init__(name, line, column, expression)
        self.name = name
        self._reword()

    def within(self, expression: str) -> Self:
        super().within(expression)
        self._reword()
        return self

    def _reword(self) -> None:
        where = f" used in the expression `{_shown(self.expression)}` at line {self.line}" if self.expression else ""
        self.message = f"Unable to find `{self.name}`{where}"

    def __reduce__(self) -> tuple[type[Self], tuple[str, int, int, str]]:
        return (type(self), (self.name, self.line, self.column, self.expression))

    def __str__(self) -> str:
        return self.message


class Sealed(ExpressionError):
    """A value that is encrypted at rest was asked for where nobody may read it: a worker can."""


class BudgetExceeded(ExpressionError):
    """The template wanted more steps, output or nesting than it is given."""


def _shown(expression: str) -> str:
    return expression if len(expression) <= _SHOWN_MAX else expression[:_SHOWN_MAX] + "…"
