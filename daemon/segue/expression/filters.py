"""All filters by name."""

from __future__ import annotations

from segue.expression.filters_collections import COLLECTION_FILTERS
from segue.expression.filters_data import DATA_FILTERS
from segue.expression.filters_dates import DATE_FILTERS
from segue.expression.filters_regex import REGEX_FILTERS
from segue.expression.filters_text import TEXT_FILTERS
from segue.expression.signatures import FilterSignature

FILTERS: dict[str, FilterSignature] = {
    **TEXT_FILTERS,
    **REGEX_FILTERS,
    **COLLECTION_FILTERS,
    **DATA_FILTERS,
    **DATE_FILTERS,
}
