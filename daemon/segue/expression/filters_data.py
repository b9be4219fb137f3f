"""Filters between values and the texts that hold them: JSON, YAML, Ion, numbers; and jq."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import jq

from segue.expression import ion, yaml_text
from segue.expression.budget import check_size
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.signatures import FilterSignature, Given, optional_text, text_argument
from segue.expression.values import BigInteger, Float32, Long, class_name, float_text, to_json

_NUMBER_MAX = 1000
_INTEGER = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|#([0-9a-fA-F]+)|(\d+))")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?")

# jq in the same process can read the environment and files, so what does is defined away before the program begins. The newline
# keeps a comment at the program's end from eating the bracket; imports are a syntax error inside brackets.
_JQ_PROGRAM = """
def env: {}; def input_filename: null; def get_search_list: []; def debug: .; def debug(f): .; def stderr: .;
def input: error("input is not available here"); def inputs: empty; def modulemeta: error("modules are not available here");
def halt: empty; def halt_error: error; def halt_error(f): error; def input_line_number: 0;
{} as $ENV | (
%s
)"""


def _to_json(value: Any, _given: Given, evaluation: Evaluation) -> str:
    return to_json(value, evaluation.meter)


def _to_yaml(value: Any, _given: Given, evaluation: Evaluation) -> str:
    if value is None:
        return "null"
    check_size(value, evaluation.meter)
    text = yaml_text.write(value, evaluation.meter)
    evaluation.meter.join(len(text))
    return text


def _to_ion(value: Any, _given: Given, evaluation: Evaluation) -> str:
    check_size(value, evaluation.meter)
    text = ion.write_value(value)
    evaluation.meter.join(len(text))
    return text


def _jq(value: Any, given: Given, evaluation: Evaluation) -> list[Any] | None:
    if value is None:
        return None
    program = text_argument(given, "expression", "The 'jq' filter")
    text = value if isinstance(value, str) else to_json(value, evaluation.meter)
    try:
        json_text = text if not isinstance(value, str) else json.dumps(json.loads(text))
        results = _jq_program(program).input_text(json_text).all()
    except ValueError as error:
        raise ExpressionError(
            f"Unable to parse jq value '{text[:200]}' with type '{class_name(value)}': {error}"
        ) from error
    narrow = _has_float32(value)
    return [_narrowed(item) for item in results] if narrow else results


@lru_cache(maxsize=128)
def _jq_program(program: str) -> Any:
    return jq.compile(_JQ_PROGRAM % program)


def _has_float32(value: Any) -> bool:
    """Whether floats that come out of jq went in as 32-bit ones, which JSON does not tell."""
    if isinstance(value, dict):
        return any(map(_has_float32, value.values()))
    return any(map(_has_float32, value)) if isinstance(value, list) else isinstance(value, Float32)


def _narrowed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _narrowed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_narrowed(item) for item in value]
    return Float32(value) if isinstance(value, float) else value


def _number(value: Any, given: Given, _evaluation: Evaluation) -> Any:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ExpressionError(f"'number' filter can only be applied to String. Actual type was: {class_name(value)}")
    kind = optional_text(given, "type", "The 'number' filter") or ""
    text = value.strip()
    try:
        return _read_number(text, kind)
    except (ValueError, InvalidOperation) as error:
        raise ExpressionError(f"'{value[:80]}' is not a valid number{f' of type {kind}' if kind else ''}") from error


def _read_number(text: str, kind: str) -> Any:
    if len(text) > _NUMBER_MAX:
        raise ValueError(text)
    match kind:
        case "INT":
            return _within(_integer(text), 31)
        case "LONG":
            return Long(_within(_integer(text), 63))
        case "BIGINTEGER":
            return BigInteger(_integer(text))
        case "FLOAT":
            return Float32(_decimal(text))
        case "DOUBLE":
            return float(_decimal(text))
        case "BIGDECIMAL":
            return Decimal(_decimal(text))
        case _:
            return _smallest(text)


def _smallest(text: str) -> Any:
    """The smallest type that holds the number; a letter at the end names one: `10L`, `1.5f`, `1.5d`."""
    suffix = text[-1:].lower()
    if suffix == "l" and _INTEGER.fullmatch(text[:-1]):
        return Long(_within(_integer(text[:-1]), 63))
    if suffix in {"f", "d"} and _DECIMAL.fullmatch(text[:-1]):
        return Float32(text[:-1]) if suffix == "f" else float(text[:-1])
    if _INTEGER.fullmatch(text):
        whole = _integer(text)
        return whole if -(1 << 63) <= whole < 1 << 63 else BigInteger(whole)
    exact, double, narrow = Decimal(_decimal(text)), float(text), Float32(text)
    if math.isfinite(narrow) and float_text(narrow) == float_text(double) and (narrow or not exact):
        return narrow
    return double if math.isfinite(double) and Decimal(float.__repr__(double)) == exact else exact


def _integer(text: str) -> int:
    found = _INTEGER.fullmatch(text)
    if found is None:
        raise ValueError(text)
    sign, hexadecimal, hashed, decimal = found.groups()
    number = int(decimal) if decimal is not None else int(hexadecimal or hashed, 16)
    return -number if sign == "-" else number


def _decimal(text: str) -> str:
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _within(number: int, bits: int) -> int:
    if not -(1 << bits) <= number < 1 << bits:
        raise ValueError(number)
    return number


def _class_name(value: Any, _given: Given, _evaluation: Evaluation) -> str | None:
    return None if value is None else class_name(value)


DATA_FILTERS: dict[str, FilterSignature] = {
    "className": FilterSignature(_class_name),
    "jq": FilterSignature(_jq, ("expression",), required=1, effect=True),
    "json": FilterSignature(_to_json),
    "number": FilterSignature(_number, ("type",)),
    "toIon": FilterSignature(_to_ion),
    "toJson": FilterSignature(_to_json),
    "yaml": FilterSignature(_to_yaml),
}
