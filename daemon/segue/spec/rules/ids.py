"""Ids: unique over everything nested, and none that cannot be reached."""

from collections.abc import Iterable, Iterator
from typing import Any

from segue.spec.finding import Finding, Path, path_text, warning
from segue.spec.flow import RESERVED_IDS
from segue.spec.nested import Role
from segue.spec.reading import Object
from segue.spec.rules.subject import Subject

Named = tuple[str, Path]


def duplicate_ids(subject: Subject) -> Iterator[Finding]:
    flow = subject.flow
    tasks = [(each.id, each.where) for each in subject.tasks()]
    yield from _duplicates("task", [*tasks, *_in_listeners(flow.raw.get("listeners"))])
    yield from _duplicates("trigger", [(each.id, each.where) for each in subject.objects(Role.TRIGGER)])
    yield from _duplicates("input", [(each.id, each.where) for each in flow.under("inputs")])
    yield from _duplicates("output", list(_outputs(flow)))
    for each in subject.tasks("core.flow.Loop"):
        yield from _duplicates("output", list(_outputs(each)))
    for each in subject.everything:
        for slot in ("inputs", "onResume"):
            if each is not flow and each.under(slot):
                yield from _duplicates("input", [(inner.id, inner.where) for inner in each.under(slot)])


def _duplicates(kind: str, named: list[Named]) -> Iterator[Finding]:
    """One finding for all ids that occur more than once, at the first repeat."""
    seen: dict[str, Path] = {}
    repeats: list[Named] = []
    for name, where in named:
        if name and name in seen:
            repeats.append((name, where))
        seen.setdefault(name, where)
    if repeats:
        names = ", ".join(dict.fromkeys(name for name, _ in repeats))
        yield Finding(
            where=(*repeats[0][1], "id"),
            code=f"duplicate-{kind}-id",
            message=f"Duplicate {kind} id with name [{names}]",
            hint=", ".join(f"{path_text(where)} has that of {path_text(seen[name])}" for name, where in repeats),
        )


def _in_listeners(listeners: Any) -> Iterator[Named]:
    """Tasks of listeners, which no longer exist, count all the same."""
    for index, listener in enumerate(_maps(listeners)):
        for position, task in enumerate(_maps(listener.get("tasks"))):
            yield str(task.get("id", "")), ("listeners", index, "tasks", position)


def _outputs(owner: Object) -> Iterator[Named]:
    for index, output in enumerate(_maps(owner.raw.get("outputs"))):
        yield str(output.get("id", "")), (*owner.where, "outputs", index)


def _maps(given: Any) -> Iterable[dict[str, Any]]:
    return [each if isinstance(each, dict) else {} for each in given] if isinstance(given, list) else []


def reserved_id(subject: Subject) -> Iterator[Finding]:
    if subject.flow.id in RESERVED_IDS:
        yield warning(("id",), "reserved-id", f"'{subject.flow.id}' is a path of the API", hint="choose another id")


def namespace_of_folder(subject: Subject) -> Iterator[Finding]:
    namespace, folder = subject.flow.raw.get("namespace"), subject.folder_namespace
    if folder is not None and isinstance(namespace, str) and namespace != folder:
        yield warning(
            ("namespace",),
            "namespace-folder",
            f"the namespace '{namespace}' is not that of the folder, '{folder}'",
            hint="the namespace in the file is the one that counts",
        )
