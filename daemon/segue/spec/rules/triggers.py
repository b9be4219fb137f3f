"""Triggers that do more than their author may think."""

from collections.abc import Iterator
from typing import Final

from segue.spec.catalogue import PREFIX
from segue.spec.finding import Finding, warning
from segue.spec.nested import Role
from segue.spec.rules.subject import Subject

_NARROWING: Final = ("conditions", "preconditions", "dependsOn", "when")


def fires_on_everything(subject: Subject) -> Iterator[Finding]:
    for trigger in subject.objects(Role.TRIGGER):
        if trigger.type == PREFIX + "core.trigger.Flow" and not any(trigger.raw.get(key) for key in _NARROWING):
            yield warning(
                trigger.where,
                "fires-on-everything",
                "This flow will be triggered for EVERY execution of EVERY flow on your instance. We recommend adding the "
                f"preconditions property to the Flow trigger '{trigger.id}'.",
                hint="say which with `dependsOn`, `preconditions` or `conditions`",
            )
