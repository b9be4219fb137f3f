"""Functions that find outputs of tasks run in loops, from the variables `outputs`, `taskrun`, `parent` and `parents`."""

from __future__ import annotations

from typing import Any

from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.signatures import FunctionSignature, Given
from segue.expression.values import class_name, key_text


def _current_each_output(given: Given, evaluation: Evaluation) -> Any:
    if "outputs" not in given:
        raise ExpressionError("The 'currentEachOutput' function expects an argument 'outputs'.")
    outputs = given["outputs"]
    if not isinstance(outputs, dict):
        raise ExpressionError("The 'currentEachOutput' function expects an argument 'outputs' with type map.")
    for value in _parent_values(evaluation):
        below = outputs.get(value)
        if not isinstance(below, dict):
            raise ExpressionError("No execution outputs for the current task runs path")
        outputs = below
    own = evaluation.map_variable("taskrun").get("value")
    # A task run in a flowable of an iteration has no value of its own, nor have the outputs of its siblings.
    return outputs if own is None else outputs.get(key_text(own))


def _parent_values(evaluation: Evaluation) -> list[str]:
    """The loop values around this task run, the outermost first: in an iteration of a Loop only those within it."""
    parents = [parent for parent in reversed(evaluation.variable("parents") or []) if isinstance(parent, dict)]
    taskruns = [parent.get("taskrun") for parent in parents if not parent.get("isOutside")]
    return [key_text(taskrun.get("value")) for taskrun in taskruns if isinstance(taskrun, dict)]


def _parent_output(given: Given, evaluation: Evaluation) -> Any:
    if "index" not in given:
        return _output_of(evaluation.map_variable("parent"), evaluation)
    index = given["index"]
    if not isinstance(index, int) or isinstance(index, bool):
        raise ExpressionError("The 'parentOutput' function expects an argument 'index' of type integer.")
    parents = evaluation.variable("parents") or []
    if not 0 <= index < len(parents):
        raise ExpressionError(f"Invalid index: {index} for parents size: {len(parents)}")
    return _output_of(parents[len(parents) - 1 - index], evaluation)


def _output_of(parent: dict[str, Any], evaluation: Evaluation) -> Any:
    task_id = (parent.get("task") or {}).get("id")
    value = (parent.get("taskrun") or {}).get("value")
    output = evaluation.map_variable("outputs").get(key_text(task_id))
    return output if value is None or not isinstance(output, dict) else output.get(key_text(value))


def _iteration_output(given: Given, evaluation: Evaluation) -> Any:
    taskrun = evaluation.map_variable("taskrun")
    if "iteration" not in taskrun:
        raise ExpressionError("'iterationOutput()' function should be used inside iterative tasks only")
    task_id = given.get("taskId")
    if task_id is None:
        task_id = evaluation.map_variable("task").get("id")
    iteration = _iteration(given.get("iteration"), taskrun["iteration"])
    outputs: Any = evaluation.map_variable("outputs").get(key_text(task_id))
    for value in _parent_values(evaluation):
        outputs = outputs.get(value) if isinstance(outputs, dict) else None
    if not isinstance(outputs, dict):
        return None
    if iteration >= len(outputs):
        raise ExpressionError(
            f"The provided index ({iteration}) is out of range. It refers to an iteration whose outputs do not exist yet. "
            f"Maximum valid index is {len(outputs) - 1}."
        )
    output = list(outputs.values())[iteration]
    return output.get("value") if isinstance(output, dict) else None


def _iteration(wanted: Any, current: Any) -> int:
    """The iteration asked for; the one before the current one if none is."""
    try:
        iteration = int(current) - 1 if wanted is None else int(wanted)
    except (TypeError, ValueError) as error:
        raise ExpressionError(
            f"The 'iteration' argument for 'iterationOutput' must be an integer, but got: {wanted}"
        ) from error
    if iteration < 0:
        raise ExpressionError(f"Cannot fetch iteration {iteration}: no previous iteration exists.")
    return iteration


def _loop_outputs(given: Given, _evaluation: Evaluation) -> list[Any]:
    outputs, name = given.get("outputs"), given.get("name")
    if not isinstance(outputs, list):
        raise ExpressionError(f"The 'loopOutputs' function expects 'outputs' to be a list, not {class_name(outputs)}.")
    if not isinstance(name, str):
        raise ExpressionError(f"The 'loopOutputs' function expects 'name' to be a string, not {class_name(name)}.")
    iterations = [item.get("outputs") if isinstance(item, dict) else None for item in outputs]
    return [iteration.get(name) if isinstance(iteration, dict) else None for iteration in iterations]


OUTPUT_FUNCTIONS: dict[str, FunctionSignature] = {
    "currentEachOutput": FunctionSignature(_current_each_output, ("outputs",), required=1),
    "iterationOutput": FunctionSignature(_iteration_output, ("taskId", "iteration")),
    "loopOutputs": FunctionSignature(_loop_outputs, ("outputs", "name"), required=2),
    "parentOutput": FunctionSignature(_parent_output, ("index",)),
}
