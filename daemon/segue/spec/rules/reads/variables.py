"""Variables: is there one of that name where the template stands, and is `vars.x` set anywhere."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from segue.expression.uses import Hole, Path
from segue.spec.catalogue import PREFIX
from segue.spec.finding import Finding
from segue.spec.reading import Object
from segue.spec.rules.reads.said import dotted, meant, misread
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import SUITES, Template

_ALWAYS: Final = frozenset(
    {"flow", "execution", "inputs", "vars", "outputs", "tasks", "labels", "envs", "globals", "kestra", "trigger"}
)
_IN_TASKS: Final = frozenset({"task", "taskrun", "parent", "parents"})
_IN_SCRIPTS: Final = frozenset({"workingDir", "outputDir", "outputFiles", "temp"})
_IN_LOOPS: Final = frozenset({"item", "iteration"})
_IN_SUITES: Final = frozenset({"files"})
_OF_UPSTREAM: Final = frozenset({"namespace", "flowId", "state", "hasRetryAttempt"})
_OF_RESPONSE: Final = frozenset({"response"})
_OF_COUNTS: Final = frozenset({"count"})
_SCHEDULES: Final = frozenset({PREFIX + "core.trigger.Schedule", PREFIX + "core.trigger.ScheduleOnDates"})
# Properties that see the fields of an item as variables: any name may be one.
_OF_ITEMS: Final = frozenset(
    {(PREFIX + "core.storage.FilterItems", "filterCondition"), (PREFIX + "core.storage.DeduplicateItems", "expr")}
)
_HINTS: Final[Mapping[str, str]] = {
    "secret": "secrets are a function: secret('NAME')",
    "secrets": "secrets are a function: secret('NAME')",
    "kv": "keys are a function: kv('key')",
    "env": "environment variables are `envs.name`, in small letters",
    "namespace": "the flow's is `flow.namespace`; variables of a namespace are not supported, use `globals` or kv()",
    "error": "what was logged as an error is errorLogs()",
    "now": "it is a function: now()",
    "item": "it exists in the tasks, `outputs` and `breakWhen` of a Loop; in a ForEach the value is `taskrun.value`",
    "iteration": "it exists in `breakWhen` of a Loop; the number of an iteration is `item.index`",
    "value": "in a ForEach the value is `taskrun.value`",
    "execution_id": "it is `execution.id`",
    "response": "it exists in the responseCondition of an http.Trigger",
    "schedule": "it exists in flows with a Schedule trigger",
}
# What the variables hold whose keys are always the same.
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "flow": frozenset({"id", "namespace", "revision", "tenantId"}),
    "execution": frozenset({"id", "startDate", "originalId", "state", "outputs", "url"}),
    "task": frozenset({"id", "type"}),
    "item": frozenset({"value", "index", "key", "parent", "parents"}),
    "iteration": frozenset({"executionId", "state", "outputs"}),
    "taskrun": frozenset({"id", "startDate", "attemptsCount", "parentId", "value", "iteration", "items"}),
}


def unknown_variables(subject: Subject) -> Iterator[Finding]:
    has_schedule = any(each.type in _SCHEDULES for each in subject.flow.under("triggers"))
    everywhere = _ALWAYS | ({"schedule"} if has_schedule else frozenset())
    for template in subject.templates:
        if not template.examined.uses:
            continue
        known = everywhere | _beside(template, subject)
        for use in template.examined.uses:
            name = str(use.path[0])
            if name not in known and not _sees_items(template):
                if not use.is_guarded:
                    yield misread(
                        subject,
                        template,
                        use,
                        "unknown-variable",
                        f"there is no variable '{name}' here",
                        _HINTS.get(name) or meant(name, known),
                        is_certain=not _is_of_third_party(template),
                    )
            elif name in _KEYS and len(use.path) > 1 and not use.is_guarded:
                key = use.path[1]
                if isinstance(key, str) and key not in _KEYS[name]:
                    yield misread(
                        subject,
                        template,
                        use,
                        "unknown-variable",
                        f"the variable '{name}' has no '{key}'",
                        meant(key, _KEYS[name]),
                    )


def _beside(template: Template, subject: Subject) -> frozenset[str]:
    """Variables that exist there and not everywhere."""
    owners, spot = template.owners, subject.spot_of(template)
    if template.is_rendered_elsewhere:
        return _IN_TASKS | _IN_SCRIPTS | _IN_LOOPS
    if owners.trigger is not None:
        return _OF_UPSTREAM | _OF_RESPONSE
    if template.slot == SUITES:
        return _IN_SUITES | (_IN_TASKS | _IN_LOOPS if "fixtures" in template.where else frozenset())
    if spot is None:
        return frozenset({"state"})
    known = _IN_TASKS
    if any(not each.object.type.startswith(PREFIX + "core.") for each in spot.line()) or any(
        each.object.type == PREFIX + "core.flow.WorkingDirectory" for each in spot.line()
    ):
        known |= _IN_SCRIPTS
    if spot.is_loop and owners.key == "breakWhen":
        known |= _IN_LOOPS
    elif subject.loops_around(template):
        known |= {"item"}
    if spot.object.type == PREFIX + "core.execution.Count":
        known |= _OF_COUNTS
    return known


def _sees_items(template: Template) -> bool:
    task = template.owners.task
    return task is not None and (task.type, template.owners.key) in _OF_ITEMS


def _is_of_third_party(template: Template) -> bool:
    """Who knows what their properties see."""
    task = template.owners.task or template.owners.trigger
    return task is not None and not task.type.startswith((PREFIX + "core.", PREFIX + "scripts."))


# vars


def unknown_vars(subject: Subject) -> Iterator[Finding]:
    declared = subject.flow.raw.get("variables")
    declared = declared if isinstance(declared, dict) else {}
    setters = list(subject.tasks("core.execution.SetVariables"))
    if any(not isinstance(each.raw.get("variables"), dict) for each in setters):
        return  # an expression says which are set
    later = {str(name) for each in setters for name in each.raw["variables"]}
    if any("{{" in name for name in later):
        return
    for template in subject.templates:
        if _is_of_another(template):
            continue
        for use in template.examined.uses:
            if use.path[0] != "vars" or len(use.path) == 1 or use.is_guarded or not isinstance(use.path[1], str):
                continue
            if use.path[1] not in declared and use.path[1] not in later:
                known = {*map(str, declared), *later}
                hint = meant(use.path[1], known) or (None if known else "the flow has no `variables`")
                message = f"there is no variable 'vars.{use.path[1]}'"
                yield misread(subject, template, use, "unknown-variable", message, hint)
            elif use.path[1] not in later and (wrong := _wrong_below(declared[use.path[1]], use.path[2:])):
                message = f"'vars.{use.path[1]}' has no '{dotted(wrong)}'"
                yield misread(subject, template, use, "unknown-variable", message)


def _wrong_below(value: Any, path: Path) -> Path:
    """As much of the path as shows that a map, written in the flow, has no such key; empty if nothing is wrong."""
    for index, key in enumerate(path):
        if key is Hole.ANY or not isinstance(value, dict) or not isinstance(key, str):
            return ()
        if key not in value:
            return path[: index + 1]
        value = value[key]
    return ()


def _is_of_another(template: Template) -> bool:
    task: Object | None = template.owners.task
    return task is not None and task.type == PREFIX + "core.flow.Subflow" and template.owners.key == "outputs"
