"""`python -m tests.benchmarks.validate [--flows N]`: a generated repository, checked by `segue validate` on one core.

Each flow has inputs, variables, a loop, a branch, an HTTP call, a script and triggers, and calls another one; half of
the expressions are the same from flow to flow, as they are in repositories that people write.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

FLOWS: Final = 5_000
SECONDS_MAX: Final = 10
NAMESPACES: Final = 50

FLOW = """\
id: flow-{number}
namespace: company.team{team}
labels: {{owner: team{team}}}
inputs:
  - {{id: day, type: STRING, defaults: today}}
  - {{id: size, type: INT, defaults: {number}}}
variables:
  base: https://example.com/{number}
tasks:
  - id: ask
    type: io.kestra.plugin.core.http.Request
    uri: "{{{{ vars.base }}}}/orders?day={{{{ inputs.day }}}}"
    headers:
      Authorization: "Bearer {{{{ secret('TOKEN') }}}}"
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{{{ fromJson(outputs.ask.body).ids }}}}"
    tasks:
      - id: work-{number}
        type: io.kestra.plugin.scripts.shell.Commands
        taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
        commands:
          - echo {number} {{{{ taskrun.value }}}} {{{{ execution.startDate | date('yyyy-MM-dd') }}}}
      - id: told
        type: io.kestra.plugin.core.log.Log
        message: "{{{{ outputs['work-{number}'][taskrun.value].exitCode }}}} of {{{{ inputs.size }}}}"
  - id: large
    type: io.kestra.plugin.core.flow.If
    condition: "{{{{ inputs.size > 100 }}}}"
    then:
      - id: next
        type: io.kestra.plugin.core.flow.Subflow
        namespace: company.team{next_team}
        flowId: flow-{next}
        inputs:
          day: "{{{{ inputs.day }}}}"
errors:
  - id: tell
    type: io.kestra.plugin.core.log.Log
    message: "{{{{ flow.id }}}} failed: {{{{ errorLogs() | toJson }}}}"
triggers:
  - id: nightly
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "{minute} 3 * * *"
"""


def generate(root: Path, flows: int) -> None:
    (root / "segue.yaml").write_text("secrets: [TOKEN]\n")
    for number in range(flows):
        following = min(number + 1, flows - 1) if number + 1 < flows else 0
        team = number % NAMESPACES
        folder = root / "flows" / f"company.team{team}"
        folder.mkdir(parents=True, exist_ok=True)
        text = FLOW.format(
            number=number, team=team, next=following, next_team=following % NAMESPACES, minute=number % 60
        )
        (folder / f"flow-{number}.yaml").write_text(text)


def validate(root: Path) -> tuple[float, float, str]:
    """Seconds of the clock and of the processor, and what was said."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "segue", "validate"], cwd=root, capture_output=True, text=True, check=False
    )
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, spent, (ran.stdout.splitlines() or [""])[-1][-100:] + ran.stderr.strip()[-100:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=FLOWS, help="how many to generate")
    flows = parser.parse_args().flows
    table = Table("what", "clock", "processor", "a flow", "to reach", title="segue validate, one core")
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        generate(Path(folder), flows)
        seconds, spent, said = validate(Path(folder))
    table.add_row(f"{flows} flows", f"{seconds:.1f} s", f"{spent:.1f} s", f"{1000 * spent / flows:.2f} ms", "10 s")
    Console().print(table, said)


if __name__ == "__main__":
    main()
