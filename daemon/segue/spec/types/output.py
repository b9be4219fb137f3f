"""Properties of the tasks `core.output.*`."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Values


class OutputValues(Spec):
    """Gives values back as the output `values`, each rendered, types kept."""

    values: Dynamic[Values] | None = Field(default=None, description="The values by name.")


TYPES: Final[Mapping[str, type[Spec]]] = {"core.output.OutputValues": OutputValues}
