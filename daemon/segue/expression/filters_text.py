"""Filters on text: case, cutting, padding, escaping, encoding, digests."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from babel.numbers import format_decimal

from segue.expression.dates import locale_named
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.signatures import REST, FilterSignature, Given, integer_argument, optional_text, text_argument
from segue.expression.values import class_name, is_number, to_text

_DIRECTIVE = re.compile(r"%(?:(\d{1,3})\$)?([-#+ 0,(]*)(\d{1,6})?(?:\.(\d{1,6}))?([a-zA-Z%])")


def _text_filter(change: Callable[[str], str]) -> FilterSignature:
    """A filter that changes text and takes nothing; null stays null, other values become text first."""

    def apply(value: Any, _given: Given, evaluation: Evaluation) -> str | None:
        return None if value is None else change(to_text(value, evaluation.meter))

    return FilterSignature(apply)


def _capitalized(text: str) -> str:
    blank = len(text) - len(text.lstrip())
    return text[:blank] + text[blank : blank + 1].title() + text[blank + 1 :]


def _titled(text: str) -> str:
    return re.sub(r"\S+", lambda word: word.group()[:1].title() + word.group()[1:], text)


def slugified(text: str) -> str:
    """Kestra's slug: also how ids become folders of the internal storage."""
    decomposed = unicodedata.normalize("NFD", re.sub(r"\s", "-", text, flags=re.ASCII))
    slug = re.sub(r"[^\w-]", "", decomposed, flags=re.ASCII).replace("_", "-")
    slug = re.sub(r"-{2,}", "-", slug)
    return slug.removeprefix("-").removesuffix("-").lower()


def _decoded_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise ExpressionError(f"The 'base64decode' filter cannot decode the text: {error}") from error


def _digest(algorithm: str) -> FilterSignature:
    return _text_filter(lambda text: hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest())


def _abbreviate(value: Any, given: Given, evaluation: Evaluation) -> Any:
    if value is None:
        return None
    text, width = to_text(value, evaluation.meter), integer_argument(given, "length", "The 'abbreviate' filter")
    if width < 0:
        raise ExpressionError("Invalid argument to abbreviate filter; must be greater than zero")
    if len(text) <= width or len(text) <= len("..."):
        return text
    return text[:width] if width <= len("...") else text[: width - len("...")] + "..."


def _substring(cut: Callable[[str, str], str], name: str) -> FilterSignature:
    def apply(value: Any, given: Given, evaluation: Evaluation) -> str | None:
        if value is None:
            return None
        return cut(to_text(value, evaluation.meter), text_argument(given, "separator", f"The '{name}' filter"))

    return FilterSignature(apply, ("separator",), required=1)


def _before(text: str, separator: str) -> str:
    return text.partition(separator)[0] if separator else ""


def _before_last(text: str, separator: str) -> str:
    return text.rpartition(separator)[0] if separator and separator in text else text


def _after(text: str, separator: str) -> str:
    return text.partition(separator)[2] if separator else text


def _after_last(text: str, separator: str) -> str:
    return text.rpartition(separator)[2] if separator and separator in text else ""


def _affix(has: Callable[[str, str], bool], name: str) -> FilterSignature:
    def apply(value: Any, given: Given, evaluation: Evaluation) -> bool | None:
        if value is None:
            return None
        return has(to_text(value, evaluation.meter), text_argument(given, "value", f"The '{name}' filter"))

    return FilterSignature(apply, ("value",), required=1)


def _indented(*, first_line: bool) -> FilterSignature:
    name = "nindent" if first_line else "indent"

    def apply(value: Any, given: Given, evaluation: Evaluation) -> str | None:
        if value is None:
            return None
        text = to_text(value, evaluation.meter)
        if not text:
            return text
        amount = integer_argument(given, "amount", f"The '{name}' filter")
        if amount < 0:
            raise ExpressionError(f"The '{name}' filter expects a positive integer >=0 as argument 'amount'.")
        prefix = text_argument(given, "prefix", f"The '{name}' filter", " ")
        ending = next((known for known in ("\r\n", "\n\r", "\n", "\r") if known in text), "\n")
        text = ending + text if first_line else text
        evaluation.meter.join(len(text) + text.count(ending) * amount * len(prefix))
        return text.replace(ending, ending + prefix * amount)

    return FilterSignature(apply, ("amount", "prefix"), required=1)


_ESCAPES = {"single": ("'", "\\'"), "double": ('"', '\\"'), "shell": ("'", "'\\''")}


def _escape_char(value: Any, given: Given, evaluation: Evaluation) -> Any:
    if value is None:
        return None
    kind = text_argument(given, "type", "The 'escapeChar' filter").lower()
    if kind not in _ESCAPES:
        raise ExpressionError(
            "The 'escapeChar' filter expects the value of 'type' to be either 'single', 'double', or 'shell'."
        )
    old, new = _ESCAPES[kind]
    return each_text(value, lambda text: text.replace(old, new), evaluation)


