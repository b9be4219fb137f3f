"""Public holidays by country, from the `holidays` package."""

from datetime import date
from functools import lru_cache

import holidays


class UnknownCountry(ValueError):
    """No holidays are known for this country or part of it."""


def is_public_holiday(day: date, country: str, subdivision: str = "") -> bool:
    """Is the day a public holiday in the country (ISO 3166-1) or in a part of it."""
    if not country:
        raise UnknownCountry("PublicHoliday needs a `country`, like FR")
    return day in _holidays(country.upper(), subdivision.upper(), day.year)


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    try:
        known = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    except NotImplementedError as error:
        raise UnknownCountry(
            f"No public holidays are known for `{country} {subdivision}`".rstrip(" `") + "`"
        ) from error
    return frozenset(known)
