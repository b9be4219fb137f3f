"""The flow's outputs: rendered values, made into what their types say."""

from collections.abc import Mapping
from typing import Any

from segue.engine.typed import BadValue, read_typed
from segue.model.encrypted import is_encrypted
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
    """What a worker encrypted stays so, whatever its type: the type was read off its text there, or its text held a secret."""
    return value if value is None or is_encrypted(value) else read_typed(output.type, value)
