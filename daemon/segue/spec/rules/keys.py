"""Keys that are gone, that steer nothing here, or that have a better successor; and what plugin defaults set."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from segue.spec.catalogue import PREFIX, TypeEntry
from segue.spec.conditions import CONDITION_KEYS
from segue.spec.fields import keys_of
from segue.spec.finding import Finding, Path, warning
from segue.spec.nested import Role
from segue.spec.rules.subject import Subject
from segue.spec.tasks import TASK_KEYS
from segue.spec.triggers import TRIGGER_KEYS

_IGNORED: Final = ("policyRefs", "quotas", "assets", "extend")
_TIMED_FLOWABLES: Final = frozenset(PREFIX + f"core.flow.{name}" for name in ("Subflow", "Pause", "Approval"))
_SCRIPT_SUCCESSORS: Final[Mapping[str, str]] = {
    "runner": "use taskRunner",
    "docker": "use taskRunner and containerImage",
    "outputDirectory": "use outputFiles",
}
_SHARED_KEYS: Final[Mapping[Role, frozenset[str]]] = {
    Role.TASK: TASK_KEYS,
    Role.FLOWABLE: TASK_KEYS,
    Role.TRIGGER: TRIGGER_KEYS,
    Role.CONDITION: CONDITION_KEYS,
    Role.RUNNER: frozenset({"type", "version"}),
}


def removed(subject: Subject) -> Iterator[Finding]:
    listeners = subject.flow.raw.get("listeners")
    if listeners is None:
        return
    yield Finding(
        where=("listeners",),
        code="removed-key",
        message="listeners were removed",
        hint="use `afterExecution`, or a Flow trigger in another flow",
        at_key=True,
    )


def ignored(subject: Subject) -> Iterator[Finding]:
    for each in subject.everything:
        for key in _IGNORED:
            if each.raw.get(key) is not None and each.role not in {Role.INPUT, Role.CONDITION, Role.RUNNER}:
                yield _steers_nothing((*each.where, key), key)
    for flowable in subject.objects(Role.FLOWABLE):
        if flowable.raw.get("timeout") is not None and flowable.type not in _TIMED_FLOWABLES:
            hint = "give it to the tasks in it"
            yield warning(
                (*flowable.where, "timeout"),
                "ignored-key",
                f"'timeout' of {flowable.type.rpartition('.')[2]} steers nothing",
                hint=hint,
                at_key=True,
            )
    for trigger in subject.objects(Role.TRIGGER):
        if trigger.type == PREFIX + "core.trigger.Schedule" and trigger.raw.get("backfill") is not None:
            yield _steers_nothing((*trigger.where, "backfill"), "backfill")


def _steers_nothing(where: Path, key: str) -> Finding:
    return warning(where, "ignored-key", f"'{key}' is accepted and steers nothing", at_key=True)


def superseded(subject: Subject) -> Iterator[Finding]:
    for each in subject.tasks():
        if each.type.startswith(PREFIX + "scripts."):
            for key, hint in _SCRIPT_SUCCESSORS.items():
                if each.raw.get(key) is not None:
                    yield warning((*each.where, key), "deprecated", f"'{key}' is deprecated", hint=hint, at_key=True)
        if each.type == PREFIX + "core.flow.Subflow" and each.raw.get("outputs") is not None:
            yield warning(
                (*each.where, "outputs"),
                "deprecated",
                "'outputs' of a Subflow is deprecated",
                hint="give the other flow `outputs`",
                at_key=True,
            )


def plugin_defaults(subject: Subject) -> Iterator[Finding]:
    key = "pluginDefaults" if "pluginDefaults" in subject.flow.raw else "taskDefaults"
    given = subject.flow.raw.get(key)
    for index, default in enumerate(given if isinstance(given, list) else ()):
        if not isinstance(default, dict) or not isinstance(default.get("values"), dict):
            continue  # the model of the flow says so
        name = default.get("type")
        entry = subject.catalogue.resolve(name) if isinstance(name, str) else None
        yield from _values(default["values"], entry, (key, index, "values"))


def _values(values: Mapping[str, Any], entry: TypeEntry | None, where: Path) -> Iterator[Finding]:
    known = keys_of(entry.model) | _SHARED_KEYS[entry.role] if entry else None
    for key, value in values.items():
        if value is None:
            yield Finding(where=(*where, key), code="invalid-value", message="must not be null")
        elif known is not None and entry is not None and key not in known:
            message = f"No such key '{key}' in {entry.name}"
            yield Finding(where=(*where, key), code="unknown-key", message=message, at_key=True)
