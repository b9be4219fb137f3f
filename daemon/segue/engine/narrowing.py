"""Narrowing: of all variables those parts that templates name."""

from collections.abc import Mapping
from typing import Any

from segue.engine.templates import Needs


def narrowed(variables: Mapping[str, Any], needs: Needs) -> Mapping[str, Any]:
    return variables
