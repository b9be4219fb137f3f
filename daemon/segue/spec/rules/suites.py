"""Rules over flow tests: is what a suite names in its flow - tasks, inputs, the trigger - and can its expressions be
right in the flow's scope.

The flow is read as its own rules read it, with the suite's templates in the place of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from segue.expression.uses import examine
from segue.model.problem import Severity
from segue.spec.fields import has_expression
from segue.spec.finding import Finding, Path, warning
from segue.spec.rules.expressions import expressions
from segue.spec.rules.reads.inputs import input_ids, unknown_inputs
from segue.spec.rules.reads.outputs import unknown_outputs
from segue.spec.rules.reads.said import meant
from segue.spec.rules.reads.variables import unknown_variables, unknown_vars
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import SUITES, Owners, Template

_RULES: Final[tuple[Callable[[Subject], Iterator[Finding]], ...]] = (
    expressions,
    unknown_variables,
    unknown_vars,
    unknown_inputs,
    unknown_outputs,
)
_NEVER_RENDERED: Final = frozenset({"id", "type", "description", "state", "taskId", "files"})


def check_suite(raw: Mapping[str, Any], flow: Subject) -> Iterator[Finding]:
    """What is wrong with a suite, given its flow."""
    for where, case in _entries(raw.get(SUITES), (SUITES,)):
        fixtures = case.get("fixtures")
        if isinstance(fixtures, dict):
            yield from _of_tasks(fixtures, (*where, "fixtures"), flow)
            yield from _of_inputs(fixtures, (*where, "fixtures"), flow)
            yield from _of_trigger(fixtures, (*where, "fixtures"), flow)
        yield from _of_assertions(case, where, flow)
    read = replace(flow, templates=tuple(_templates(raw.get(SUITES), (SUITES,))), refuse_broken_expressions=True)
    for rule in _RULES:
        yield from rule(read)


def _entries(given: Any, where: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for index, each in enumerate(given if isinstance(given, list) else []):
        if isinstance(each, dict):
            yield (*where, index), each


def _of_tasks(fixtures: Mapping[str, Any], where: Path, flow: Subject) -> Iterator[Finding]:
    for place, fixture in _entries(fixtures.get("tasks"), (*where, "tasks")):
        name = fixture.get("id")
        spot = flow.outline.find(str(name))
        if name is None:
            continue
        if spot is None:
            yield _unknown((*place, "id"), "task", str(name), (*flow.outline.spots, *flow.outline.made))
        elif spot.has_value and fixture.get("value") is None:
            message = (
                f"the task '{name}' is run once for each value: a fixture without `value` stands in for none of them"
            )
            yield warning((*place, "id"), "fixture-unused", message, hint="a fixture for each value: `value: ...`")
        elif not spot.has_value and fixture.get("value") is not None:
            message = (
                f"the runs of the task '{name}' have no value of their own: the fixture stands in for none of them"
            )
            yield warning((*place, "value"), "fixture-unused", message, hint="leave `value` out")


def _of_inputs(fixtures: Mapping[str, Any], where: Path, flow: Subject) -> Iterator[Finding]:
    given = fixtures.get("inputs")
    known = input_ids(flow.flow.under("inputs"))
    tops = {each.partition(".")[0] for each in known}
    for name in given if isinstance(given, dict) else ():
        if name not in known and name not in tops:
            yield _unknown((*where, "inputs", name), "input", name, known, at_key=True)


def _of_trigger(fixtures: Mapping[str, Any], where: Path, flow: Subject) -> Iterator[Finding]:
    trigger = fixtures.get("trigger")
    known = [each.id for each in flow.flow.under("triggers")]
    if isinstance(trigger, dict) and trigger.get("id") is not None and str(trigger["id"]) not in known:
        found = _unknown((*where, "trigger", "id"), "trigger", str(trigger["id"]), known)
        yield replace(found, severity=Severity.WARNING)  # a Subflow task of a parent stands there too


def _of_assertions(case: Mapping[str, Any], where: Path, flow: Subject) -> Iterator[Finding]:
    for place, assertion in _entries(case.get("assertions"), (*where, "assertions")):
        name = assertion.get("taskId")
        if name is not None and flow.outline.find(str(name)) is None:
            yield _unknown((*place, "taskId"), "task", str(name), (*flow.outline.spots, *flow.outline.made))


def _unknown(where: Path, kind: str, name: str, known: Any, *, at_key: bool = False) -> Finding:
    hint = meant(name, known) or (None if known else f"the flow has no {kind}s")
    message = f"the flow has no {kind} '{name}'"
    return Finding(where=where, code=f"unknown-{kind}", message=message, hint=hint, at_key=at_key)


def _templates(value: Any, where: Path) -> Iterator[Template]:
    if isinstance(value, str):
        if has_expression(value):
            yield Template(where, value, Owners(), examine(value))
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in _NEVER_RENDERED or _is_name(where):
                yield from _templates(each, (*where, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _templates(each, (*where, index))


def _is_name(where: Path) -> bool:
    """Are the keys here an author's own, so that none of them is a key of the suite."""
    return "outputs" in where or "variables" in where or "inputs" in where
