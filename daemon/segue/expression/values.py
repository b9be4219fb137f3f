"""What values are and how they print, compare and add up, by Java's rules where those show.

A value is None, bool, int, float, str, list, dict, or one of the few kinds below that print or compute in their own way.
Dates are the standard library's: aware `datetime` (Java's ZonedDateTime), `Instant`, naive `datetime`, `date`, `time`, `timedelta`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from json import JSONEncoder
from json.encoder import encode_basestring
from typing import Any, Self

from segue.expression import iso
from segue.expression.budget import Meter, check_size
from segue.expression.errors import ExpressionError
from segue.expression.tree import Dialect


class Float32(float):
    """A 32-bit float: prints as the shortest text that reads back as the same 32 bits."""

    __slots__ = ()

    def __new__(cls, value: float | str) -> Self:
        try:
            return super().__new__(cls, struct.unpack("f", struct.pack("f", float(value)))[0])
        except OverflowError:
            return super().__new__(cls, math.copysign(math.inf, float(value)))


class Long(int):
    """An integer that is a Java Long however small it is; only `className` can tell."""


class BigInteger(int):
    """An integer without bound."""


Instant = iso.Instant

_JAVA_CLASSES: tuple[tuple[type, str], ...] = (
    (bool, "java.lang.Boolean"),
    (BigInteger, "java.math.BigInteger"),
    (Long, "java.lang.Long"),
    (Float32, "java.lang.Float"),
    (float, "java.lang.Double"),
    (Decimal, "java.math.BigDecimal"),
    (str, "java.lang.String"),
    (list, "java.util.ArrayList"),
    (dict, "java.util.LinkedHashMap"),
    (Instant, "java.time.Instant"),
    (time, "java.time.LocalTime"),
    (timedelta, "java.time.Duration"),
)
_INT_MAX = (1 << 31) - 1
_LONG_BIT = 1 << 63
_LONG_ALL = 1 << 64


def class_name(value: Any) -> str:
    """The Java class that Kestra would name: what error messages and the `className` filter show."""
    if value is None:
        return "null"
    for kind, name in _JAVA_CLASSES:
        if isinstance(value, kind):
            return name
    if isinstance(value, int):
        return "java.lang.Integer" if -_INT_MAX - 1 <= value <= _INT_MAX else "java.lang.Long"
    if isinstance(value, datetime):
        return "java.time.ZonedDateTime" if value.tzinfo else "java.time.LocalDateTime"
    return "java.time.LocalDate" if isinstance(value, date) else type(value).__name__


# Printing


def to_text(value: Any, meter: Meter) -> str:
    """What `{{ value }}` writes."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, dict | list):
        return to_json(value, meter)
    return scalar_text(value)


def scalar_text(value: Any) -> str:
    """Java's toString of what is neither text, list nor map."""
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int):
        return int.__repr__(value)
    return iso.text_of(value)


def float_text(value: float) -> str:
    """Java's Double.toString: digits as few as needed, a point always, an exponent from 1.0E7 and below 1.0E-3."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    sign, digits, exponent = Decimal(_shortest(value)).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + exponent
    prefix = "-" if sign else ""
    if not -3 < point <= 7:
        return f"{prefix}{text[0]}.{text[1:] or '0'}E{point - 1}"
    if point <= 0:
        return f"{prefix}0.{'0' * -point}{text}"
    return f"{prefix}{text[:point].ljust(point, '0')}.{text[point:] or '0'}"


def _shortest(value: float) -> str:
    if not isinstance(value, Float32):
        return float.__repr__(value)
    for digits in range(1, 10):
        text = f"{float(value):.{digits}g}"
        if struct.pack("f", float(text)) == struct.pack("f", value):
            return text
    return float.__repr__(value)


def to_json(value: Any, meter: Meter) -> str:
    """Compact JSON, as Jackson writes it."""
    if isinstance(value, dict | list):
        check_size(value, meter)
    pieces: list[str] = []
    _write_json(value, pieces.append)
    length = sum(map(len, pieces))
    meter.join(length)
    meter.step(length >> 6)
    return "".join(pieces)


_SIMPLE = {str, int, bool, type(None)}
"""What the standard library writes as Jackson does, and much faster."""
_encoded = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def _write_json(value: Any, write: Callable[[str], None]) -> None:
    if isinstance(value, str):
        write(encode_basestring(value))
    elif isinstance(value, dict):
        if _SIMPLE.issuperset(map(type, value.values())):
            write(_encoded(value))
            return
        separator = "{"
        for key, item in value.items():
            write(f"{separator}{encode_basestring(key_text(key))}:")
            _write_json(item, write)
            separator = ","
        write("}")
    elif isinstance(value, list):
        if _SIMPLE.issuperset(map(type, value)):
            write(_encoded(value))
            return
        separator = "["
        for item in value:
            write(separator)
            _write_json(item, write)
            separator = ","
        write("]")
    else:
        write("null" if value is None else _scalar_json(value))


def _scalar_json(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f'"{float_text(value)}"'
    if isinstance(value, bool | int | float | Decimal):
        return scalar_text(value)
    return f'"{iso.json_text(value)}"'


def key_text(key: Any) -> str:
    """The text of a map's key: maps have text keys, whatever was written."""
    return key if isinstance(key, str) else "null" if key is None else scalar_text(key)


