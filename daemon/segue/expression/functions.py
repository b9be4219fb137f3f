"""All functions by name."""

from __future__ import annotations

from segue.expression.functions_calendar import CALENDAR_FUNCTIONS
from segue.expression.functions_data import DATA_FUNCTIONS
from segue.expression.functions_outputs import OUTPUT_FUNCTIONS
from segue.expression.functions_outside import OUTSIDE_FUNCTIONS
from segue.expression.signatures import FunctionSignature

FUNCTIONS: dict[str, FunctionSignature] = {
    **DATA_FUNCTIONS,
    **OUTPUT_FUNCTIONS,
    **CALENDAR_FUNCTIONS,
    **OUTSIDE_FUNCTIONS,
}
