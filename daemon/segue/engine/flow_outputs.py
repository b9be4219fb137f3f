"""The flow's outputs: rendered values, made into what their types say."""

from collections.abc import Mapping
from typing import Any

from segue.engine.typed import BadValue, Secret, read_typed
from segue.model.execution import Failure
from segue.model.flow import Output


def outputs_of(declared: tuple[Output, ...], rendered: Any) -> dict[str, Any] | Failure:
    """The outputs by id, or why one of them is not what its type says."""
    if not isinstance(rendered, Mapping):
        return Failure(message="The outputs are no map", kind="expression")
    outputs = {}
    for output in declared:
        try:
            outputs[output.id] = _typed(output, rendered.get(output.id))
        except BadValue as error:
            return Failure(message=f"Output `{output.id}`: {error}", kind="expression")
    return outputs


def _typed(output: Output, value: Any) -> Any:
    if value is None:
        return None
    read = read_typed(output.type, value)
    return read.value if isinstance(read, Secret) else read
