"""Statements to closures: each writes its part of the output. `Program` is a whole template, ready to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from segue.expression.errors import ExpressionError
from segue.expression.evaluate import Closure, ExpressionCompiler
from segue.expression.evaluation import Evaluation
from segue.expression.tree import Block, Body, Dialect, FilterBlock, For, If, Macro, Output, Set, Statement, Text
from segue.expression.values import class_name, is_true, to_text

Write = Callable[[Evaluation, list[str]], None]
MacroCall = Callable[[Evaluation, list[Any], dict[str, Any]], str]


class Program(Struct, frozen=True):
    """A template's closures. `parts` are what it is made of where it is only text and expressions, for typed rendering."""

    run: Write
    macros: dict[str, MacroCall]
    blocks: dict[str, Write]
    parts: tuple[str | Closure, ...] | None


def compile_body(body: Body, dialect: Dialect) -> Program:
    compiler = _StatementCompiler(dialect)
    parts = compiler.parts(body)
    run = compiler.body(body) if parts is None else _sequence([_part(part) for part in parts])
    return Program(run, compiler.macros, compiler.blocks, parts)


class _StatementCompiler:
    def __init__(self, dialect: Dialect) -> None:
        self.expressions = ExpressionCompiler(dialect)
        self.macros: dict[str, MacroCall] = {}
        self.blocks: dict[str, Write] = {}

    def parts(self, body: Body) -> tuple[str | Closure, ...] | None:
        parts: list[str | Closure] = []
        for statement in body:
            if isinstance(statement, Text):
                parts.append(statement.text)
            elif isinstance(statement, Output):
                parts.append(self.expressions.closure(statement.expression))
            else:
                return None
        return tuple(parts)

    def body(self, body: Body) -> Write:
        return _sequence([self._statement(statement) for statement in body])

    def _statement(self, statement: Statement) -> Write:
        match statement:
            case Text():
                return _text(statement.text)
            case Output():
                return _output(self.expressions.closure(statement.expression))
            case If():
                return self._if(statement)
            case For():
                return self._for(statement)
            case Set():
                return self._set(statement)
            case FilterBlock():
                return self._filter_block(statement)
            case Macro():
                self.macros[statement.name] = self._macro(statement)
                return _nothing
            case Block():
                self.blocks[statement.name] = block = self.body(statement.body)
                return block

    def _if(self, node: If) -> Write:
        branches = [(self.expressions.closure(condition), self.body(body)) for condition, body in node.branches]
        otherwise = self.body(node.otherwise)

        def run(evaluation: Evaluation, out: list[str]) -> None:
            for condition, body in branches:
                value = condition(evaluation)
                try:
                    chosen = is_true(value, '"if" statement')
                except ExpressionError as error:
                    raise error.at(node.line, node.column)  # noqa: B904 - the same error
                if chosen:
                    body(evaluation, out)
                    return
            otherwise(evaluation, out)

        return run

    def _for(self, node: For) -> Write:
        iterable = self.expressions.closure(node.iterable)
        body, otherwise = self.body(node.body), self.body(node.otherwise)
        variable = node.variable

        def run(evaluation: Evaluation, out: list[str]) -> None:
            value = iterable(evaluation)
            if value is None:
                return
            items = _items(value, node)
            if not items:
                otherwise(evaluation, out)
                return
            hides = evaluation.has("loop") or evaluation.has(variable)
            if hides:
                evaluation.names.append({})
            names, meter, length = evaluation.names[-1], evaluation.meter, len(items)
            for index, item in enumerate(items):
                meter.steps -= 1
                if meter.steps < 0:
                    raise meter.overdrawn().at(node.line, node.column)
                names["loop"] = _loop(index, length)
                names[variable] = item
                body(evaluation, out)
            if hides:
                evaluation.names.pop()

        return run

    def _set(self, node: Set) -> Write:
        name, value = node.name, self.expressions.closure(node.value)

        def run(evaluation: Evaluation, _out: list[str]) -> None:
            evaluation.assign(name, value(evaluation))

        return run

    def _filter_block(self, node: FilterBlock) -> Write:
        body = self.body(node.body)
        filters = [self.expressions.filter(name, arguments, node.line, node.column) for name, arguments in node.filters]

        def run(evaluation: Evaluation, out: list[str]) -> None:
            value: Any = _captured(body, evaluation)
            for apply in filters:
                value = apply(value, evaluation)
            _write(to_text(value, evaluation.meter), evaluation, out)

        return run

    def _macro(self, node: Macro) -> MacroCall:
        """A macro sees its parameters and nothing else."""
        body = self.body(node.body)
        defaults = [
            (name, None if default is None else self.expressions.closure(default)) for name, default in node.parameters
        ]
        known = [name for name, _ in defaults]

        def call(evaluation: Evaluation, values: list[Any], named: dict[str, Any]) -> str:
            _check_macro_arguments(node, known, values, named)
            given = {**dict(zip(known, values, strict=False)), **named}
            with evaluation.closed_scope() as names:
                for name, default in defaults:
                    names[name] = given[name] if name in given else None if default is None else default(evaluation)
                return _captured(body, evaluation)

        return call


def _check_macro_arguments(node: Macro, known: list[str], values: list[Any], named: dict[str, Any]) -> None:
    if len(values) > len(known):
        raise ExpressionError(f"The macro '{node.name}' takes {len(known)} arguments, not {len(values)}")
    for name in named:
        if name not in known:
            raise ExpressionError(f"The following named argument does not exist: {name}")


def _items(value: Any, node: For) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [{"key": key, "value": item} for key, item in value.items()]
    raise ExpressionError(f"Not an iterable object. Value = [{class_name(value)}]", node.line, node.column)


def _loop(index: int, length: int) -> dict[str, Any]:
    """Pebble counts from 0."""
    return {
        "index": index,
        "revindex": length - index - 1,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
    }


def _captured(body: Write, evaluation: Evaluation) -> str:
    pieces: list[str] = []
    body(evaluation, pieces)
    return "".join(pieces)


def _text(text: str) -> Write:
    length = len(text)

    def run(evaluation: Evaluation, out: list[str]) -> None:
        meter = evaluation.meter
        meter.output -= length
        if meter.output < 0:
            raise meter.too_long()
        out.append(text)

    return run


def _part(part: str | Closure) -> Write:
    return _text(part) if isinstance(part, str) else _output(part)


def _output(value: Closure) -> Write:
    def run(evaluation: Evaluation, out: list[str]) -> None:
        result = value(evaluation)
        _write(result if type(result) is str else to_text(result, evaluation.meter), evaluation, out)

    return run


def _sequence(writes: list[Write]) -> Write:
    if len(writes) == 1:
        return writes[0]

    def run(evaluation: Evaluation, out: list[str]) -> None:
        for write in writes:
            write(evaluation, out)

    return run


def _write(text: str, evaluation: Evaluation, out: list[str]) -> None:
    evaluation.meter.write(len(text))
    out.append(text)


def _nothing(_evaluation: Evaluation, _out: list[str]) -> None:
    """What a definition writes where it stands."""
