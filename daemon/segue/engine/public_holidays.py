"""Public holidays by country, from the `holidays` package."""

import importlib
from datetime import date
from functools import lru_cache


class UnknownCountry(ValueError):
    """No holidays are known for this country or part of it."""


def is_public_holiday(day: date, country: str, subdivision: str = "") -> bool:
    """Is the day a public holiday in the country (ISO 3166-1) or in a part of it."""
    if not country:
        raise UnknownCountry("PublicHoliday needs a `country`, like FR")
    return day in _holidays(country.upper(), subdivision.upper(), day.year)


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    # Loaded by the first who asks: it takes a fifth of the time in which the daemon has to be up, and few flows need it.
    holidays = importlib.import_module("holidays")
    try:
        known = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    except NotImplementedError as error:
        raise UnknownCountry(
            f"No public holidays are known for `{country} {subdivision}`".rstrip(" `") + "`"
        ) from error
    return frozenset(known)
