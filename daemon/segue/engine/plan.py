"""Plan: a flow, indexed for deciding. Made once for each revision and shared by all its executions; never changes.

Disabled tasks are left out, so nothing else has to know about them. The root `Node` stands for the flow itself: its
branches are `tasks`, `errors`, `finally` and `afterExecution`.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Self

from msgspec import Struct, field
from msgspec.structs import replace

from segue.engine.templates import EVERYTHING, Needs, needs_of
from segue.engine.templates import is_pure as _is_pure
from segue.model.flow import Flow
from segue.model.order import FOLDER_ERRANDS, LOOP_ERRANDS
from segue.model.output import Output
from segue.model.task import (
    Approval,
    Decision,
    EachItem,
    ForEach,
    If,
    Loop,
    LoopUntil,
    Pause,
    Retry,
    RetryBehavior,
    Runnable,
    Sleep,
    Subflow,
    Switch,
    Task,
    WorkingDirectory,
    branches,
)

OUTPUTS: Final = "outputs"
ERRORS: Final = "errors"
FINALLY: Final = "finally"
AFTER_EXECUTION: Final = "afterExecution"
SECRET: Final = "SECRET"  # noqa: S105 - a type of output
SIDE_BRANCHES: Final = frozenset({ERRORS, FINALLY, AFTER_EXECUTION})
_NO_SURROUNDINGS: Final[Mapping[str, Any]] = MappingProxyType({})


class Node(Struct, frozen=True, kw_only=True, eq=False):
    """A task and its place. `branch` and `position` say where in `parent` it stands; `retry` is the policy in force
    (the task's own, or its nearest ancestor's, or the flow's); `needs` are the variables that its templates name;
    `elsewhere` are the purposes of those templates that only a worker may evaluate."""

    task: Task | None  # None: the flow itself
    parent: "Node | None"
    branch: str
    position: int
    depth: int
    retry: Retry | None
    needs: Needs
    elsewhere: frozenset[str]
    branches: dict[str, tuple["Node", ...]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.task.id if self.task else ""

    def children(self, branch: str) -> tuple["Node", ...]:
        return self.branches.get(branch, ())


class Plan(Struct, frozen=True, kw_only=True, eq=False):
    """`loops` are the plans of the iterations of every Loop in the flow, by its id: of the tasks in a Loop there is
    nothing in `nodes`. `surroundings` are the variables that do not come from an execution (`envs`, `globals`,
    `kestra`), as they are at any time: the one thing here that is not the flow's, and the daemon's to keep."""

    flow: Flow
    root: Node
    nodes: Mapping[str, Node]
    loops: Mapping[str, "Plan"]
    surroundings: Mapping[str, Any]

    @classmethod
    def of(cls, flow: Flow, surroundings: Mapping[str, Any] = _NO_SURROUNDINGS) -> Self:
        outputs = [output.value for output in flow.outputs]
        # Only a worker may encrypt, as only a worker may decrypt.
        is_here = _is_pure(outputs) and not any(output.type == SECRET for output in flow.outputs)
        root = Node(
            task=None,
            parent=None,
            branch="",
            position=0,
            depth=0,
            retry=flow.retry,
            needs=needs_of([*outputs, *(each.assertion for each in flow.sla if each.assertion)]),
            elsewhere=frozenset() if is_here else frozenset(map(outputs_purpose, flow.outputs)),
        )
        nodes: dict[str, Node] = {}
        lists = (
            ("tasks", flow.tasks),
            (ERRORS, flow.errors),
            (FINALLY, flow.finally_),
            (AFTER_EXECUTION, flow.after_execution),
        )
        for name, tasks in lists:
            _grow(root, name, tasks, nodes)
        loops: dict[str, Plan] = {}
        for node in nodes.values():
            if node.task is not None and isinstance(node.task.body, Loop):
                inner = cls.of(iteration_flow(flow, node, node.task.body), surroundings)
                loops.update({node.id: inner, **inner.loops})
        return cls(flow=flow, root=root, nodes=nodes, loops=loops, surroundings=surroundings)


def outputs_purpose(output: Output) -> str:
    """What the question for an output is named by: those that have to be there are one question, one that may be missing
    is its own, since it may fail alone."""
    return OUTPUTS if output.required else f"{OUTPUTS}.{output.id}"


def iteration_flow(flow: Flow, node: Node, body: Loop) -> Flow:
    """What an iteration runs, as a flow: the tasks and outputs of its Loop. All that is about an execution as a whole -
    who may start it, how long it may take, what follows its end - is the business of the one around."""
    retries = node.retry is not None and node.retry.behavior is RetryBehavior.RETRY_FAILED_TASK
    return replace(
        flow,
        tasks=body.tasks,
        errors=(),
        finally_=(),
        after_execution=(),
        outputs=body.outputs,
        triggers=(),
        concurrency=None,
        retry=node.retry if retries else None,
        sla=(),
        checks=(),
    )


def _grow(parent: Node, branch: str, tasks: tuple[Task, ...], nodes: dict[str, Node]) -> None:
    enabled = (task for task in tasks if not task.disabled)
    parent.branches[branch] = tuple(
        _node(parent, branch, position, task, nodes) for position, task in enumerate(enabled)
    )


# What these look at without a word of it: whether a variable is there.
_UNTOLD: Final = {
    f"io.kestra.plugin.core.execution.{name}": "{{ vars }}" for name in ("SetVariables", "UnsetVariables")
}

# What the task needs that these make out of a text, only that text will tell.
_MAKE_TASKS: Final = frozenset({"io.kestra.plugin.core.templating.TemplatedTask"})


def _node(parent: Node, branch: str, position: int, task: Task, nodes: dict[str, Node]) -> Node:
    templates = dict(_templates(task))
    node = Node(
        task=task,
        parent=parent,
        branch=branch,
        position=position,
        depth=parent.depth + 1,
        retry=task.retry or parent.retry,
        needs=EVERYTHING if task.type in _MAKE_TASKS else needs_of([*templates.values(), _UNTOLD.get(task.type)]),
        elsewhere=_errands(task).union(purpose for purpose, template in templates.items() if not _is_pure(template)),
    )
    nodes[task.id] = node
    for name, children in branches(task.body):
        if not (name == "tasks" and isinstance(task.body, Loop)):
            _grow(node, name, children, nodes)
    return node


def _errands(task: Task) -> frozenset[str]:
    match task.body:
        case WorkingDirectory():
            return FOLDER_ERRANDS
        case Loop():
            return LOOP_ERRANDS
        case _:
            return frozenset()


def _templates(task: Task) -> Iterator[tuple[str, Any]]:
    """What of a task may hold expressions, by what it is for."""
    yield "run_if", task.run_if
    yield "timeout", task.timeout
    match task.body:
        case Runnable(properties=properties) | WorkingDirectory(properties=properties):
            yield "properties", properties
        case Subflow(call=call) | EachItem(call=call):
            yield "call", call.template
        case Pause() as body:
            yield "pause", body.template(task.timeout)
        case Approval() as body:
            yield "approval", body.beginning
            yield "terms", body.terms(task.timeout)
            yield from ((decision.value, body.behavior(decision)) for decision in Decision)
        case LoopUntil() as body:
            yield "loop", body.template
            yield "condition", body.condition
        case Sleep(duration=duration):
            yield "duration", duration
        case If(condition=condition):
            yield "condition", condition
        case Switch(value=value):
            yield "value", value
        case Loop(values=values, break_when=condition):
            yield "values", list(values) if isinstance(values, tuple) else values
            yield "break_when", condition
        case ForEach(values=values):
            yield "values", list(values) if isinstance(values, tuple) else values
        case _:
            pass
