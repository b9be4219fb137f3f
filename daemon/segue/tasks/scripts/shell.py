"""`scripts.shell.Commands` and `scripts.shell.Script`."""

from collections.abc import Sequence

from segue.spec.types.scripts import ScriptTask, ShellCommands, ShellScript
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind
from segue.tasks.scripts import script
from segue.tasks.scripts.runners import Job


def run_commands(properties: ShellCommands, context: TaskContext) -> Result:
    return _run(properties, context, script.listed(properties.commands))


def run_script(properties: ShellScript, context: TaskContext) -> Result:
    return _run(properties, context, [properties.script])


def _run(properties: ScriptTask, context: TaskContext, commands: Sequence[str]) -> Result:
    return script.run(
        properties, context, lambda place: Job(command=script.shell_command(properties, context, commands, place))
    )


KINDS = (
    TaskKind(
        name="io.kestra.plugin.scripts.shell.Commands",
        properties=ShellCommands,
        run=run_commands,
        variables=script.variables,
    ),
    TaskKind(
        name="io.kestra.plugin.scripts.shell.Script",
        properties=ShellScript,
        run=run_script,
        variables=script.variables,
    ),
)
