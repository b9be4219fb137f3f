"""Places in a model where other typed objects stand: tasks, conditions, task runners, triggers, inputs.

pydantic could validate those as one union of every type; that is slow and reports every alternative. So a model holds
them as they are written, marked with what is expected, and `spec.reading` goes down and picks the model by `type`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import GetJsonSchemaHandler
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


@dataclass(frozen=True, slots=True)
class Slot:
    """Marks a field: objects of `role` stand here, in this shape. `Role.TASK` takes flowables too."""

    role: Role
    shape: Shape = Shape.LIST

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {SLOT_KEYWORD: {"role": self.role.value, "shape": self.shape.value}}


TaskSlot = Annotated[dict[str, Any], Slot(Role.TASK, Shape.ONE)]
TaskList = Annotated[list[Any], Slot(Role.TASK)]
TaskLists = Annotated[dict[str, Any], Slot(Role.TASK, Shape.MAP_OF_LISTS)]
DependentTasks = Annotated[list[Any], Slot(Role.DEPENDENT_TASK)]
TriggerList = Annotated[list[Any], Slot(Role.TRIGGER)]
ConditionList = Annotated[list[Any], Slot(Role.CONDITION)]
ConditionMap = Annotated[dict[str, Any], Slot(Role.CONDITION, Shape.MAP)]
InputList = Annotated[list[Any], Slot(Role.INPUT)]
RunnerSlot = Annotated[dict[str, Any], Slot(Role.RUNNER, Shape.ONE)]
