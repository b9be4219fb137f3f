"""Plays rows of `executions.jsonl` on a daemon through its API: does what a row's `action` or `steps` say, and tells what it
`expect`s and did not see. A row is in the shape of the shared tables; it is played to its end by `Play.mismatches`."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from segue.expression import iso

from tests.conformance.seen import differences
from tests.support.client import API, FINAL, ShownExecution
from tests.support.daemon import Daemon
from tests.support.waiting import wait_until

Row = Mapping[str, Any]
NAMESPACE = "company.lab"
MAIN = "e1"
LATER_SECONDS = 20.0


class Play:
    """One row on a daemon that plays others at the same time. `flow_file` may begin with a namespace."""

    def __init__(self, daemon: Daemon, row: Row) -> None:
        self._daemon, self._row = daemon, row
        self._flow = _path_of(row["flow_file"].removesuffix(".yaml"))
        self._cast: dict[str, ShownExecution] = {}
        self._found: list[str] = []

    def mismatches(self) -> list[str]:
        match self._row:
            case {"steps": steps}:
                for step in steps:
                    self._step(step)
            case {"action": "webhook", "request": request}:
                self._webhook(request)
            case _:
                self._run({"do": "run", "as": MAIN})
        expect = {key: value for key, value in self._row["expect"].items() if key not in _OF_THE_START}
        if parent := self._row["expect"].get("parent"):
            self._found += self._other_parent(self._cast[parent])
        return self._found + self._left_of(expect)

    def _other_parent(self, parent: ShownExecution) -> list[str]:
        shown = self._cast[MAIN].json
        ids = {"parentId": parent.id, "originalId": parent.json["originalId"]}
        return [f"{key} is {shown[key]}, not {value}" for key, value in ids.items() if shown[key] != value]

    def _left_of(self, expect: Row) -> list[str]:
        """What is still not as expected a while after the end: tasks run after it, and lines come after it."""
        told: list[str] = []

        def is_as_expected() -> bool:
            nonlocal told
            main = self._cast.get(MAIN)
            if main is not None and expect.get("exists", True):
                main = self._daemon.execution(main)
            told = differences(expect, main, self._daemon)
            return not told

        with suppress(AssertionError):
            wait_until(is_as_expected, what="what is expected", seconds=LATER_SECONDS, seen=lambda: told)
        return told

    def _step(self, step: Row) -> None:
        act = getattr(self, f"_{step['do']}")
        act(step)
        if "expect" in step:
            self._found += differences(step["expect"], self._cast[step.get("as") or step["of"]], self._daemon)

    # Starting, and waiting.

    def _run(self, step: Row) -> None:
        flow = _path_of(step.get("flow", self._flow))
        given = step.get("inputs", None if "flow" in step else self._row.get("inputs"))
        query: dict[str, Any] = {"labels": [f"{key}:{value}" for key, value in self._row.get("labels") or ()]}
        if delay := step.get("schedule_date"):
            query["scheduleDate"] = iso.json_text(datetime.now(UTC) + (iso.read_duration(delay) or timedelta()))
        parts = [self._part(name, value) for name, value in (given or {}).items()]
        path = f"{API}/executions/{flow}"
        answer = self._daemon.http.post(path, params=query, files=parts or None)
        if answer.status_code != 200 or "http_status" in self._row["expect"]:
            self._refused(answer.status_code, answer.text)
            return
        started = ShownExecution(answer.json())
        self._cast[step["as"]] = started
        self._wait(step["as"], step.get("until"))

    def _part(self, name: str, value: Any) -> tuple[str, tuple[str | None, str]]:
        match value:
            case {"$fileContent": text, "name": file}:
                return name, (file, text)
            case {"$ref": execution}:
                return name, (None, self._cast[execution].id)
            case {"$daemon": path}:
                return name, (None, f"{self._daemon.url}{path}")
            case bool():
                return name, (None, str(value).lower())
            case _:
                return name, (None, str(value))

    def _refused(self, status: int, text: str) -> None:
        expect = self._row["expect"]
        if status != expect.get("http_status"):
            self._found.append(f"the start was answered by {status}: {text}")
        if (words := expect.get("start_error", {}).get("contains")) and words not in text:
            self._found.append(f"{words!r} is not said: {text}")

    def _webhook(self, request: Row) -> None:
        path = f"{API}/executions/webhook/{self._flow}/{request['key']}"
        body = {"json": request["json"]} if "json" in request else {"content": request.get("text")}
        answer = self._daemon.http.request(request["method"], path, params=request.get("query"), **body)
        if answer.status_code != 200:
            self._refused(answer.status_code, answer.text)
            return
        self._cast[MAIN] = ShownExecution(answer.json())
        self._wait(MAIN, None)

    def _await(self, step: Row) -> None:
        self._wait(step["of"], step.get("until"))

    def _wait(self, name: str, until: str | None) -> None:
        states = FINAL if until is None else {until}
        self._cast[name] = self._daemon.until(self._cast[name], *states)

    def _await_run(self, step: Row) -> None:
        self._cast[step["of"]] = self._daemon.until_run(self._cast[step["of"]], step["taskrun"], step["until"])

    def _await_child(self, step: Row) -> None:
        parent = self._cast[step["of"]].id

        def has_come() -> bool:
            found = map(self._daemon.execution, self._daemon.executions(_path_of(step["flow"])))
            return any(each.trigger.get("executionId") == parent and each.state == step["until"] for each in found)

        wait_until(has_come, what=f"a child of {parent} to be {step['until']}")

    def _iteration(self, step: Row) -> None:
        """That number of the only Loop, once it is so far."""

        def found() -> ShownExecution | None:
            iterations = self._daemon.iterations(self._cast[step["of"]])
            return next((each for each in iterations if each.json["loopRun"]["index"] == step["index"]), None)

        self._cast[step["as"]] = wait_until(found, what=f"iteration {step['index']}")
        self._wait(step["as"], step["until"])

    def _await_executions(self, step: Row) -> None:
        flow = _path_of(step["flow"])
        wait_until(lambda: any(each.is_final for each in self._daemon.executions(flow)), what=f"an execution of {flow}")

    # Acts.

    def _act(self, step: Row, method: str, action: str, **more: Any) -> Any:
        """Calls it; what it answers if it went as the step says."""
        of = step["of"]
        path = f"{API}/executions/{self._cast[of].id if of in self._cast else of}"
        answer = self._daemon.http.request(method, f"{path}/actions/{action}" if action else path, **more)
        expected = step.get("expect_http_status")
        if answer.status_code != expected and (expected is not None or not answer.is_success):
            self._found.append(f"{action or method} was answered by {answer.status_code}: {answer.text}")
        return answer.json() if answer.is_success and answer.content else None

    def _resume(self, step: Row) -> None:
        parts = [self._part(name, value) for name, value in (step.get("inputs") or {}).items()]
        self._act(step, "POST", "resume", files=parts or None)

    def _pause(self, step: Row) -> None:
        self._act(step, "POST", "pause")

    def _kill(self, step: Row) -> None:
        self._act(step, "DELETE", "kill")

    def _unqueue(self, step: Row) -> None:
        self._act(step, "POST", "unqueue")

    def _force_run(self, step: Row) -> None:
        self._act(step, "POST", "force-run")

    def _delete(self, step: Row) -> None:
        self._act(step, "DELETE", "")

    def _change_status(self, step: Row) -> None:
        self._act(step, "POST", "change-status", params={"status": step["state"]})

    def _set_labels(self, step: Row) -> None:
        self._act(step, "POST", "labels", json=[{"key": key, "value": value} for key, value in step["labels"]])

    def _mark_as(self, step: Row) -> None:
        self._act(step, "POST", "state", json={"taskRunId": self._run_id(step), "state": step["state"]})

    def _restart(self, step: Row) -> None:
        answer = self._act(step, "POST", "restart")
        left = answer["state"]["current"] if answer is not None else None
        if (held := step.get("hold")) and left != held:
            self._found.append(f"the call left it {left}, not {held}")

    def _replay(self, step: Row) -> None:
        run = step.get("taskrun_id") or (self._run_id(step) if "taskrun" in step else None)
        answer = self._act(step, "POST", "replay", params={"taskRunId": run} if run else None)
        if answer is not None:
            self._cast[step["as"]] = ShownExecution(answer)
            if answer["id"] == self._cast[step["of"]].id:
                self._found.append("a replay is no execution of its own")

    def _eval(self, step: Row) -> None:
        run = f"/{self._run_id(step)}" if "taskrun" in step else ""
        content = {"content": step["template"], "headers": {"Content-Type": "text/plain"}}
        answer = self._act(step, "POST", f"eval{run}", **content)
        if answer.get("result") != step.get("result") or step.get("error", "") not in str(answer.get("error")):
            self._found.append(f"it was evaluated to {answer}")

    def _kv(self, step: Row) -> None:
        path = f"{API}/namespaces/{NAMESPACE}/kv/{step['key']}"
        content = re.sub(r"^(.*)$", r'"\1"', step["value"])
        assert self._daemon.http.put(path, content=content, headers={"Content-Type": "text/plain"}).is_success

    def _check(self, step: Row) -> None:
        for key, value in step["kv"].items():
            found = self._daemon.get(f"/namespaces/{step.get('namespace', NAMESPACE)}/kv/{key}")["value"]
            if found != value:
                self._found.append(f"the key {key} is {found!r}")

    def _run_id(self, step: Row) -> str:
        return self._daemon.execution(self._cast[step["of"]]).run_of(step["taskrun"]).id


def _path_of(flow: str) -> str:
    return flow if "/" in flow else f"{NAMESPACE}/{flow}"


_OF_THE_START: frozenset[str] = frozenset({"http_status", "start_error", "new_execution", "parent"})
