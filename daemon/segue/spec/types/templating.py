"""Properties of the tasks `core.templating.*`."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Text


class TemplatedTask(Spec):
    """Runs the task whose YAML an expression renders."""

    spec: Dynamic[Text] = Field(description="Renders to the YAML of a runnable task.")


TYPES: Final[Mapping[str, type[Spec]]] = {"core.templating.TemplatedTask": TemplatedTask}
