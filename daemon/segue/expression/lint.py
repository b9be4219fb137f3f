"""What is wrong with a template before it runs: names that do not exist, arguments that no parameter takes, date letters that mislead.

Only what the text alone tells. Whether `outputs.x` exists is for those who know the flow: `references` gives them the paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from msgspec import Struct, field

from segue.expression.date_pattern import fields_of
from segue.expression.dates import FORMAT_NAMES
from segue.expression.errors import ExpressionError
from segue.expression.filters import FILTERS
from segue.expression.functions import FUNCTIONS
from segue.expression.parser import parse
from segue.expression.signatures import FilterSignature, FunctionSignature
from segue.expression.tree import (
    Arguments,
    Body,
    Call,
    Dialect,
    Expression,
    FilterBlock,
    Filtered,
    Literal,
    Macro,
    Tested,
)
from segue.expression.value_tests import TESTS
from segue.expression.walk import expressions_in, statements_in

# Where a date pattern stands among the arguments of what takes one.
_PATTERN_PLACES = {"date": 0, "dateAdd": 2, "now": 0}

# What people write who come from other template languages, and that no likeness of names would tell.
_HABITS: Final[Mapping[tuple[str, str], str]] = {
    ("filter", "dateFormat"): "use `date`: {{ x | date('yyyy-MM-dd') }}",
    ("filter", "datetime"): "use `date`: {{ x | date('yyyy-MM-dd') }}",
    ("filter", "truncate"): "use `abbreviate`: {{ x | abbreviate(20) }}",
    ("filter", "ternary"): "write it as {{ condition ? a : b }}",
    ("filter", "fromJson"): "it is a function: {{ fromJson(x) }}",
    ("filter", "fromIon"): "it is a function: {{ fromIon(x) }}",
    ("filter", "tojson"): "use `toJson`",
    ("filter", "int"): "use `number`: {{ x | number('INT') }}",
    ("filter", "float"): "use `number`: {{ x | number('DOUBLE') }}",
    ("filter", "size"): "use `length`",
    ("filter", "count"): "use `length`",
    ("filter", "lowercase"): "use `lower`",
    ("filter", "uppercase"): "use `upper`",
    ("filter", "safe"): "leave it out: nothing is escaped",
    ("filter", "escape"): "use `escapeChar('double')`",
    ("function", "env"): "use the variable `envs`",
    ("function", "len"): "use the filter `length`",
    ("function", "date"): "it is a filter: {{ now() | date('yyyy-MM-dd') }}",
    ("function", "toJson"): "it is a filter: {{ x | toJson }}",
    ("function", "jq"): "it is a filter: {{ x | jq('.a') }}",
    ("function", "default"): "it is a filter: {{ x | default('y') }}",
    ("function", "first"): "it is a filter: {{ x | first }}",
    ("function", "length"): "it is a filter: {{ x | length }}",
    ("function", "loop"): "`loop` is a variable inside {% for %}",
}


class Names(Struct, frozen=True):
    """What templates may call. Add to it what another edition or a plugin brings."""

    functions: Mapping[str, FunctionSignature] = field(default_factory=lambda: FUNCTIONS)
    filters: Mapping[str, FilterSignature] = field(default_factory=lambda: FILTERS)
    tests: Iterable[str] = tuple(TESTS)


KNOWN = Names()


class Finding(Struct, frozen=True):
    """One thing wrong. `hint` says what was probably meant, if that can be guessed."""

    code: str
    message: str
    line: int
    column: int
    hint: str | None = None


def lint_template(text: str, known: Names = KNOWN, dialect: Dialect = Dialect.V1) -> list[Finding]:
    """All findings in the order of the text; of a template that cannot be read, the one that says why."""
    if "{" not in text:
        return []
    try:
        body = parse(text, dialect)
    except ExpressionError as error:
        return [Finding("expression-syntax", error.message, error.line, error.column)]
    except RecursionError:
        return [Finding("expression-syntax", "The expression nests too deep", 1, 1)]
    return findings_in(body, known)


def findings_in(body: Body, known: Names = KNOWN) -> list[Finding]:
    """The same of a template that was read already."""
    return sorted(_findings(body, known), key=lambda finding: (finding.line, finding.column))


def _findings(body: Body, known: Names) -> Iterator[Finding]:
    macros = {statement.name for statement in statements_in(body) if isinstance(statement, Macro)}
    for statement in statements_in(body):
        if isinstance(statement, FilterBlock):
            for name, arguments in statement.filters:
                yield from _of_filter(name, arguments, statement.line, statement.column, known)
    for node in expressions_in(body):
        match node:
            case Call() if node.name not in macros:
                yield from _of_call(node, known)
            case Filtered():
                yield from _of_filter(node.name, node.arguments, node.line, node.column, known)
            case Tested() if node.name not in known.tests:
                yield _unknown("test", node.name, known.tests, node.line, node.column)


def _of_call(node: Call, known: Names) -> Iterator[Finding]:
    signature = known.functions.get(node.name)
    if signature is None:
        yield _unknown("function", node.name, known.functions, node.line, node.column)
        return
    yield from _of_arguments(f"The function '{node.name}'", signature, node.arguments, node.line, node.column)
    yield from _of_pattern(node.name, node.arguments)


def _of_filter(name: str, arguments: Arguments, line: int, column: int, known: Names) -> Iterator[Finding]:
    signature = known.filters.get(name)
    if signature is None:
        yield _unknown("filter", name, known.filters, line, column)
        return
    yield from _of_arguments(f"The filter '{name}'", signature, arguments, line, column)
    yield from _of_pattern(name, arguments)


def _unknown(kind: str, name: str, known: Iterable[str], line: int, column: int) -> Finding:
    hint = _HABITS.get((kind, name)) or _meant(name, known)
    return Finding(f"unknown-{kind}", f"There is no {kind} '{name}'", line, column, hint)


def _meant(name: str, known: Iterable[str]) -> str | None:
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return f"did you mean '{by_lower[close[0]]}'?" if close else None


# Arguments


def _of_arguments(
    what: str, signature: FilterSignature | FunctionSignature, arguments: Arguments, line: int, column: int
) -> Iterator[Finding]:
    given = len(arguments.positional)
    if signature.variadic:
        if given < signature.required:
            yield Finding("wrong-arity", f"{what} needs at least {signature.required} arguments", line, column)
        return
    if given > len(signature.parameters):
        yield Finding("wrong-arity", f"{what} takes {_takes(signature.parameters)}, not {given}", line, column)
    names = [name for name, _ in arguments.named]
    for name, value in arguments.named:
        if name not in signature.parameters:
            hint = _meant(name, signature.parameters)
            yield Finding("unknown-argument", f"{what} has no argument '{name}'", value.line, value.column, hint)
        elif name in signature.parameters[:given] or names.count(name) > 1:
            yield Finding("duplicate-argument", f"{what} is given '{name}' twice", value.line, value.column)
    missing = [name for name in signature.parameters[given : signature.required] if name not in names]
    if missing:
        wanted = ", ".join(f"'{name}'" for name in missing)
        yield Finding("wrong-arity", f"{what} needs the argument {wanted}", line, column)


def _takes(parameters: tuple[str, ...]) -> str:
    if not parameters:
        return "no arguments"
    return f"at most {len(parameters)} argument{'s' if len(parameters) > 1 else ''} ({', '.join(parameters)})"


# Date patterns


def _of_pattern(name: str, arguments: Arguments) -> Iterator[Finding]:
    if name not in _PATTERN_PLACES:
        return
    place = _PATTERN_PLACES[name]
    positional = arguments.positional[place : place + 1]
    named = [value for parameter, value in arguments.named if parameter in {"format", "existingFormat"}]
    for value in (*positional, *named):
        yield from _of_letters(value)


def _of_letters(value: Expression) -> Iterator[Finding]:
    if not isinstance(value, Literal) or not isinstance(value.value, str) or value.value in FORMAT_NAMES:
        return
    pattern, line, column = value.value, value.line, value.column
    try:
        letters = {entry.letter for entry in fields_of(pattern)}
    except ExpressionError as error:
        yield Finding("bad-date-pattern", error.message, line, column)
        return
    if "Y" in letters and not letters & {"w", "W"}:
        message = f"'{pattern}' has the week's year (Y), which differs from the date's year (y) around New Year"
        yield Finding("week-year", message, line, column, f"did you mean '{pattern.replace('Y', 'y')}'?")
    if "D" in letters and letters & {"M", "L"}:
        message = f"'{pattern}' has the day of the year (D) beside a month"
        yield Finding("day-of-year", message, line, column, f"did you mean '{pattern.replace('D', 'd')}'?")
