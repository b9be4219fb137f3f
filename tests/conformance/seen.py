"""What an execution shows, held against what a row expects of it: a line for each difference."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.client import ShownExecution, ShownRun
from tests.support.daemon import Daemon
from tests.support.waiting import wait_until

Told = list[str]
CHILD_SECONDS = 60.0


class NoSuchRun(Exception):
    """What a selector means is not there."""


def differences(expect: Mapping[str, Any], execution: ShownExecution | None, daemon: Daemon) -> Told:
    told: Told = []
    for name, wanted in expect.items():
        if name in _OF_THE_DAEMON:
            told += _OF_THE_DAEMON[name](daemon, execution, wanted)
        else:
            assert execution is not None, "nothing was started"
            told += _told_by(_OF_AN_EXECUTION[name], execution, wanted)
    return told


def _told_by(check: Callable[[ShownExecution, Any], Told], execution: ShownExecution, wanted: Any) -> Told:
    """What a check finds; a task run that is not there (yet) is a difference too."""
    try:
        return check(execution, wanted)
    except NoSuchRun as missing:
        return [str(missing)]


def fits(value: Any, wanted: Any) -> bool:
    match wanted:
        case {"$startsWith": text}:
            return str(value).startswith(text)
        case {"$endsWith": text}:
            return str(value).endswith(text)
        case {"$hasKey": key}:
            return isinstance(value, dict) and bool(key in value)
        case {"$size": size}:
            return isinstance(value, dict | list | str) and len(value) == size
        case _:
            return bool(value == wanted) and (type(value) is bool) is (type(wanted) is bool)


def _same(what: str, value: Any, wanted: Any) -> Told:
    return [] if fits(value, wanted) else [f"{what} is {value!r}, not {wanted!r}"]


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def run_at(execution: ShownExecution, selector: str) -> ShownRun:
    """`task`, or `task["outer","inner"]` by the values of its loops."""
    task_id, values = selector.partition("[")[0], re.findall(r'"([^"]*)"', selector)
    runs = [run for run in execution.runs_of(task_id) if not values or _values(execution, run) == values]
    if not runs:
        raise NoSuchRun(f"no task run {selector} among {execution.task_ids}")
    return runs[0]


def _values(execution: ShownExecution, run: ShownRun) -> list[str]:
    by_id = {each.id: each for each in execution.runs}
    values: list[str] = []
    at_run: ShownRun | None = run
    while at_run is not None:
        values += [] if at_run.value is None else [str(at_run.value)]
        at_run = by_id.get(at_run.json.get("parentTaskRunId") or "")
    return values[::-1]


def _of_runs(what: str, read: Callable[[ShownRun], Any]) -> Callable[[ShownExecution, Any], Told]:
    return lambda execution, wanted: [
        line
        for selector, value in wanted.items()
        for line in _same(f"{what} of {selector}", read(run_at(execution, selector)), value)
    ]


def _outputs(execution: ShownExecution, wanted: Any) -> Told:
    return [
        line
        for selector, paths in wanted.items()
        for path, value in paths.items()
        for line in _same(f"output {path} of {selector}", at(run_at(execution, selector).outputs, path), value)
    ]


def _subset(what: str, read: Callable[[ShownExecution], dict[str, Any]]) -> Callable[[ShownExecution, Any], Told]:
    return lambda execution, wanted: [
        line for key, value in wanted.items() for line in _same(f"{what} {key}", read(execution).get(key), value)
    ]


def _counted(run: ShownRun, counts: Mapping[str, int]) -> dict[str, int]:
    been = Counter(each["state"] for each in run.json["state"]["histories"])
    return {state: been[state] for state in counts}


_OF_AN_EXECUTION: Mapping[str, Callable[[ShownExecution, Any], Told]] = {
    "state": lambda execution, wanted: _same("the state", execution.state, wanted),
    "taskruns": lambda execution, wanted: _same(f"the number of {execution.task_ids}", len(execution.runs), wanted),
    "task_at": lambda execution, wanted: [
        line for index, task in wanted.items() for line in _same(f"task {index}", execution.task_ids[int(index)], task)
    ],
    "task_counts": lambda execution, wanted: _same(
        "the task runs", {task: Counter(execution.task_ids)[task] for task in wanted}, wanted
    ),
    "absent_tasks": lambda execution, wanted: _same("what ran", [e for e in wanted if e in execution.task_ids], []),
    "taskrun_states": _of_runs("the state", lambda run: run.state),
    "attempts": _of_runs("the number of attempts", lambda run: len(run.attempts)),
    "attempt_states": _of_runs("the attempts", lambda run: run.attempts),
    "attempts_null": lambda execution, wanted: [
        line for each in wanted for line in _same(f"attempts of {each}", run_at(execution, each).attempts, [])
    ],
    "outputs": _outputs,
    "flow_outputs": _subset("flow output", lambda execution: execution.outputs),
    "inputs": _subset("input", lambda execution: execution.inputs),
    "labels": lambda execution, wanted: _subset("label", lambda each: dict(each.labels))(execution, wanted["contains"]),
    "execution_history_starts": lambda execution, wanted: _same("the history", execution.states[: len(wanted)], wanted),
    "histories": lambda execution, wanted: [
        line
        for selector, counts in wanted.items()
        for line in _same(f"the states of {selector}", _counted(run_at(execution, selector), counts), counts)
    ],
    "trigger": _subset("trigger's", lambda each: dict(each.json["trigger"])),
}


# What the daemon has beside the execution.


def _logs(daemon: Daemon, execution: ShownExecution | None, wanted: Any) -> Told:
    assert execution is not None
    lines = daemon.get(f"/logs/{execution.id}", minLevel="TRACE")
    told: Told = []
    for rule in wanted:
        count = sum(_is_meant(line, rule) for line in lines)
        if count != rule["count"] if "count" in rule else not count:
            told.append(f"{count} log lines are as {rule} among {[line['message'] for line in lines]}")
    return told


def _is_meant(line: Mapping[str, Any], rule: Mapping[str, Any]) -> bool:
    message = str(line["message"])
    return (
        rule.get("task") in {None, line.get("taskId")}
        and rule.get("level") in {None, line["level"]}
        and rule.get("contains", "") in message
        and rule.get("equals", message) == message
    )


def _children(daemon: Daemon, execution: ShownExecution | None, wanted: Any) -> Told:
    assert execution is not None
    told: Told = []
    for rule in wanted:
        found = _started_by(daemon, execution, rule)
        told += _same(f"the number of children of {rule['flow']}", len(found), rule["count"])
        expect = {key: value for key, value in rule.items() if key not in {"flow", "count", "labels"}}
        for child in found:
            told += differences(expect, child, daemon)
            told += differences({"labels": {"contains": rule.get("labels", {})}}, child, daemon)
    return told


def _started_by(daemon: Daemon, execution: ShownExecution, rule: Mapping[str, Any]) -> list[ShownExecution]:
    """Subflows, and what a flow trigger has made of it, once they have ended."""
    flow = rule["flow"] if "/" in rule["flow"] else f"{execution.json['namespace']}/{rule['flow']}"

    def children() -> list[ShownExecution]:
        whole = [daemon.execution(each) for each in daemon.executions(flow)]
        return [each for each in whole if each.trigger.get("executionId") == execution.id]

    if not rule["count"]:
        return children()
    wait_until(lambda: len(children()) >= rule["count"], what=f"children of {flow}", seconds=CHILD_SECONDS)
    return [daemon.ended(child) for child in children()]


def _iterations(daemon: Daemon, execution: ShownExecution | None, wanted: Any) -> Told:
    """Of the Loops of an execution, by their ids."""
    assert execution is not None
    told: Told = []
    for task_id, rule in wanted.items():
        found = daemon.iterations(execution, task_id)
        shown: Mapping[str, Any] = {
            "states": dict(Counter(each.state for each in found)),
            "values": [each.json["loopRun"]["value"] for each in found],
            "keys": [each.json["loopRun"]["key"] for each in found],
            "attempt_numbers": [each.json["metadata"]["attemptNumber"] for each in found],
            "outputs": {name: [each.outputs.get(name) for each in found] for name in rule.get("outputs", ())},
        }
        told += [line for key in rule if key in shown for line in _same(f"{key} of {task_id}", shown[key], rule[key])]
        for each in found:
            whole = daemon.execution(each)
            told += differences({key: rule[key] for key in ("taskruns", "inputs") if key in rule}, whole, daemon)
            told += differences({"labels": {"contains": rule.get("labels", {})}}, whole, daemon)
    return told


def _files(daemon: Daemon, execution: ShownExecution | None, wanted: Any) -> Told:
    assert execution is not None
    return [
        line
        for rule in wanted
        for line in _same(
            f"the file of {rule['taskrun']}",
            daemon.file(execution, at(run_at(execution, rule["taskrun"]).outputs, rule["output"])).decode(),
            rule["content"],
        )
    ]


def _metrics(daemon: Daemon, execution: ShownExecution | None, wanted: Any) -> Told:
    assert execution is not None
    found = daemon.get(f"/metrics/{execution.id}")
    values = {each["name"]: each["value"] for each in (found["results"] if isinstance(found, dict) else found)}
    return [line for name, value in wanted.items() for line in _same(f"metric {name}", values.get(name), value)]


def _exists(daemon: Daemon, execution: ShownExecution | None, wanted: Any) -> Told:
    assert execution is not None
    answer = daemon.http.get(f"/api/v1/main/executions/{execution.id}")
    return _same("that it is there", answer.status_code == 200, wanted)


def _executions(daemon: Daemon, _execution: ShownExecution | None, wanted: Any) -> Told:
    flow = wanted["flow"] if "/" in wanted["flow"] else f"company.lab/{wanted['flow']}"
    found = [each for each in daemon.executions(flow) if each.state == wanted["state"]]
    return [] if len(found) >= wanted["count_min"] else [f"{len(found)} executions are {wanted['state']}"]


def _trigger_disabled(daemon: Daemon, _execution: ShownExecution | None, wanted: Any) -> Told:
    shown = (each["triggerContext"] for each in daemon.get("/triggers/search", size=100)["results"])
    found = {each["triggerId"]: each["disabled"] for each in shown}
    return [line for name, value in wanted.items() for line in _same(f"trigger {name}", found.get(name), value)]


_OF_THE_DAEMON: Mapping[str, Callable[[Daemon, ShownExecution | None, Any], Told]] = {
    "logs": _logs,
    "children": _children,
    "iterations": _iterations,
    "files": _files,
    "metrics": _metrics,
    "exists": _exists,
    "executions": _executions,
    "trigger_disabled": _trigger_disabled,
}
