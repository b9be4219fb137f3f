"""The flow's outputs: what has to be asked for them, and the answers made into what their types say.

An output that may be missing (`required: false`) is null where it does not render; any other failure is the execution's.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from segue.engine.flowables.steering import Question
from segue.engine.plan import outputs_purpose
from segue.engine.typed import BadValue, read_typed
from segue.model.encrypted import is_encrypted
from segue.model.execution import Failure
from segue.model.output import Output


def outputs_questions(declared: Iterable[Output]) -> tuple[Question, ...]:
    templates: dict[str, dict[str, Any]] = {}
    for output in declared:
        templates.setdefault(outputs_purpose(output), {})[output.id] = output.value
    return tuple(Question(purpose, template, typed=True) for purpose, template in templates.items())


def outputs_of(declared: Iterable[Output], rendered: Mapping[str, Any]) -> dict[str, Any] | Failure:
    """The outputs by id, or why one of them is not what its type says."""
    outputs = {}
    for output in declared:
        try:
            outputs[output.id] = _typed(output, rendered.get(output.id))
        except BadValue as error:
            return Failure(message=f"Output `{output.id}`: {error}", kind="expression")
    return outputs


def _typed(output: Output, value: Any) -> Any:
    """What a worker encrypted stays so, whatever its type: the type was read off its text there, or its text held a secret."""
    if value is None and output.required:
        raise BadValue("the value is null, and the output is required (`required: false` lets it be missing)")
    if value is None or is_encrypted(value):
        return value
    return read_typed(output.type, value, item_type=output.item_type)
