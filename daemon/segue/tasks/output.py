"""`core.output.OutputValues`: values of the author's choice as outputs, types kept."""

from segue.spec.types.output import OutputValues
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind


def output_values(properties: OutputValues, _context: TaskContext) -> Result:
    return Result(outputs={"values": properties.values})


KINDS = (
    TaskKind(
        name="io.kestra.plugin.core.output.OutputValues",
        properties=OutputValues,
        run=output_values,
        typed=frozenset({"values"}),
    ),
)
