"""Expression trees to closures: each node becomes a function of the running evaluation. The common shapes get the shortest ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segue.expression.attributes import attribute, method
from segue.expression.budget import MACRO_STEPS
from segue.expression.errors import ExpressionError, NotFound
from segue.expression.evaluation import Evaluation
from segue.expression.filters import FILTERS
from segue.expression.functions import FUNCTIONS
from segue.expression.operators import binary_operator
from segue.expression.signatures import REST, check_names
from segue.expression.tree import (
    Arguments,
    Attribute,
    Binary,
    Call,
    Chain,
    Dialect,
    Expression,
    Filtered,
    Interpolation,
    ListLiteral,
    Literal,
    MapLiteral,
    MethodCall,
    Name,
    Ternary,
    Tested,
    Unary,
)
from segue.expression.value_tests import TESTS
from segue.expression.values import is_true, joined, key_text, negated
from segue.model.encrypted import is_encrypted

Closure = Callable[[Evaluation], Any]

ARGUMENT_FAULTS = (ArithmeticError, LookupError, TypeError, ValueError)
"""What Python raises inside a filter or function for a value of a kind it does not take: a mistake in the template, not in the daemon."""


class ExpressionCompiler:
    """Makes closures for one template, in its dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def closure(self, node: Expression) -> Closure:
        match node:
            case Literal():
                return _constant(node.value)
            case Name():
                return _name(node)
            case Attribute():
                return self._attribute(node)
            case Binary():
                return self._binary(node)
            case Chain():
                return self._chain(node)
            case Filtered():
                return self._filtered(node)
            case Call():
                return self._call(node)
            case Tested():
                return self._tested(node)
            case Ternary():
                return self._ternary(node)
            case Unary():
                return self._unary(node)
            case Interpolation():
                return _joining([self.closure(part) for part in node.parts])
            case ListLiteral():
                return _list([self.closure(item) for item in node.items])
            case MapLiteral():
                return _map([(self.closure(key), self.closure(value)) for key, value in node.entries])
            case MethodCall():
                return self._method(node)

    def _attribute(self, node: Attribute) -> Closure:
        target = self.closure(node.target)
        owner = node.target.name if isinstance(node.target, Name) else None
        if isinstance(node.key, Literal):
            return _placed(_fixed_attribute(target, node.key.value, owner), node)
        key = self.closure(node.key)
        return _placed(
            lambda evaluation: _revealed(attribute(target(evaluation), key(evaluation), owner), evaluation), node
        )

    def _binary(self, node: Binary) -> Closure:
        left, right = self.closure(node.left), self.closure(node.right)
        if node.operator == "??":
            return _null_coalescing(left, right)
        if node.operator == "???":
            return _undefined_coalescing(left, right)
        operator = binary_operator(node.operator, self.dialect)
        return _placed(lambda evaluation: operator(left(evaluation), right(evaluation), evaluation.meter), node)

    def _chain(self, node: Chain) -> Closure:
        operands = [self.closure(operand) for operand in node.operands]
        if node.operator == "~":
            return _placed(_joining(operands), node)
        stops_at = node.operator == "or"
        where = f'"{node.operator}"'

        def decide(evaluation: Evaluation) -> bool:
            for operand in operands:
                if is_true(operand(evaluation), where) is stops_at:
                    return stops_at
            return not stops_at

        return _placed(decide, node)

    def _unary(self, node: Unary) -> Closure:
        operand = self.closure(node.operand)
        change: Callable[[Any], Any] = {"not": _not, "-": negated, "+": _positive}[node.operator]
        return _placed(lambda evaluation: change(operand(evaluation)), node)

    def _ternary(self, node: Ternary) -> Closure:
        condition, then, otherwise = map(self.closure, (node.condition, node.then, node.otherwise))

        def choose(evaluation: Evaluation) -> Any:
            value = condition(evaluation)
            chosen = then if value is not None and is_true(value, "a ternary condition") else otherwise
            return chosen(evaluation)

        return _placed(choose, node)

    def _tested(self, node: Tested) -> Closure:
        target, negated_test = self.closure(node.target), node.negated
        test = TESTS.get(node.name)
        if test is None:
            return _failing(f"Test [{node.name}] does not exist.", node.line, node.column)
        if node.name == "defined":
            target = _undefined_coalescing(target, _constant(None))
        return _placed(lambda evaluation: test(target(evaluation), evaluation) is not negated_test, node)

    def _filtered(self, node: Filtered) -> Closure:
        target = self.closure(node.target)
        if node.name == "default":
            target = _undefined_coalescing(target, _constant(None))
        apply = self.filter(node.name, node.arguments, node.line, node.column)
        return lambda evaluation: apply(target(evaluation), evaluation)

    def filter(self, name: str, arguments: Arguments, line: int, column: int) -> Callable[[Any, Evaluation], Any]:
        """The filter with its arguments, ready for a value."""
        signature = FILTERS.get(name)
        if signature is None:
            fail = _failing(f"Filter [{name}] does not exist.", line, column)
            return lambda _value, evaluation: fail(evaluation)
        what = f"The '{name}' filter"
        given = self._given(signature.parameters, arguments, what, line, column, variadic=signature.variadic)
        apply = signature.apply

        def run(value: Any, evaluation: Evaluation) -> Any:
            try:
                evaluation.meter.step(1 + (len(value) >> 7 if isinstance(value, str | list | dict) else 0))
                return apply(value, given(evaluation), evaluation)
            except ExpressionError as error:
                raise error.at(line, column)  # noqa: B904 - the same error
            except ARGUMENT_FAULTS as error:
                raise ExpressionError(f"The '{name}' filter failed: {_reason(error)}", line, column) from error

        return run

    def _call(self, node: Call) -> Closure:
        signature = FUNCTIONS.get(node.name)
        if signature is None:
            return self._macro_call(node)
        what = f"The '{node.name}' function"
        given = self._given(
            signature.parameters, node.arguments, what, node.line, node.column, variadic=signature.variadic
        )
        apply = signature.apply

        def run(evaluation: Evaluation) -> Any:
            evaluation.meter.step()
            return apply(given(evaluation), evaluation)

        return _placed(run, node, what)

    def _macro_call(self, node: Call) -> Closure:
        positional = [self.closure(argument) for argument in node.arguments.positional]
        named = [(name, self.closure(argument)) for name, argument in node.arguments.named]
        name = node.name

        def run(evaluation: Evaluation) -> str:
            macro = evaluation.macros.get(name)
            if macro is None:
                raise ExpressionError(f"Function or Macro [{name}] does not exist.")
            evaluation.meter.step(MACRO_STEPS)
            values = [argument(evaluation) for argument in positional]
            return macro(evaluation, values, {key: argument(evaluation) for key, argument in named})

        return _placed(run, node)

    def _method(self, node: MethodCall) -> Closure:
        target = self.closure(node.target)
        arguments = [self.closure(argument) for argument in node.arguments.positional]
        name = node.name
        if node.arguments.named:
            return _failing("Can not use named arguments when calling a method of a value", node.line, node.column)

        def run(evaluation: Evaluation) -> Any:
            inputs = [argument(evaluation) for argument in arguments]
            return method(target(evaluation), name, inputs, evaluation.meter)

        return _placed(run, node, f"The method {name}")

    def _given(
        self,
        parameters: tuple[str, ...],
        arguments: Arguments,
        what: str,
        line: int,
        column: int,
        *,
        variadic: bool = False,
    ) -> Closure:
        """The arguments by parameter name. Wrong ones fail when called, since code that never runs may be wrong."""
        names = tuple(name for name, _ in arguments.named)
        try:
            check_names(parameters, len(arguments.positional), names, what, variadic=variadic)
        except ExpressionError as error:
            return _failing(error.message, line, column)
        if variadic:
            items = [self.closure(argument) for argument in arguments.positional]
            return lambda evaluation: {REST: [item(evaluation) for item in items]}
        pairs = [
            *zip(parameters, map(self.closure, arguments.positional), strict=False),
            *((name, self.closure(argument)) for name, argument in arguments.named),
        ]
        if not pairs:
            return _constant({})
        return lambda evaluation: {name: argument(evaluation) for name, argument in pairs}


