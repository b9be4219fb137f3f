"""Functions that make values from texts, ranges, chance, or other templates."""

from __future__ import annotations

import json
import uuid
from typing import Any

from segue.expression import ion, yaml_text
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.filters_dates import format_moment
from segue.expression.signatures import REST, FunctionSignature, Given, boolean_argument, integer_argument
from segue.expression.values import BigInteger, class_name, ordered, spread, to_json, to_text

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KSUID_EPOCH = 1_400_000_000
_NANO_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_NANO_LENGTH_MAX = 1000


def _now(given: Given, evaluation: Evaluation) -> str:
    return format_moment(evaluation.outside.now(), given, evaluation, "The 'now' function")


# Texts to values


def _source(given: Given, parameter: str, function: str, evaluation: Evaluation) -> str | None:
    if parameter not in given:
        raise ExpressionError(f"The '{function}' function expects an argument '{parameter}'.")
    value = given[parameter]
    if value is not None and not isinstance(value, str):
        raise ExpressionError(f"The '{function}' function expects an argument '{parameter}' with type string.")
    if value is not None:
        evaluation.meter.read(value)
    return value


def _from_json(name: str) -> FunctionSignature:
    def apply(given: Given, evaluation: Evaluation) -> Any:
        text = _source(given, "json", name, evaluation)
        if text is None:
            return None
        try:
            return json.loads(text, parse_int=_json_integer)
        except (ValueError, RecursionError) as error:
            raise ExpressionError(f"Invalid json: {error}") from error

    return FunctionSignature(apply, ("json",), required=1)


def _json_integer(digits: str) -> int:
    number = int(digits)
    return number if number.bit_length() < 64 else BigInteger(number)


def _yaml(given: Given, evaluation: Evaluation) -> Any:
    text = _source(given, "yaml", "yaml", evaluation)
    return None if text is None else yaml_text.read(text, evaluation.meter)


def _from_ion(given: Given, evaluation: Evaluation) -> Any:
    text = _source(given, "ion", "fromIon", evaluation)
    if text is None:
        return None
    evaluation.meter.step(len(text) >> 4)
    rows = ion.read_values(text)
    if boolean_argument(given, "allRows", "The 'fromIon' function", default=False):
        return list(rows)
    return next(rows, None)


# Templates


def _render(given: Given, evaluation: Evaluation) -> Any:
    recursive = boolean_argument(given, "recursive", "The 'render' function", default=True)
    return _rendered(given, evaluation, "render", passes=None if recursive else 1)


def _render_once(given: Given, evaluation: Evaluation) -> Any:
    return _rendered(given, evaluation, "renderOnce", passes=1)


def _rendered(given: Given, evaluation: Evaluation, name: str, *, passes: int | None) -> Any:
    if "template" not in given:
        raise ExpressionError(f"The '{name}' function expects an argument 'template'.")
    value = given["template"]
    if value is None:
        return None
    evaluation.meter.enter()
    try:
        text = to_text(value, evaluation.meter)
        return evaluation.render_text(text, evaluation, passes)
    finally:
        evaluation.meter.leave()


def _block(given: Given, evaluation: Evaluation) -> str:
    name = given.get("name")
    block = evaluation.blocks.get(name) if isinstance(name, str) else None
    if block is None:
        return ""
    out: list[str] = []
    evaluation.meter.enter()
    try:
        block(evaluation, out)
    finally:
        evaluation.meter.leave()
    return "".join(out)


def _parent(_given: Given, _evaluation: Evaluation) -> str:
    raise ExpressionError("Can not use parent function if template does not extend another template.")


# Chance


def _random(evaluation: Evaluation, below: int) -> int:
    """An even choice from 0 up to, not including, `below`: more bytes than needed, so that the remainder does not matter."""
    return int.from_bytes(evaluation.outside.random_bytes(16)) % below


def _uuid(_given: Given, evaluation: Evaluation) -> str:
    return str(uuid.UUID(bytes=evaluation.outside.random_bytes(16), version=4))


def _id(_given: Given, evaluation: Evaluation) -> str:
    return _base62(int.from_bytes(evaluation.outside.random_bytes(16)), 22)


def _ksuid(_given: Given, evaluation: Evaluation) -> str:
    seconds = int(evaluation.outside.now().timestamp()) - _KSUID_EPOCH
    return _base62(int.from_bytes(seconds.to_bytes(4) + evaluation.outside.random_bytes(16)), 27)


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(width, "0")


