"""Conditions that hold whatever their expression says, because a space or the end of a line stands beside it: as text,
`false` and an end of line is not false."""

from collections.abc import Iterator
from typing import Any, Final

from segue.spec.catalogue import PREFIX
from segue.spec.fields import has_expression
from segue.spec.finding import Finding, Path, warning
from segue.spec.rules.subject import Subject

_OF_ALL: Final = ("runIf", "when")
_WITH_CONDITION: Final = frozenset(
    {PREFIX + f"core.{name}" for name in ("execution.Fail", "flow.If", "flow.LoopUntil")}
)
_TRIMS_BEFORE: Final = ("{{-", "{%-")
_TRIMS_AFTER: Final = ("-}}", "-%}")


def always_true(subject: Subject) -> Iterator[Finding]:
    for task in subject.tasks():
        keys = (*_OF_ALL, "condition") if task.type in _WITH_CONDITION else _OF_ALL
        for key in keys:
            yield from _looked_at((*task.where, key), task.raw.get(key))
    slas = subject.flow.raw.get("sla")
    for number, sla in enumerate(slas if isinstance(slas, list) else ()):
        if isinstance(sla, dict):
            yield from _looked_at(("sla", number, "assert"), sla.get("assert"))


def _looked_at(where: Path, text: Any) -> Iterator[Finding]:
    if not isinstance(text, str) or not has_expression(text):
        return
    inner = text.strip()
    before = text[0].isspace() and not inner.startswith(_TRIMS_BEFORE)
    after = text[-1].isspace() and not inner.endswith(_TRIMS_AFTER)
    if before or after:
        beside = "before" if before else "after"
        what = "an end of line" if "\n" in (text[0] if before else text[-1]) else "a space"
        yield warning(
            where,
            "always-true",
            f"the condition always holds: {what} stands {beside} its expression, and `false` beside it is not false",
            hint="write it in one line, or end the block's mark with a minus: |-",
        )