def each_text(value: Any, change: Callable[[str], str], evaluation: Evaluation) -> Any:
    """The value with every text in it changed, in lists and maps too; other scalars become text."""
    if isinstance(value, dict):
        evaluation.meter.step(1 + len(value))
        return {key: each_text(item, change, evaluation) for key, item in value.items()}
    if isinstance(value, list):
        evaluation.meter.step(1 + len(value))
        return [each_text(item, change, evaluation) for item in value]
    return change(to_text(value, evaluation.meter))


def _number_format(value: Any, given: Given, _evaluation: Evaluation) -> Any:
    if value is None:
        return None
    if not is_number(value):
        raise ExpressionError(f"The 'numberformat' filter takes a number, not {class_name(value)}")
    pattern = optional_text(given, "format", "The 'numberformat' filter") or "#,##0.###"
    if len(pattern) > 100:
        raise ExpressionError("The number format is longer than 100 characters")
    return format_decimal(value, format=pattern, locale=locale_named(None))


def _format(value: Any, given: Given, evaluation: Evaluation) -> Any:
    """Java's String.format, for the conversions that plain values have."""
    if value is None:
        return None
    arguments = given[REST]
    taken = 0

    def directive(found: re.Match[str]) -> str:
        nonlocal taken
        index, _, width, precision, conversion = found.groups()
        if conversion in "%n":
            return {"%": "%", "n": "\n"}[conversion]
        place = int(index) - 1 if index else taken
        taken += 0 if index else 1
        if not 0 <= place < len(arguments):
            raise ExpressionError(f"Format specifier '{found.group()}' has no argument")
        evaluation.meter.join(int(width or 0) + int(precision or 0))
        return _converted(arguments[place], found, evaluation)

    return _DIRECTIVE.sub(directive, to_text(value, evaluation.meter))


def _converted(value: Any, directive: re.Match[str], evaluation: Evaluation) -> str:
    _, flags, width_text, precision, conversion = directive.groups()
    width = int(width_text or 0)
    if conversion in "sSbBc":
        text = "null" if value is None else to_text(value, evaluation.meter)
        if conversion in "bB":
            text = "false" if value is None or value is False else "true"
        text = text[: int(precision)] if precision else text
        text = text.upper() if conversion in "SB" else text
        return text.ljust(width) if "-" in flags else text.rjust(width)
    if not is_number(value) or (conversion in "dxXo" and isinstance(value, float | Decimal)):
        raise ExpressionError(f"Format specifier '%{conversion}' does not take {class_name(value)}")
    if conversion not in "dxXofeEgG":
        raise ExpressionError(f"Unknown format conversion '%{conversion}'")
    comma = "," if "," in flags else ""
    digits = f".{precision or 6}" if conversion in "feEgG" else ""
    sign = "+" if "+" in flags else " " if " " in flags else ""
    zero = "0" if "0" in flags and "-" not in flags else ""
    align = "<" if "-" in flags else "" if zero else ">"
    return format(value, f"{align}{sign}{zero}{width or ''}{comma}{digits}{conversion}")


TEXT_FILTERS: dict[str, FilterSignature] = {
    "abbreviate": FilterSignature(_abbreviate, ("length",), required=1),
    "base64decode": _text_filter(_decoded_base64),
    "base64encode": _text_filter(lambda text: base64.b64encode(text.encode()).decode()),
    "capitalize": _text_filter(_capitalized),
    "endsWith": _affix(str.endswith, "endsWith"),
    "escapeChar": FilterSignature(_escape_char, ("type",), required=1),
    "format": FilterSignature(_format, variadic=True),
    "indent": _indented(first_line=False),
    "lower": _text_filter(str.lower),
    "md5": _digest("md5"),
    "nindent": _indented(first_line=True),
    "numberFormat": FilterSignature(_number_format, ("format",)),
    "numberformat": FilterSignature(_number_format, ("format",)),
    "raw": FilterSignature(lambda value, _given, _evaluation: value),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
    "slugify": _text_filter(slugified),
    "startsWith": _affix(str.startswith, "startsWith"),
    "string": _text_filter(str),
    "substringAfter": _substring(_after, "substringAfter"),
    "substringAfterLast": _substring(_after_last, "substringAfterLast"),
    "substringBefore": _substring(_before, "substringBefore"),
    "substringBeforeLast": _substring(_before_last, "substringBeforeLast"),
    "title": _text_filter(_titled),
    "trim": _text_filter(str.strip),
    "upper": _text_filter(str.upper),
    "urldecode": _text_filter(unquote_plus),
    "urlencode": _text_filter(lambda text: quote_plus(text, safe="*").replace("~", "%7E")),
}