def _placed(run: Closure, node: Expression, what: str = "The expression") -> Closure:
    """The same closure, whose errors know where they happened."""
    line, column = node.line, node.column

    def placed(evaluation: Evaluation) -> Any:
        try:
            return run(evaluation)
        except ExpressionError as error:
            raise error.at(line, column)  # noqa: B904 - the same error
        except ARGUMENT_FAULTS as error:
            raise ExpressionError(f"{what} failed: {_reason(error)}", line, column) from error

    return placed


def _reason(error: Exception) -> str:
    """The decimal module's errors are lists of classes, which tell a flow's author nothing."""
    return "the number is out of range" if isinstance(error, ArithmeticError) else str(error)


def _fixed_attribute(target: Closure, key: Any, owner: str | None) -> Closure:
    def read(evaluation: Evaluation) -> Any:
        value = target(evaluation)
        found = value[key] if type(value) is dict and key in value else attribute(value, key, owner)
        return found if type(found) is not dict else _revealed(found, evaluation)

    return read


def _revealed(value: Any, evaluation: Evaluation) -> Any:
    return evaluation.outside.revealed(value) if is_encrypted(value) else value


def _constant(value: Any) -> Closure:
    return lambda _: value


def _name(node: Name) -> Closure:
    name, line, column = node.name, node.line, node.column

    def look_up(evaluation: Evaluation) -> Any:
        names = evaluation.names
        if len(names) == 1:
            if name in names[0]:
                return names[0][name]
        else:
            for local in reversed(names[evaluation.closed :]):
                if name in local:
                    return local[name]
        if name in evaluation.variables and not evaluation.closed:
            return evaluation.variables[name]
        raise NotFound(name, line, column)

    return look_up


def _failing(message: str, line: int, column: int) -> Closure:
    def fail(_: Evaluation) -> Any:
        raise ExpressionError(message, line, column)

    return fail


def _joining(parts: list[Closure]) -> Closure:
    return lambda evaluation: joined([part(evaluation) for part in parts], evaluation.meter)


def _list(items: list[Closure]) -> Closure:
    return lambda evaluation: [item(evaluation) for item in items]


def _map(entries: list[tuple[Closure, Closure]]) -> Closure:
    return lambda evaluation: {key_text(key(evaluation)): value(evaluation) for key, value in entries}


def _null_coalescing(left: Closure, right: Closure) -> Closure:
    def run(evaluation: Evaluation) -> Any:
        try:
            value = left(evaluation)
        except NotFound:
            return right(evaluation)
        return right(evaluation) if value is None else value

    return run


def _undefined_coalescing(left: Closure, right: Closure) -> Closure:
    def run(evaluation: Evaluation) -> Any:
        try:
            return left(evaluation)
        except NotFound:
            return right(evaluation)

    return run


def _not(value: Any) -> bool:
    return not is_true(value, '"not"')


def _positive(value: Any) -> Any:
    return negated(negated(value))
