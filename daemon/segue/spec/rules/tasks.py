"""Tasks: what their surroundings forbid."""

from collections.abc import Iterator

from segue.spec.cycles import cycle_in
from segue.spec.finding import Finding
from segue.spec.nested import Role
from segue.spec.reading import Object
from segue.spec.rules.subject import Subject


def dags(subject: Subject) -> Iterator[Finding]:
    for dag in subject.tasks("core.flow.Dag"):
        yield from _dependencies_of(dag)


def _dependencies_of(dag: Object) -> Iterator[Finding]:
    entries = [(entry, task) for entry in dag.under("tasks") for task in entry.under("task")]
    known = {task.id for _, task in entries}
    graph: dict[str, tuple[str, ...]] = {}
    for entry, task in entries:
        needed = tuple(entry.own.depends_on) if entry.own else ()
        graph[task.id] = needed
        for index, other in enumerate(needed):
            if other not in known:
                yield Finding(
                    where=(*entry.where, "dependsOn", index),
                    code="unknown-dependency",
                    message=f"task '{task.id}' depends on '{other}', which is no task of the Dag '{dag.id}'",
                )
    cycle = cycle_in(graph)
    if cycle:
        first = next(entry for entry, task in entries if task.id == cycle[0])
        yield Finding(
            where=(*first.where, "dependsOn"),
            code="cyclic-dependency",
            message=f"Cyclic dependency detected: {' -> '.join(cycle)}",
        )


def working_directories(subject: Subject) -> Iterator[Finding]:
    for each in subject.tasks("core.flow.WorkingDirectory"):
        if not each.raw.get("tasks"):
            yield Finding(
                where=(*each.where, "tasks"),
                code="missing-key",
                message=f"{each.id}: The 'tasks' property cannot be empty",
            )
        for child in each.under("tasks"):
            if child.role is Role.FLOWABLE:
                yield Finding(
                    where=(*child.where, "type"),
                    code="flowable-in-working-directory",
                    message=f"{each.id}: Only runnable tasks are allowed as children of a WorkingDirectory task",
                )


def recursive_calls(subject: Subject) -> Iterator[Finding]:
    flow = subject.flow.raw
    for each in subject.tasks("core.flow.Subflow", "core.flow.ForEachItem"):
        if each.raw.get("flowId") == flow.get("id") and each.raw.get("namespace") == flow.get("namespace"):
            yield Finding(
                where=(*each.where, "flowId"),
                code="recursive-call",
                message=f"Recursive call to flow [{flow.get('namespace')}.{flow.get('id')}]",
            )
