"""Tasks that never run, whatever happens."""

from collections.abc import Iterator
from typing import Final

from segue.spec.catalogue import PREFIX
from segue.spec.fields import has_expression
from segue.spec.finding import Finding, warning
from segue.spec.reading import Object
from segue.spec.rules.subject import Subject

_FAIL: Final = PREFIX + "core.execution.Fail"
_EXIT: Final = PREFIX + "core.execution.Exit"
_AT_ONCE: Final = frozenset({PREFIX + f"core.flow.{name}" for name in ("Parallel", "EachParallel", "Dag")})
_FALSE: Final = frozenset({"false", "0", "-0", ""})


def unreachable_tasks(subject: Subject) -> Iterator[Finding]:
    for each in subject.everything:
        for slot, objects in each.children.items():
            if not (each.type in _AT_ONCE and slot == "tasks"):
                yield from _behind_an_end(objects)
    for each in subject.tasks("core.flow.If"):
        yield from _never_chosen(each)
    for each in subject.tasks("core.flow.Switch"):
        yield from _other_cases(each)


def _behind_an_end(tasks: tuple[Object, ...]) -> Iterator[Finding]:
    running = [each for each in tasks if each.raw.get("disabled") is not True]
    for position, each in enumerate(running[:-1]):
        if _ends(each):
            yield _unreachable(running[position + 1], f"'{each.id}' before it always ends the list")
            return


def _ends(task: Object) -> bool:
    raw = task.raw
    if task.type == _EXIT:
        return raw.get("runIf", raw.get("when")) is None
    is_unconditional = raw.get("condition") is None and raw.get("runIf", raw.get("when")) is None
    return task.type == _FAIL and is_unconditional and raw.get("allowFailure") is not True


def _never_chosen(task: Object) -> Iterator[Finding]:
    condition = task.raw.get("condition")
    if condition is None or has_expression(condition):
        return
    text = str(condition).strip().lower()
    never = "then" if text in _FALSE else "else"
    for child in task.under(never)[:1]:
        yield _unreachable(child, f"the condition of '{task.id}' is always {'false' if never == 'then' else 'true'}")


def _other_cases(task: Object) -> Iterator[Finding]:
    value = task.raw.get("value")
    if value is None or has_expression(value):
        return
    text = str(value).lower() if isinstance(value, bool) else str(value)
    chosen = f"cases.{text}" if f"cases.{text}" in task.children else "defaults"
    for slot, tasks in task.children.items():
        is_choice = slot == "defaults" or slot.startswith("cases.")
        if is_choice and slot != chosen:
            for child in tasks[:1]:
                yield _unreachable(child, f"the value of '{task.id}' is always '{text}'")


def _unreachable(task: Object, because: str) -> Finding:
    return warning(task.where, "unreachable-task", f"the task '{task.id}' never runs: {because}")
