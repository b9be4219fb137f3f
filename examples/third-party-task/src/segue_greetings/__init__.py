"""A task type that greets: everything that a package has to bring along."""

from pydantic import Field
from segue.spec.fields import Dynamic, Spec, Text
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind


class Greet(Spec):
    """Greets somebody, once or several times."""

    name: Dynamic[Text] = Field(description="Who is greeted.")
    times: Dynamic[int] = Field(default=1, description="How often.")


def greet(properties: Greet, context: TaskContext) -> Result:
    """Properties come checked and with their expressions filled in. This runs in a worker process."""
    if properties.times < 1:
        raise TaskFailed("`times` must be at least 1")
    for _ in range(properties.times):
        context.log("INFO", f"Hello {properties.name}!")
    context.count("greetings", properties.times)
    card = context.put_file("card.txt", [f"Hello {properties.name}!\n".encode()])
    return Result(outputs={"greeted": properties.name, "card": card.address})


KINDS = [TaskKind(name="com.example.greetings.Greet", properties=Greet, run=greet)]
