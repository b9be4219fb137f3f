"""How a misread variable is told: its place inside the text, and whether the flow surely fails there."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from segue.expression.uses import Called, Hole, Key, Use
from segue.model.problem import Severity
from segue.spec.finding import Finding
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import Template

_CLOSENESS: Final = 0.6


def misread(
    subject: Subject,
    template: Template,
    use: Use | Called,
    code: str,
    message: str,
    hint: str | None = None,
    *,
    is_certain: bool = True,
) -> Finding:
    """An error only for those who ask, and only where the template cannot be rendered whatever happens."""
    is_caught = use.is_conditional or (isinstance(use, Use) and use.is_guarded)
    fails = is_certain and not is_caught and not template.is_rendered_elsewhere and not _is_off(subject, template)
    return Finding(
        where=template.where,
        code=code,
        message=message,
        hint=hint,
        severity=Severity.ERROR if fails and subject.refuse_broken_expressions else Severity.WARNING,
        inside=(use.line, use.column),
    )


def _is_off(subject: Subject, template: Template) -> bool:
    spot = subject.spot_of(template)
    trigger = template.owners.trigger
    return (spot is not None and spot.is_disabled) or (trigger is not None and trigger.raw.get("disabled") is True)


def meant(name: Key, known: Iterable[str]) -> str | None:
    close = get_close_matches(str(name), list(known), n=1, cutoff=_CLOSENESS)
    return f"did you mean '{close[0]}'?" if close else None


def dotted(path: Iterable[Key]) -> str:
    """The path as an author writes it."""
    return steps(path).removeprefix(".")


def steps(path: Iterable[Key]) -> str:
    """The same behind something else."""
    return "".join(_step(key) for key in path)


def _step(key: Key) -> str:
    if isinstance(key, Hole):
        return "[...]"
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
