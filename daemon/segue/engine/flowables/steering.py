"""Steering: what `settle` asks of a kind of flowable, and the values they exchange."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct, field

from segue.engine.plan import Node
from segue.engine.scene import Scene
from segue.model.change import Change
from segue.model.execution import Failure, TaskRun
from segue.model.state import State


class Question(Struct, frozen=True):
    """A template that has to be evaluated first; `purpose` names it in events and orders."""

    purpose: str
    template: Any
    typed: bool = False


class Opening(Struct, frozen=True, kw_only=True):
    """Which list of children is gone through, the values of a loop, the flowable's own outputs, and what it has to
    remember."""

    branch: str = "tasks"
    values: Sequence[Any] | None = None
    outputs: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


class Child(NamedTuple):
    """A task run to make."""

    node: Node
    value: str | None = None
    iteration: int | None = None


Further = Callable[[Scene], tuple[Change, ...] | None]
"""None: nothing, the node is done with its list. `()`: it waits."""


class Steering(Protocol):
    """One kind of flowable. Each function costs what one child costs; only `due` of a loop looks at all children,
    and it is asked when the loop begins or is taken up again."""

    def question(self, node: Node, /) -> Question | None:
        """What has to be known before it opens."""
        ...

    def opening(self, node: Node, answer: Any, /) -> Opening | Failure:
        """How it opens, given the answer."""
        ...

    def due(self, scene: Scene, /) -> Sequence[Child]:
        """The children of the list in hand that should be there and are not."""
        ...

    def after(self, scene: Scene, ended: TaskRun, /) -> Sequence[Child]:
        """The same, when nothing has happened but the end of this child."""
        ...

    def end(self, worst: State, /) -> State:
        """Its own end, given the worst end among its children."""
        ...
