"""The way in: a text compiled once, rendered as often as needed.

`compile_template` -> `Template.render` (text) or `Template.render_typed` (a value where the template is one expression);
`render_value` does the same through maps and lists. A template without expressions costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

from segue.expression.budget import CODE_TEXT_MAX, RENDER_PASSES_MAX, Meter, check_size
from segue.expression.compile import Program, compile_body
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation, Scope
from segue.expression.parser import parse
from segue.expression.references import Reference, effects_in, references_in
from segue.expression.tokens import RAW_BLOCK
from segue.expression.tree import Body, Dialect, Text
from segue.expression.values import class_name, is_number, plain, to_text, wrapped

__all__ = [
    "Dialect",
    "Scope",
    "Template",
    "compile_template",
    "concatenated",
    "effects_of",
    "plain",
    "references_of",
    "render_value",
    "truthy",
]

_CACHED_TEXT_MAX = 1 << 14
_CACHED_TEMPLATES_MAX = 2048
_FALSE_TEXTS = frozenset({"", "false", "0", "-0"})


class Template:
    """A compiled template. Immutable, and safe to share."""

    def __init__(self, text: str, dialect: Dialect, body: Body, program: Program) -> None:
        self.text = text
        self.dialect = dialect
        self.body = body
        self._program = program

    @cached_property
    def is_constant(self) -> bool:
        """Whether there is nothing to evaluate."""
        return all(isinstance(statement, Text) for statement in self.body)

    @cached_property
    def references(self) -> frozenset[Reference]:
        """The variables it may read; `()` is everything."""
        return references_in(self.body)

    @cached_property
    def effects(self) -> frozenset[str]:
        """Names of filters and functions in it that must not be evaluated in the main process."""
        return effects_in(self.body)

    def render(self, scope: Scope) -> str:
        """The text it comes to."""
        return self._render(scope, Meter(scope.budget))

    def render_typed(self, scope: Scope) -> Any:
        """The value, if the template is one expression or several side by side; else the text."""
        return self._render_typed(scope, Meter(scope.budget))

    def _render(self, scope: Scope, meter: Meter) -> str:
        try:
            evaluation = _evaluation(scope, meter, self.dialect)
            text = _run(self, evaluation)
            if scope.recursive:
                text = _render_text(text, evaluation, None)
        except ExpressionError as error:
            raise error.within(self.text)  # noqa: B904 - the same error
        except RecursionError as error:
            raise ExpressionError("The expression nests too deep", 1, 1, self.text) from error
        return _without_raw_tags(text)

    def _render_typed(self, scope: Scope, meter: Meter) -> Any:
        parts = self._program.parts
        if scope.recursive or parts is None or any(isinstance(part, str) for part in parts):
            return self._render(scope, meter)
        try:
            evaluation = _evaluation(scope, meter, self.dialect)
            value = concatenated([part(evaluation) for part in parts if not isinstance(part, str)], self.dialect, meter)
            check_size(value, meter)
        except ExpressionError as error:
            raise error.at(1, 1).within(self.text)  # noqa: B904 - the same error
        except RecursionError as error:
            raise ExpressionError("The expression nests too deep", 1, 1, self.text) from error
        return _without_raw_tags(value) if isinstance(value, str) else value


def compile_template(text: str, dialect: Dialect = Dialect.V1) -> Template:
    """The template of a text; `ExpressionError` with line and column if it cannot be read."""
    return _compiled_short(text, dialect) if len(text) <= _CACHED_TEXT_MAX else _compiled(text, dialect)


@lru_cache(maxsize=_CACHED_TEMPLATES_MAX)
def _compiled_short(text: str, dialect: Dialect) -> Template:
    return _compiled(text, dialect)


def _compiled(text: str, dialect: Dialect) -> Template:
    try:
        body = parse(text, dialect) if "{" in text else (Text(1, 1, text),)
        return Template(text, dialect, body, compile_body(body, dialect))
    except ExpressionError as error:
        raise error.at(1, 1).within(text)  # noqa: B904 - the same error
    except RecursionError as error:
        raise ExpressionError("The expression nests too deep", 1, 1, text) from error


def _evaluation(scope: Scope, meter: Meter, dialect: Dialect) -> Evaluation:
    return Evaluation(scope.variables, scope.outside, meter, dialect, _render_text)


def _run(template: Template, evaluation: Evaluation) -> str:
    program = template._program  # noqa: SLF001 - the same module
    evaluation.macros, evaluation.blocks = program.macros, program.blocks
    out: list[str] = []
    program.run(evaluation, out)
    return out[0] if len(out) == 1 else "".join(out)


def _render_text(text: str, evaluation: Evaluation, passes: int | None) -> str:
    """A text rendered so many times, or until it stays as it is. Raw blocks keep their tags until the very end."""
    for _ in range(RENDER_PASSES_MAX if passes is None else passes):
        if "{" not in text:
            return text
        evaluation.meter.step(1 + (min(len(text), CODE_TEXT_MAX) >> 2))
        template = compile_template(text, evaluation.dialect)
        try:
            rendered = _run(template, evaluation.nested())
        except ExpressionError as error:
            raise error.within(text)  # noqa: B904 - the same error
        if rendered == text:
            return text
        text = rendered
    if passes is None:
        raise ExpressionError("Too many rendering attempts")
    return text


def _without_raw_tags(text: str) -> str:
    if "endraw" not in text:
        return text
    return RAW_BLOCK.sub(lambda found: found.group(1), text)


def concatenated(values: list[Any], dialect: Dialect, meter: Meter) -> Any:
    """One value from expressions side by side: a single one is itself; numbers add up in 1.x, all else joins as text."""
    present = [value for value in values if value is not None]
    if len(present) <= 1:
        return present[0] if present else None
    current = present[0]
    for value in present[1:]:
        current = _concatenated(current, value, dialect, meter)
    return current


def _concatenated(left: Any, right: Any, dialect: Dialect, meter: Meter) -> Any:
    if dialect is Dialect.V1 and is_number(left):
        if is_number(right):
            total = left + right
            return wrapped(total) if isinstance(total, int) else total
        raise ExpressionError(f"Tried to add {class_name(right)} to {class_name(left)}")
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        raise ExpressionError(f"Cannot concat {class_name(left)} with {class_name(right)}")
    texts = to_text(left, meter), to_text(right, meter)
    meter.join(sum(map(len, texts)))
    return "".join(texts)


# Values that hold templates


def render_value(value: Any, scope: Scope, *, typed: bool = False, dialect: Dialect = Dialect.V1) -> Any:
    """The value with every text in it rendered: keys and values of maps, items of lists. All of it shares one budget."""
    return _rendered_value(value, scope, Meter(scope.budget), typed, dialect)


def _rendered_value(value: Any, scope: Scope, meter: Meter, typed: bool, dialect: Dialect) -> Any:
    if isinstance(value, str):
        if "{" not in value:
            return value
        template = compile_template(value, dialect)
        return template._render_typed(scope, meter) if typed else template._render(scope, meter)  # noqa: SLF001 - the same module
    if isinstance(value, dict):
        return {
            _rendered_value(key, scope, meter, False, dialect): _rendered_value(item, scope, meter, typed, dialect)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_rendered_value(item, scope, meter, typed, dialect) for item in value]
    return value


def references_of(value: Any, dialect: Dialect = Dialect.V1) -> frozenset[Reference]:
    """The variables that the templates in a value may read. A text that is no template reads none: rendering will say what is wrong."""
    return frozenset(found for template in _templates(value, dialect) for found in template.references)


def effects_of(value: Any, dialect: Dialect = Dialect.V1) -> frozenset[str]:
    """The effects of the templates in a value."""
    return frozenset(found for template in _templates(value, dialect) for found in template.effects)


def _templates(value: Any, dialect: Dialect) -> Iterator[Template]:
    if isinstance(value, str):
        if "{" in value:
            try:
                yield compile_template(value, dialect)
            except ExpressionError:
                return
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _templates(key, dialect)
            yield from _templates(item, dialect)
    elif isinstance(value, list):
        for item in value:
            yield from _templates(item, dialect)


def truthy(rendered: str | None) -> bool:
    """Kestra's truth of a rendered condition (`runIf`, `If`): all but nothing, `false`, `0` and `-0`, to the letter."""
    return rendered is not None and rendered not in _FALSE_TEXTS
