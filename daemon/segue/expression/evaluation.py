"""One rendering as it runs: the variables it sees, what is left of its budget, and the way outside. What filters and functions are handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from typing import Any

from msgspec import Struct, field

from segue.expression.budget import Budget, Meter
from segue.expression.dates import zone_named
from segue.expression.errors import ExpressionError
from segue.expression.outside import Closed, Outside
from segue.expression.tree import Dialect


class Scope(Struct, frozen=True, kw_only=True):
    """What a template is rendered in: plain values by name, the outside, a bound. One scope serves many templates."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    outside: Outside = field(default_factory=Closed)
    budget: Budget = field(default_factory=Budget)
    recursive: bool = False
    """Whether results are rendered again until they no longer change: Kestra's setting `variables.recursive-rendering`."""


RenderText = Callable[[str, "Evaluation", int | None], str]
"""Renders a text in a running evaluation, so many times over, or until it no longer changes."""


class Evaluation:
    """The state of one rendering. `names` are the local scopes, the innermost last; below them lie the scope's variables."""

    __slots__ = ("blocks", "closed", "dialect", "macros", "meter", "names", "outside", "render_text", "variables")

    def __init__(
        self, variables: Mapping[str, Any], outside: Outside, meter: Meter, dialect: Dialect, render_text: RenderText
    ) -> None:
        self.variables = variables
        self.outside = outside
        self.meter = meter
        self.dialect = dialect
        self.render_text = render_text
        self.names: list[dict[str, Any]] = [{}]
        self.closed = 0
        """Scopes below this index are hidden: where the innermost macro began. Variables are hidden too unless it is 0."""
        self.macros: dict[str, Callable[..., str]] = {}
        self.blocks: dict[str, Callable[[Evaluation, list[str]], None]] = {}

    def variable(self, name: str) -> Any:
        """The value of a variable, None if there is none: for functions that look at the run's own variables."""
        for names in reversed(self.names[self.closed :]):
            if name in names:
                return names[name]
        return self.variables.get(name)

    def has(self, name: str) -> bool:
        """Whether the innermost scope has this name: a loop that would hide it opens a scope of its own."""
        innermost = self.names[-1]
        return name in innermost or (len(self.names) == 1 and name in self.variables)

    def assign(self, name: str, value: Any) -> None:
        """Change a name where it is known, else make it in the innermost scope."""
        for names in reversed(self.names[self.closed :]):
            if name in names:
                names[name] = value
                return
        self.names[-1][name] = value

    @contextmanager
    def closed_scope(self) -> Iterator[dict[str, Any]]:
        """A scope from which nothing outside is seen. Whatever is left inside is cleared away, errors or not."""
        closed, height = self.closed, len(self.names)
        names: dict[str, Any] = {}
        self.meter.enter()
        self.names.append(names)
        self.closed = height
        try:
            yield names
        finally:
            del self.names[height:]
            self.closed = closed
            self.meter.leave()

    def nested(self) -> Evaluation:
        """An evaluation of another template that sees what this one sees and draws on the same budget."""
        return Evaluation(self.visible(), self.outside, self.meter, self.dialect, self.render_text)

    def zone(self, name: str | None) -> tzinfo:
        return zone_named(name if name is not None else self.outside.zone)

    def visible(self) -> dict[str, Any]:
        """All variables by name, local ones over the given ones."""
        merged = dict(self.variables) if not self.closed else {}
        for names in self.names[self.closed :]:
            merged.update(names)
        return merged

    def map_variable(self, name: str) -> dict[str, Any]:
        """A variable that the engine sets as a map; a function that needs it cannot work without."""
        value = self.variable(name)
        if not isinstance(value, dict):
            raise ExpressionError(f"The variable `{name}` is not available here")
        return value
