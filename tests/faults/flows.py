"""The flows of the load: every kind of thing that an execution can be in the middle of when the daemon is killed.

Scripts leave marks in a file outside the daemon: `begin|end <execution> <task run> <attempt> <nanoseconds>`. What really
ran is known from there, whatever the daemon says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.client import NAMESPACE

HOOK_KEY: Final = "fault-key"
TICKING: Final = "ticking"
LISTENER: Final = "listener"
MARKED: Final = "marked"
QUEUED: Final = "queued"
MARKS_VARIABLE: Final = "SEGUE_FAULT_MARKS"

_MARK: Final = (
    'mark() { echo "$1 $SEGUE_EXECUTION_ID $SEGUE_TASK_RUN_ID $SEGUE_ATTEMPT $(date +%s%N)" >> "MARKS"; }; mark begin; '
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A flow of the load: how its executions end, and how often it is chosen."""

    state: str
    weight: int
    is_hook: bool = False


# What clients start. The others are started by what these do, or by the clock.
STARTED: Final[Mapping[str, Wanted]] = {
    "plain": Wanted("SUCCESS", 4),
    "steered": Wanted("SUCCESS", 3),
    "looped": Wanted("SUCCESS", 2),
    MARKED: Wanted("SUCCESS", 3),
    "slow": Wanted("SUCCESS", 2),
    "retried": Wanted("SUCCESS", 2),
    "failing": Wanted("FAILED", 2),
    QUEUED: Wanted("SUCCESS", 1),
    "hooked": Wanted("SUCCESS", 3, is_hook=True),
}


def files(marks: Path, *, ticks: bool = True) -> dict[str, str]:
    """Path in the repository -> text."""
    texts = dict(_TEXTS) if ticks else {name: text for name, text in _TEXTS.items() if name != TICKING}
    return {path_of(name): _filled(name, text, marks) for name, text in texts.items()}


def path_of(name: str) -> str:
    return f"flows/{NAMESPACE}/{name}.yaml"


def _filled(name: str, text: str, marks: Path) -> str:
    script = _MARK.replace("MARKS", str(marks))
    return f"id: {name}\nnamespace: {NAMESPACE}\n{text.replace('MARK;', script)}"


_TEXTS: Final = {
    "plain": """\
tasks:
  - {id: give, type: core.debug.Return, format: "{{ execution.id }}"}
  - {id: say, type: core.log.Log, message: "{{ outputs.give.value }}"}
  - {id: values, type: core.output.OutputValues, values: {given: "{{ outputs.give.value }}"}}
outputs:
  - {id: given, type: STRING, value: "{{ outputs.values.values.given }}"}
""",
    "steered": """\
tasks:
  - id: beside
    type: core.flow.Parallel
    tasks:
      - {id: nap, type: core.flow.Sleep, duration: PT0.2S}
      - {id: say, type: core.log.Log, message: beside}
  - id: each
    type: core.flow.ForEach
    values: [1, 2, 3, 4]
    concurrencyLimit: 2
    tasks:
      - id: choose
        type: core.flow.If
        condition: "{{ taskrun.value | number > 2 }}"
        then: [{id: large, type: core.debug.Return, format: "{{ parent.taskrun.value }}"}]
        else: [{id: small, type: core.log.Log, message: "{{ parent.taskrun.value }}"}]
  - id: switch
    type: core.flow.Switch
    value: b
    cases:
      a: [{id: not-this, type: core.execution.Fail}]
      b: [{id: this, type: core.debug.Return, format: b}]
""",
    "looped": """\
tasks:
  - id: loop
    type: core.flow.Loop
    values: {a: 1, b: 2, c: 3, d: 4, e: 5}
    concurrencyLimit: 2
    tasks:
      - {id: nap, type: core.flow.Sleep, duration: PT0.1S}
      - {id: give, type: core.debug.Return, format: "{{ item.key }}"}
    outputs:
      - {id: key, type: STRING, value: "{{ outputs.give.value }}"}
  - id: check
    type: core.execution.Fail
    condition: "{{ loopOutputs(outputs.loop.outputs, 'key') | join('') != 'abcde' }}"
""",
    MARKED: """\
tasks:
  - id: work
    type: scripts.shell.Script
    taskRunner: {type: core.runner.Process}
    script: 'MARK; mark end'
""",
    "slow": """\
tasks:
  - id: work
    type: scripts.shell.Script
    taskRunner: {type: core.runner.Process}
    script: 'MARK; sleep 0.3; mark end'
""",
    "retried": """\
tasks:
  - id: work
    type: scripts.shell.Script
    taskRunner: {type: core.runner.Process}
    retry: {type: constant, interval: PT0.1S, maxAttempts: 3}
    script: 'MARK; test "$SEGUE_ATTEMPT" -ge 2 || exit 1; mark end'
""",
    "failing": """\
tasks:
  - {id: fail, type: core.execution.Fail, errorMessage: on purpose}
errors:
  - id: work
    type: scripts.shell.Script
    taskRunner: {type: core.runner.Process}
    script: 'MARK; mark end'
""",
    QUEUED: """\
concurrency: {limit: 1, behavior: QUEUE}
tasks:
  - id: work
    type: scripts.shell.Script
    taskRunner: {type: core.runner.Process}
    script: 'MARK; sleep 0.05; mark end'
""",
    "hooked": f"""\
triggers:
  - {{id: hook, type: core.trigger.Webhook, key: {HOOK_KEY}}}
tasks:
  - {{id: say, type: core.log.Log, message: "{{{{ trigger.body }}}}"}}
""",
    LISTENER: f"""\
triggers:
  - id: end
    type: core.trigger.Flow
    states: [SUCCESS, FAILED]
    conditions:
      - {{type: core.condition.ExecutionFlow, namespace: {NAMESPACE}, flowId: {MARKED}}}
tasks:
  - {{id: say, type: core.log.Log, message: "{{{{ trigger.executionId }}}}"}}
""",
    TICKING: """\
triggers:
  - {id: tick, type: core.trigger.Schedule, cron: "* * * * * *", withSeconds: true, allowConcurrent: true}
tasks:
  - {id: say, type: core.log.Log, message: "{{ trigger.date }}"}
""",
}
