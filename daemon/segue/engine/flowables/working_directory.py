"""WorkingDirectory: one after another, all in one folder, each child an attempt of its own.

The folder lies on the daemon's machine under the name of the task run, and every worker of the daemon sees it. So the
children need not go to one worker process for having one folder: each is ordered, shown, retried and killed as any
other task run, and neither the death of a worker nor a restart of the daemon loses what the children before have
left: the attempt that was lost is made again in the same folder, as an attempt that can be seen.

Two errands are a worker's: to make the folder ready (`setup`), before the first child, and to keep what is to be kept
of it (`teardown`), after the last one or the one that failed. They are asked for as evaluations are, so they too are
asked again if their answer was lost. The folder is there until the task run ends, also for `errors` and `finally`.
A restart begins anew, from an empty folder: what a failed run has left in it is gone by then.
"""

from typing import Any, Final

from segue.engine.flowables import parts
from segue.engine.flowables.steering import Opening, Question
from segue.engine.plan import Node, Plan
from segue.model.execution import Execution, Failure, TaskRun
from segue.model.names import TaskRunId
from segue.model.order import SETUP, TEARDOWN
from segue.model.state import State
from segue.model.task import WorkingDirectory

due = parts.one_by_one
after = parts.one_by_one_after
end = parts.worst_end

_FIRST: Final = ("inputFiles", "namespaceFiles", "cache")
_LAST: Final = ("outputFiles", "cache")


def question(node: Node) -> Question | None:
    """Asked even if nothing comes into the folder: who makes it knows that it is new."""
    return Question(SETUP, _part(node, _FIRST))


def opening(_node: Node, _answer: Any) -> Opening | Failure:
    return Opening()


def last_question(node: Node) -> Question | None:
    """What has to be done with the folder once the tasks have ended; its answer are the outputs."""
    if node.task is None or not isinstance(node.task.body, WorkingDirectory):
        return None
    wanted = _part(node, _LAST)
    return Question(TEARDOWN, wanted) if wanted else None


def _part(node: Node, keys: tuple[str, ...]) -> dict[str, Any]:
    assert node.task is not None
    body = node.task.body
    assert isinstance(body, WorkingDirectory)
    return {key: body.properties[key] for key in keys if key in body.properties}


def is_folder(node: Node) -> bool:
    return node.task is not None and isinstance(node.task.body, WorkingDirectory)


def folder_name(run: TaskRun) -> str:
    """Another one after a restart: a worker that is late may still be at the one before."""
    restarts = sum(moved.state is State.RESTARTED for moved in run.history)
    return f"{run.id}-{restarts}"


def folder_around(plan: Plan, execution: Execution, run_id: TaskRunId | None) -> str | None:
    """The name of the folder that a task run works in, or is itself; None if it has one of its own."""
    run = run_around(plan, execution, run_id)
    return None if run is None else folder_name(run)


def run_around(plan: Plan, execution: Execution, run_id: TaskRunId | None) -> TaskRun | None:
    """The task run of the nearest WorkingDirectory: this one itself, or above it."""
    while run_id is not None:
        run = execution.task_runs[run_id]
        if is_folder(plan.nodes[run.task_id]):
            return run
        run_id = run.parent_id
    return None


def folders_of(plan: Plan, execution: Execution) -> list[str]:
    """Those that are needed: their task runs have not ended."""
    runs = (run for run in execution.task_runs.values() if not run.state.is_final)
    return [folder_name(run) for run in runs if is_folder(plan.nodes[run.task_id])]
