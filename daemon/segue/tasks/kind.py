"""What a task type is: a name, the model of its properties, and a function. Third parties make these too.

GREET = TaskKind(name="com.example.Greet", properties=Greet, run=greet)

def greet(properties: Greet, context: TaskContext) -> Result:
    context.log("INFO", f"Hello {properties.name}")
    return Result(outputs={"greeting": ...})
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct, field
from pydantic import BaseModel

from segue.model.event import Wish
from segue.model.state import State
from segue.tasks.context import TaskContext

P = TypeVar("P", bound=BaseModel)


class Instead(Struct, frozen=True, kw_only=True):
    """A task to run in the place of the one that made it, with properties that are not rendered yet."""

    task_type: str
    properties: Mapping[str, Any]


class Result(Struct, frozen=True, kw_only=True):
    """How a task ended well: SUCCESS, WARNING or SKIPPED. With `instead` it has not: that task runs now."""

    state: State = State.SUCCESS
    outputs: Mapping[str, Any] | None = None
    wishes: tuple[Wish, ...] = ()
    instead: Instead | None = None


class TaskFailed(Exception):
    """The task did not succeed; the message is for the author of the flow. `outputs` are kept."""

    def __init__(self, message: str, outputs: Mapping[str, Any] | None = None) -> None:
        self.message = message
        self.outputs = outputs
        super().__init__(message)


class TaskKind(Struct, Generic[P], frozen=True, kw_only=True):
    """A runnable task type.

    Properties come rendered: every text with its expressions filled in, as text; those named in `typed` (names are
    those of YAML) keep the types that their expressions give, those in `unrendered` come as they are written.
    `variables`, if given, makes variables that the expressions see beside those of the execution. `aliases` are other
    names of the type.
    """

    name: str
    properties: type[P]
    run: Callable[[P, TaskContext], Result]
    typed: frozenset[str] = field(default_factory=frozenset)
    unrendered: frozenset[str] = field(default_factory=frozenset)
    variables: Callable[[TaskContext], Mapping[str, Any]] | None = None
    aliases: tuple[str, ...] = ()