def _nano_id(given: Given, evaluation: Evaluation) -> str:
    length = integer_argument(given, "length", "The 'nanoId' function", 21)
    alphabet = given.get("alphabet") or _NANO_ALPHABET
    if length > _NANO_LENGTH_MAX:
        raise ExpressionError(f"The 'nanoId()' function field 'length' must be lower than: {_NANO_LENGTH_MAX}")
    if length < 0 or not isinstance(alphabet, str):
        raise ExpressionError("The 'nanoId()' function expects a length >= 0 and an alphabet that is a string.")
    evaluation.meter.step(length >> 3)
    chance = evaluation.outside.random_bytes(2 * length)
    return "".join(
        alphabet[int.from_bytes(chance[place : place + 2]) % len(alphabet)] for place in range(0, 2 * length, 2)
    )


def _random_int(given: Given, evaluation: Evaluation) -> int:
    bounds: list[int] = []
    for name in ("lower", "upper"):
        if name not in given:
            raise ExpressionError(f"The 'randomInt()' function expects an argument {name}")
        if not isinstance(given[name], int) or isinstance(given[name], bool):
            raise ExpressionError(f"The 'randomInt()' function expects an argument {name} of type Long.")
        bounds.append(given[name])
    lower, upper = bounds
    if upper < lower:
        raise ExpressionError("In 'randomInt()' upper is less than lower")
    return lower + _random(evaluation, max(1, upper - lower))


def _random_port(_given: Given, evaluation: Evaluation) -> int:
    return evaluation.outside.free_port()


# Numbers


def _range(given: Given, evaluation: Evaluation) -> list[Any]:
    for name in ("start", "end"):
        if given.get(name) is None:
            raise ExpressionError(f"The range function expects an argument '{name}'")
    increment = integer_argument(given, "increment", "The range function", 1)
    return spread(given["start"], given["end"], increment, evaluation.meter)


def _extreme(operator: str) -> FunctionSignature:
    def apply(given: Given, evaluation: Evaluation) -> Any:
        best: Any = None
        for value in given[REST]:
            if best is None or ordered(operator, value, best, evaluation.dialect):
                best = value
        return best

    return FunctionSignature(apply, variadic=True, required=1)


# The run


def _fetch_context(_given: Given, evaluation: Evaluation) -> dict[str, Any]:
    return evaluation.visible()


def _print_context(_given: Given, evaluation: Evaluation) -> str:
    return to_json(evaluation.visible(), evaluation.meter)


def _tasks_with_state(given: Given, evaluation: Evaluation) -> list[dict[str, Any]]:
    state = given.get("state")
    if not isinstance(state, str):
        raise ExpressionError(
            f"The 'tasksWithState' function expects an argument 'state' that is a string, not {class_name(state)}."
        )
    tasks = evaluation.variable("tasks")
    found: list[dict[str, Any]] = []
    for task_id, task in (tasks if isinstance(tasks, dict) else {}).items():
        for key, value in (task if isinstance(task, dict) else {}).items():
            own = key == "state" and isinstance(value, str)
            at = value if own else value.get("state") if isinstance(value, dict) else None
            if isinstance(at, str) and at.upper() == state.upper():
                found.append({"taskId": task_id, "state": at.upper(), **({} if own else {"value": key})})
    return found


DATA_FUNCTIONS: dict[str, FunctionSignature] = {
    "block": FunctionSignature(_block, ("name",), required=1),
    "fetchContext": FunctionSignature(_fetch_context),
    "fromIon": FunctionSignature(_from_ion, ("ion", "allRows"), required=1),
    "fromJson": _from_json("fromJson"),
    "id": FunctionSignature(_id),
    "json": _from_json("json"),
    "ksuid": FunctionSignature(_ksuid),
    "max": _extreme(">"),
    "min": _extreme("<"),
    "nanoId": FunctionSignature(_nano_id, ("length", "alphabet")),
    "now": FunctionSignature(_now, ("format", "timeZone", "existingFormat", "locale")),
    "parent": FunctionSignature(_parent),
    "printContext": FunctionSignature(_print_context),
    "randomInt": FunctionSignature(_random_int, ("lower", "upper"), required=2),
    "randomPort": FunctionSignature(_random_port, effect=True),
    "range": FunctionSignature(_range, ("start", "end", "increment"), required=2),
    "render": FunctionSignature(_render, ("template", "recursive"), required=1, effect=True),
    "renderOnce": FunctionSignature(_render_once, ("template",), required=1, effect=True),
    "tasksWithState": FunctionSignature(_tasks_with_state, ("state",), required=1),
    "uuid": FunctionSignature(_uuid),
    "yaml": FunctionSignature(_yaml, ("yaml",), required=1, effect=True),
}
