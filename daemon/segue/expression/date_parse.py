"""Reads a date-time by a pattern of Java's DateTimeFormatter: the pattern becomes a regular expression, its groups a date."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

from babel import Locale

from segue.expression.date_pattern import Field, fields_of
from segue.expression.errors import ExpressionError
from segue.expression.iso import offset_zone

_ENGLISH = Locale("en", "US")
_OFFSET = r"(?:Z|[+-]\d\d(?::?\d\d)?(?::?\d\d)?)"
_NUMBERS = "yuMLdDHhkKmsnAN"
_TEXT_LETTERS = {"E", "c", "e", "a", "B", "G", "M", "L"}


def read(text: str, pattern: str, zone_named: Callable[[str], tzinfo]) -> datetime:
    """The date-time in the text, aware if the pattern has a zone."""
    expression, letters = _compiled(pattern)
    found = expression.fullmatch(text)
    if found is None:
        raise ExpressionError(f"Text '{text[:80]}' could not be parsed with the format '{pattern}'")
    parts = dict(zip(letters, found.groups(), strict=True))
    try:
        return _assembled(parts, zone_named)
    except (ValueError, OverflowError) as error:
        raise ExpressionError(f"Text '{text[:80]}' could not be parsed: {error}") from error


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    fields = fields_of(pattern)
    letters = tuple(field.letter for field in fields if field.letter)
    if len(set(letters)) < len(letters):
        raise ExpressionError(f"The format '{pattern}' names a field twice, so no date can be read with it")
    pieces = [_piece(field, following) for field, following in pairwise((*fields, Field("", 0, "")))]
    return re.compile("".join(pieces), re.IGNORECASE | re.ASCII), letters


def _piece(field: Field, following: Field) -> str:
    if not field.letter:
        return re.escape(field.text)
    letter, count = field.letter, field.width
    if letter in _TEXT_LETTERS and (count > 2 or letter in "EaBG"):
        return f"({'|'.join(re.escape(name) for name in _names(letter))})"
    if letter == "S":
        return rf"(\d{{{count}}})"
    if letter in "XxZ":
        return f"({_OFFSET})"
    if letter in "zvVO":
        return rf"([A-Za-z][\w/+:-]*|{_OFFSET})"
    if letter in _NUMBERS:
        # Digits run on into the next number only where each has its width.
        alone = not following.letter or following.letter not in _NUMBERS + "S"
        if letter in "yu" and count != 2:
            return rf"([+-]?\d{{{min(count, 4)},{9 if alone else 4}}})"
        return (
            rf"(\d{{{count},{max(count, 19 if letter in 'nAN' else 3)}}})"
            if alone and count == 1
            else rf"(\d{{{count}}})"
        )
    raise ExpressionError(f"The pattern letter '{letter}' cannot be used to read a date")


def _names(letter: str) -> list[str]:
    if letter in "ML":
        names = [*_ENGLISH.months["format"]["wide"].values(), *_ENGLISH.months["format"]["abbreviated"].values()]
    elif letter in "Eec":
        names = [*_ENGLISH.days["format"]["wide"].values(), *_ENGLISH.days["format"]["abbreviated"].values()]
    else:
        names = ["AM", "PM"] if letter in "aB" else ["AD", "CE", "Anno Domini"]
    return sorted(names, key=len, reverse=True)


def _assembled(parts: dict[str, str], zone_named: Callable[[str], tzinfo]) -> datetime:
    year_text = parts.get("y") or parts.get("u")
    if year_text is None:
        raise ValueError("the format has no year")
    year = int(year_text) + (2000 if len(year_text) == 2 else 0)
    moment = datetime(year, _month(parts), int(parts.get("d", 1)))  # noqa: DTZ001 - the caller knows the zone
    if "D" in parts:
        moment = datetime(year, 1, 1) + timedelta(days=int(parts["D"]) - 1)  # noqa: DTZ001
    moment = moment.replace(
        hour=_hour(parts), minute=int(parts.get("m", 0)), second=int(parts.get("s", 0)), microsecond=_micros(parts)
    )
    if "A" in parts:
        moment += timedelta(milliseconds=int(parts["A"]))
    zone = next((parts[letter] for letter in "XxZzvVO" if parts.get(letter)), None)
    return moment if zone is None else moment.replace(tzinfo=_zone(zone, zone_named))


def _month(parts: dict[str, str]) -> int:
    text = parts.get("M") or parts.get("L") or "1"
    if text.isdecimal():
        return int(text)
    return next(
        int(number)
        for number, name in _ENGLISH.months["format"]["abbreviated"].items()
        if text.lower().startswith(name.lower())
    )


def _hour(parts: dict[str, str]) -> int:
    if "H" in parts:
        return int(parts["H"])
    if "k" in parts:
        return int(parts["k"]) % 24
    half = int(parts.get("h") or parts.get("K") or 0) % 12
    return half + (12 if (parts.get("a") or parts.get("B") or "").upper() == "PM" else 0)


def _micros(parts: dict[str, str]) -> int:
    if "S" in parts:
        return int(parts["S"].ljust(6, "0")[:6])
    return int(parts.get("n", 0)) // 1000


def _zone(text: str, zone_named: Callable[[str], tzinfo]) -> tzinfo:
    return offset_zone(text) if text[0] in "+-Zz" and not text[1:2].isalpha() else zone_named(text)