def plain(value: Any) -> Any:
    """The same value in what JSON knows: None, bool, int, float, str, list, dict."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, dict):
        return {key_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Float32):
        return float(_shortest(value))
    if isinstance(value, float | Decimal):
        return float(value)
    return int(value) if isinstance(value, int) else iso.json_text(value)


# Truth


def is_true(value: Any, where: str) -> bool:
    """Truth in `if`, `and`, `or`, `not`: booleans, numbers other than 0, texts that are not empty; all else is an error."""
    if value is True or value is False:
        return bool(value)
    if isinstance(value, str | int | float | Decimal):
        return bool(value)
    if value is None:
        raise ExpressionError(f"null value given to {where} and strict variables is set to true")
    raise ExpressionError(f"Unsupported value type {class_name(value)}. Expected Boolean, String, Number in {where}")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_empty(value: Any) -> bool:
    """Null, blank text, an empty list or map."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | dict) and not value)


# Equality and order


def equal(left: Any, right: Any, meter: Meter) -> bool:
    """Numbers by what they are worth, texts and booleans by themselves, lists and maps part by part."""
    if isinstance(left, str) or isinstance(right, str):
        if not isinstance(left, str) or not isinstance(right, str) or len(left) != len(right):
            return False
        meter.step(len(left) >> 10)
        return left == right
    if left is None or right is None:
        return left is right
    if isinstance(left, dict | list) and isinstance(right, dict | list):
        check_size(left, meter)
        check_size(right, meter)
        return _same_parts(left, right)
    return _same_scalar(left, right)


def _same_parts(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(key in right and _same_parts(value, right[key]) for key, value in left.items())
        )
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(_same_parts, left, right))
    return not isinstance(right, dict | list) and _same_scalar(left, right)


def _same_scalar(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, datetime) and isinstance(right, datetime) and (left.tzinfo is None) != (right.tzinfo is None):
        return False
    return type(left) is type(right) and bool(left == right)


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: bool(left < right),
    ">": lambda left, right: bool(left > right),
    "<=": lambda left, right: bool(left <= right),
    ">=": lambda left, right: bool(left >= right),
}
_ORDER_WORDS = {"<": "less than", ">": "greater than", "<=": "less than or equals", ">=": "greater than or equals"}


def ordered(operator: str, left: Any, right: Any, dialect: Dialect) -> bool:
    """`<` and its kin: for numbers; null is in no order. 2.0 also orders two texts, or two dates."""
    if is_number(left) and is_number(right):
        return _ORDERS[operator](left, right)
    if dialect is Dialect.V2 and _comparable(left, right):
        return _ORDERS[operator](left, right)
    if left is None or right is None:
        return False
    raise ExpressionError(
        f"Could not perform {_ORDER_WORDS[operator]} comparison: "
        f"{class_name(left)} and {class_name(right)} are not both numbers"
    )


def _comparable(left: Any, right: Any) -> bool:
    if isinstance(left, datetime) and isinstance(right, datetime):
        return (left.tzinfo is None) == (right.tzinfo is None)
    return isinstance(left, str | date | time | timedelta) and type(left) is type(right)


# Arithmetic


def add(left: Any, right: Any, meter: Meter) -> Any:
    """`+`: joins if either side is text, appends to a list, else adds."""
    if isinstance(left, str) or isinstance(right, str):
        return joined(("null" if left is None else left, "null" if right is None else right), meter)
    if isinstance(left, list):
        more = right if isinstance(right, list) else [right]
        meter.step(1 + ((len(left) + len(more)) >> 4))
        return [*left, *more]
    return arithmetic("+", left, right)


