"""Places in a model where other typed objects stand: tasks, conditions, task runners, triggers, inputs.

pydantic could validate those as one union of every type; that is slow and reports every alternative. So a model holds
them as they are written, marked with what is expected, and `spec.reading` goes down and picks the model by `type`.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final, get_args

from msgspec import Struct
from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

# Stands in the models' JSON Schemas where `spec.schema` puts the reference to the objects of a role.
SLOT_KEYWORD: Final = "x-slot"


class Role(StrEnum):
    """What a typed object is for."""

    TASK = "task"  # runnable: works in a worker
    FLOWABLE = "flowable"  # a task that only steers
    TRIGGER = "trigger"
    CONDITION = "condition"
    RUNNER = "runner"
    INPUT = "input"
    DEPENDENT_TASK = "dependent-task"  # an entry of a Dag: a task, and what it waits for


class Shape(StrEnum):
    """How the objects stand there."""

    ONE = "one"
    LIST = "list"
    MAP = "map"  # name -> object
    MAP_OF_LISTS = "map-of-lists"  # name -> objects


class Slot(Struct, frozen=True):
    """Marks a field: objects of `role` stand here, in this shape. `Role.TASK` takes flowables too."""

    role: Role
    shape: Shape = Shape.LIST

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        bounds = {key: value for key, value in handler(schema).items() if key == "minItems"}
        return {SLOT_KEYWORD: {"role": self.role.value, "shape": self.shape.value}, **bounds}


TaskSlot = Annotated[dict[str, Any], Slot(Role.TASK, Shape.ONE)]
TaskList = Annotated[list[Any], Slot(Role.TASK)]
TaskLists = Annotated[dict[str, list[Any]], Slot(Role.TASK, Shape.MAP_OF_LISTS)]
DependentTasks = Annotated[list[Any], Slot(Role.DEPENDENT_TASK)]
TriggerList = Annotated[list[Any], Slot(Role.TRIGGER)]
ConditionList = Annotated[list[Any], Slot(Role.CONDITION)]
ConditionMap = Annotated[dict[str, Any], Slot(Role.CONDITION, Shape.MAP)]
InputList = Annotated[list[Any], Slot(Role.INPUT)]
RunnerSlot = Annotated[dict[str, Any], Slot(Role.RUNNER, Shape.ONE)]


@cache
def slots_of(model: type[BaseModel]) -> Mapping[str, Slot]:
    """The slots of a model by the key that holds them."""
    slots: dict[str, Slot] = {}
    for name, field in model.model_fields.items():
        alternatives = (metadata for each in get_args(field.annotation) for metadata in get_args(each))
        slot = next((each for each in (*field.metadata, *alternatives) if isinstance(each, Slot)), None)
        if slot is not None:
            slots[field.alias or name] = slot
    return slots
