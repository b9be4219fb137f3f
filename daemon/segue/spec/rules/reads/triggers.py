"""`trigger.x`: does any trigger of the flow give it."""

from collections.abc import Iterator, Mapping
from typing import Final

from segue.expression.uses import Use
from segue.spec.catalogue import PREFIX
from segue.spec.finding import Finding
from segue.spec.nested import Role
from segue.spec.rules.reads.said import meant, misread
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import Template
from segue.spec.type_table import NAMES

_DATES: Final = frozenset({"date", "next", "previous"})
_OF_SCRIPTS: Final = frozenset({"timestamp", "condition", "exitCode", "vars", "logs", "outputFiles"})
_GIVEN: Final[Mapping[str, frozenset[str]]] = {
    PREFIX + "core.trigger.Schedule": _DATES,
    PREFIX + "core.trigger.ScheduleOnDates": _DATES,
    PREFIX + "core.trigger.Flow": frozenset(
        {
            "executionId",
            "executionLabels",
            "state",
            "startDate",
            "endDate",
            "namespace",
            "flowId",
            "flowRevision",
            "firstFailedTaskId",
            "lastTaskId",
            "outputs",
        }
    ),
    PREFIX + "core.trigger.Webhook": frozenset({"body", "headers", "parameters", "uri", "path", "parts", "formFields"}),
    PREFIX + "core.http.Trigger": frozenset({"body", "encryptedBody", "code", "headers", "uri"}),
    PREFIX + "fs.local.Trigger": frozenset({"files", "count"}),
    PREFIX + "fs.sftp.Trigger": frozenset({"files", "count"}),
    PREFIX + "aws.s3.Trigger": frozenset({"objects"}),
    "segue.trigger.Files": frozenset({"files"}),
    **{PREFIX + name: _OF_SCRIPTS for name in NAMES[Role.TRIGGER]["types.scripts"]},
}
# Any flow may be called by a Subflow, which leaves these of the caller.
_OF_CALLERS: Final = frozenset({"executionId", "namespace", "flowId", "flowRevision"})
_HTTP: Final = PREFIX + "core.http.Trigger"


def unknown_trigger_variables(subject: Subject) -> Iterator[Finding]:
    triggers = {each.type for each in subject.objects(Role.TRIGGER)}
    for template in subject.templates:
        uses = [use for use in template.examined.uses if use.path[0] == "trigger" and len(use.path) > 1]
        if not uses or template.is_rendered_elsewhere:
            continue
        own = template.owners.trigger
        kinds = {own.type} if own is not None else triggers
        for use in uses:
            if not use.is_guarded:
                yield from _looked_at(subject, template, use, kinds)


def _looked_at(subject: Subject, template: Template, use: Use, kinds: set[str]) -> Iterator[Finding]:
    if any(kind not in _GIVEN for kind in kinds):
        return  # those of third parties may give anything
    key = use.path[1]
    if not isinstance(key, str):
        return
    is_own = template.owners.trigger is not None
    given = frozenset().union(*(_GIVEN[kind] for kind in kinds))
    if key in given:
        if key == "body" and kinds == {_HTTP} and len(use.path) > 2:
            message = "'trigger.body' of an http.Trigger is a text and has no fields"
            hint = "read it first: fromJson(trigger.body)"
            yield misread(subject, template, use, "field-of-text", message, hint, is_certain=False)
        return
    if (key in _OF_CALLERS and not is_own) or (is_own and key in {"id", "type"}):
        return
    names = ", ".join(sorted(kind.rpartition(".")[2] for kind in kinds))
    if kinds:
        message = f"no trigger gives 'trigger.{key}': {names} give{'s' if len(kinds) == 1 else ''} none"
    else:
        message = f"no trigger gives 'trigger.{key}': the flow has none"
    yield misread(subject, template, use, "unknown-trigger-variable", message, _hint(key, given))


def _hint(key: str, given: frozenset[str]) -> str | None:
    givers = [kind.rpartition(".")[2] for kind, keys in _GIVEN.items() if key in keys]
    return meant(key, given) or (f"it comes from {', '.join(givers)}" if givers else None)