def subtract(left: Any, right: Any, meter: Meter) -> Any:
    """`-`: takes out of a list, else subtracts."""
    if isinstance(left, list):
        unwanted = right if isinstance(right, list) else [right]
        meter.step(1 + len(left) * len(unwanted))
        return [item for item in left if not any(equal(item, other, meter) for other in unwanted)]
    return arithmetic("-", left, right)


_WORDS = {"+": "addition", "-": "subtraction", "*": "multiplication", "/": "division", "%": "modulus"}


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """The operator on two numbers, in the wider of their types."""
    word = _WORDS[operator]
    if not is_number(left) or not is_number(right):
        raise ExpressionError(
            f"Could not perform {word}: {class_name(left)} and {class_name(right)} are not both numbers"
        )
    try:
        if isinstance(left, Decimal) or isinstance(right, Decimal):
            return _ARITHMETIC[operator](_decimal(left), _decimal(right))
        if isinstance(left, float) or isinstance(right, float):
            return _float_arithmetic(operator, left, right)
        return _integer_arithmetic(operator, left, right)
    except ArithmeticError as error:
        reason = "/ by zero" if isinstance(error, ZeroDivisionError) or not right else "the result is out of range"
        raise ExpressionError(f"Could not perform {word}: {reason}") from error


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left % right,
}


def _decimal(value: Any) -> Decimal:
    return Decimal(float_text(value)) if isinstance(value, float) else Decimal(value)


def _float_arithmetic(operator: str, left: Any, right: Any) -> float:
    narrow = isinstance(left, Float32 | int) and isinstance(right, Float32 | int)
    first, second = float(left), float(right)
    result: float
    if operator == "/" and second == 0:
        result = (
            math.nan if first == 0 or math.isnan(first) else math.copysign(math.inf, first) * math.copysign(1, second)
        )
    elif operator == "%":
        result = math.nan if second == 0 or not math.isfinite(first) else math.fmod(first, second)
    else:
        result = _ARITHMETIC[operator](first, second)
    return Float32(result) if narrow else result


def _integer_arithmetic(operator: str, left: int, right: int) -> int:
    if operator in "/%":
        quotient = abs(left) // abs(right)
        quotient = quotient if (left < 0) == (right < 0) else -quotient
        result = quotient if operator == "/" else left - quotient * right
    else:
        result = _ARITHMETIC[operator](int(left), int(right))
    if isinstance(left, BigInteger) or isinstance(right, BigInteger):
        if result.bit_length() > 1 << 12:
            raise ExpressionError("The number has more than 4096 bits")
        return BigInteger(result)
    return wrapped(result)


def wrapped(value: int) -> int:
    """Java's 64 bits: what does not fit begins again at the other end."""
    if -_LONG_BIT <= value < _LONG_BIT:
        return value
    return (value + _LONG_BIT) % _LONG_ALL - _LONG_BIT


def negated(value: Any) -> Any:
    if not is_number(value):
        raise ExpressionError(f"Could not negate {class_name(value)}: it is not a number")
    return wrapped(-value) if isinstance(value, int) and not isinstance(value, BigInteger) else type(value)(-value)


# Joining


def joined(parts: tuple[Any, ...] | list[Any], meter: Meter) -> str:
    """The texts of values side by side; null is nothing."""
    texts = [part if isinstance(part, str) else to_text(part, meter) for part in parts]
    meter.join(sum(map(len, texts)))
    return "".join(texts)


def spread(start: Any, end: Any, increment: int, meter: Meter) -> list[Any]:
    """The values from start to end, both included: numbers, or single letters."""
    if isinstance(start, str) and isinstance(end, str) and len(start) == 1 and len(end) == 1:
        return [chr(code) for code in spread(ord(start), ord(end), increment, meter)]
    if not all(isinstance(bound, int) and not isinstance(bound, bool) for bound in (start, end)):
        raise ExpressionError(
            f"Arguments of range function must be of type Number or a single letter, not {class_name(start)} and {class_name(end)}"
        )
    if not increment:
        raise ExpressionError("The increment of the range function must be different than 0")
    values = range(start, end + (1 if increment > 0 else -1), increment)
    meter.step(max(0, (end - start) // increment + 1))
    return list(islice(values, meter.limits.steps))
