"""All rules, in the order in which people should read what they find."""

from collections.abc import Callable, Iterator
from typing import Final

from segue.spec.finding import Finding
from segue.spec.rules import agreements, expressions, ids, inputs, keys, reach, tasks, triggers, truth, variables
from segue.spec.rules.reads.inputs import unknown_inputs
from segue.spec.rules.reads.loops import values_of_loops
from segue.spec.rules.reads.outputs import unknown_outputs
from segue.spec.rules.reads.triggers import unknown_trigger_variables
from segue.spec.rules.reads.variables import unknown_variables, unknown_vars
from segue.spec.rules.subject import Subject

Rule = Callable[[Subject], Iterator[Finding]]

RULES: Final[tuple[Rule, ...]] = (
    ids.duplicate_ids,
    ids.namespace_of_folder,
    ids.reserved_id,
    keys.removed,
    keys.ignored,
    keys.superseded,
    keys.plugin_defaults,
    inputs.dependencies,
    inputs.defaults,
    inputs.given_by_triggers,
    variables.cyclic,
    tasks.dags,
    tasks.working_directories,
    tasks.recursive_calls,
    triggers.fires_on_everything,
    reach.unreachable_tasks,
    truth.always_true,
    agreements.never_judged,
    expressions.expressions,
    unknown_variables,
    unknown_vars,
    unknown_inputs,
    unknown_outputs,
    unknown_trigger_variables,
    values_of_loops,
)


def check(subject: Subject) -> Iterator[Finding]:
    for rule in RULES:
        yield from rule(subject)
