"""Properties of the tasks `core.state.*` and of `core.trigger.Toggle`."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Text, Values


class StateOf(Spec):
    """What the state tasks share."""

    name: Dynamic[Text] = Field(default="default", description="Name of the state.")
    namespace: Dynamic[bool] = Field(default=False, description="Share it within the namespace.")
    taskrun_value: Dynamic[bool] = Field(default=True, description="Keep one for each value of a loop.")


class Set(StateOf):
    """Merges data into a stored state."""

    data: Dynamic[Values] | None = Field(default=None, description="The data.")


class Get(StateOf):
    """Reads a stored state."""

    error_on_missing: Dynamic[bool] = Field(default=False, description="A missing state is an error.")


class Delete(StateOf):
    """Deletes a stored state."""

    error_on_missing: Dynamic[bool] = Field(default=False, description="A missing state is an error.")


class Toggle(Spec):
    """Switches a trigger on or off."""

    namespace: Dynamic[Text] | None = Field(default=None, description="Namespace of the flow; default: this one.")
    flow_id: Dynamic[Text] | None = Field(default=None, description="The flow; default: this one.")
    trigger: Dynamic[Text] = Field(description="Id of the trigger.")
    enabled: Dynamic[bool] = Field(default=False, description="On or off.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.state.Set": Set,
    "core.state.Get": Get,
    "core.state.Delete": Delete,
    "core.trigger.Toggle": Toggle,
}
