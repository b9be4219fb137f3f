"""The calls that a user of a daemon makes, over real HTTP, and what the answers show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from tests.support.waiting import wait_until

API: Final = "/api/v1/main"
FINAL: Final = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED"})
NAMESPACE: Final = "company.team"


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A task run as the API shows it."""

    json: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.json["id"])

    @property
    def task_id(self) -> str:
        return str(self.json["taskId"])

    @property
    def value(self) -> Any:
        return self.json["value"]

    @property
    def state(self) -> str:
        return str(self.json["state"]["current"])

    @property
    def outputs(self) -> dict[str, Any]:
        return dict(self.json.get("outputs") or {})

    @property
    def attempts(self) -> list[str]:
        """How each attempt ended."""
        return [str(attempt["state"]["current"]) for attempt in self.json["attempts"]]

    @property
    def failures(self) -> list[str]:
        """What the attempts that failed said."""
        return [str(each["failure"]["message"]) for each in self.json["attempts"] if "failure" in each]


@dataclass(frozen=True, slots=True)
class ShownExecution:
    """An execution as the API shows it."""

    json: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.json["id"])

    @property
    def state(self) -> str:
        return str(self.json["state"]["current"])

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def states(self) -> list[str]:
        """All states it has been through."""
        return [str(each["state"]) for each in self.json["state"]["histories"]]

    @property
    def revision(self) -> int:
        return int(self.json["flowRevision"])

    @property
    def commit(self) -> str:
        return str(self.json["commit"])

    @property
    def inputs(self) -> dict[str, Any]:
        return dict(self.json["inputs"] or {})

    @property
    def outputs(self) -> dict[str, Any]:
        return dict(self.json["outputs"] or {})

    @property
    def labels(self) -> dict[str, str]:
        return {each["key"]: each["value"] for each in self.json["labels"]}

    @property
    def trigger(self) -> dict[str, Any]:
        """The variables of what started it."""
        return dict((self.json["trigger"] or {}).get("variables") or {})

    @property
    def runs(self) -> list[ShownRun]:
        return [ShownRun(each) for each in self.json["taskRunList"]]

    @property
    def task_ids(self) -> list[str]:
        """In the order in which they came to be."""
        return [run.task_id for run in self.runs]

    def runs_of(self, task_id: str) -> list[ShownRun]:
        return [run for run in self.runs if run.task_id == task_id]

    def run_of(self, task_id: str) -> ShownRun:
        """The only task run of a task."""
        found = self.runs_of(task_id)
        assert len(found) == 1, f"{len(found)} task runs of {task_id}; there are {self.task_ids}"
        return found[0]


class Client:
    """What may be asked of a daemon. A flow is named `flow-id`, or `namespace/flow-id`."""

    def __init__(self, url: str = "") -> None:
        self.http = httpx2.Client(base_url=url, timeout=60, trust_env=False)

    def output(self) -> str:
        """What the daemon has printed, for messages of failed waits."""
        return ""

    def call(self, method: str, path: str, *, status: int | None = 200, **more: Any) -> Any:
        """Call the API (`/executions/...`); the answer's JSON, or its text if it is none."""
        answer = self.http.request(method, f"{API}{path}", **more)
        if status is not None:
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}{self._said()}"
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json else answer.text

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, params=query)

    # Executions.

    def start(
        self,
        flow: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        labels: Iterable[str] = (),
        **query: Any,
    ) -> ShownExecution:
        """Start an execution. Files by input: (file name, content). Labels as `key:value`. Query as the API has it
        (`wait=True`, `revision=1`)."""
        parts: list[tuple[str, Any]] = [(name, (None, str(value))) for name, value in (inputs or {}).items()]
        parts += list((files or {}).items())
        path = f"/executions/{flow_path(flow)}"
        asked = {"labels": list(labels)} | {name: _word(value) for name, value in query.items()}
        return ShownExecution(self.call("POST", path, params=asked, files=parts or None))

    def run(self, flow: str, inputs: Mapping[str, Any] | None = None, **more: Any) -> ShownExecution:
        """Start an execution and wait until it has ended."""
        return self.ended(self.start(flow, inputs, **more))

    def execution(self, execution: ShownExecution | str) -> ShownExecution:
        return ShownExecution(self.get(f"/executions/{_id(execution)}"))

    def executions(self, flow: str, **query: Any) -> list[ShownExecution]:
        """Those of a flow, oldest first."""
        namespace, flow_id = flow_path(flow).split("/")
        found = self.get("/executions/search", namespace=namespace, flowId=flow_id, size=100, **query)
        return [ShownExecution(each) for each in sorted(found["results"], key=lambda each: str(each["id"]))]

    def iterations(self, execution: ShownExecution | str, task_id: str | None = None) -> list[ShownExecution]:
        """Of the Loops of an execution, or of one, by their numbers."""
        query = {"triggerExecutionId": _id(execution), "kind": "LOOP", "size": 1000}
        found = map(ShownExecution, self.get("/executions/search", **query)["results"])
        of_loop = [each for each in found if task_id in {None, each.json["loopRun"]["taskId"]}]
        return sorted(of_loop, key=lambda each: int(each.json["loopRun"]["index"]))

    def ended(self, execution: ShownExecution | str, seconds: float = 60) -> ShownExecution:
        return self.until(execution, *FINAL, seconds=seconds)

    def until(self, execution: ShownExecution | str, *states: str, seconds: float = 60) -> ShownExecution:
        """The execution once it is in one of these states."""
        seen = self.execution(execution)

        def look() -> ShownExecution | None:
            nonlocal seen
            seen = self.execution(execution)
            return seen if seen.state in states else None

        what = f"{_id(execution)} to be {' or '.join(sorted(states))}"
        return wait_until(look, what=what, seconds=seconds, seen=lambda: f"{seen.json}{self._said()}")

    def until_run(self, execution: ShownExecution | str, task_id: str, *states: str) -> ShownExecution:
        """The execution once a task run of this task is in one of these states."""
        seen = self.execution(execution)

        def look() -> ShownExecution | None:
            nonlocal seen
            seen = self.execution(execution)
            return seen if any(run.state in states for run in seen.runs_of(task_id)) else None

        what = f"{task_id} of {_id(execution)} to be {' or '.join(states)}"
        return wait_until(look, what=what, seen=lambda: f"{seen.json}{self._said()}")

    def only_execution(self, flow: str, count: int = 1) -> ShownExecution:
        """The newest of a flow, once there are this many and it has ended."""
        wait_until(
            lambda: len(self.executions(flow)) >= count,
            what=f"{count} executions of {flow}",
            seen=lambda: f"{self.executions(flow)}{self._said()}",
        )
        found = self.executions(flow)
        assert len(found) == count, found
        return self.ended(found[-1])

    def act(self, execution: ShownExecution | str, action: str, *, status: int = 200, **query: Any) -> Any:
        """Kill, pause, resume, restart, replay ..."""
        path = f"/executions/{_id(execution)}/actions/{action}"
        return self.call("POST", path, params={name: _word(value) for name, value in query.items()}, status=status)

    def logs(self, execution: ShownExecution | str, task_id: str | None = None) -> list[str]:
        lines = self.get(f"/logs/{_id(execution)}", **({"taskId": task_id} if task_id else {}))
        return [str(line["message"]) for line in lines]

    def trigger_logs(self, flow: str, trigger: str) -> list[str]:
        """What the trigger itself has said, oldest first."""
        namespace, flow_id = flow_path(flow).split("/")
        query = {"namespace": namespace, "flowId": flow_id, "triggerId": trigger, "size": 1000}
        lines = self.get("/logs/search", **query)["results"]
        return [str(line["message"]) for line in reversed(lines)]

    def file(self, execution: ShownExecution | str, uri: str) -> bytes:
        """The content of a file in internal storage."""
        answer = self.http.get(f"{API}/executions/{_id(execution)}/file", params={"path": uri})
        assert answer.status_code == 200, f"{uri}: {answer.status_code} {answer.text}"
        return answer.content

    def webhook(self, flow: str, key: str, body: Any = None, *, status: int = 200) -> Any:
        return self.call("POST", f"/executions/webhook/{flow_path(flow)}/{key}", json=body, status=status)

    # Flows, triggers, Git.

    def sync(self) -> dict[str, Any]:
        """Have the source's head live."""
        return dict(self.call("POST", "/git/sync"))

    def git(self) -> dict[str, Any]:
        return dict(self.get("/git/status"))

    def problems(self, path: str | None = None) -> list[dict[str, Any]]:
        """What is wrong with the files of the live commit."""
        return [each for each in self.git()["problems"] if path in {None, each["path"]}]

    def until_live(self, commit: str, seconds: float = 60) -> None:
        """Wait until the daemon has taken up a commit by itself."""
        wait_until(
            lambda: self.git()["commit"] == commit,
            what=f"commit {commit} to be live",
            seconds=seconds,
            seen=lambda: f"{self.git()}{self._said()}",
        )

    def flow(self, flow: str, *, status: int | None = 200, **query: Any) -> Any:
        return self.call("GET", f"/flows/{flow_path(flow)}", params=query, status=status)

    def flow_ids(self, namespace: str = NAMESPACE) -> list[str]:
        return sorted(str(each["id"]) for each in self.get(f"/flows/{namespace}"))

    def revisions(self, flow: str) -> list[dict[str, Any]]:
        """Oldest first."""
        return sorted(self.get(f"/flows/{flow_path(flow)}/revisions"), key=lambda each: int(each["revision"]))

    def triggers(self, flow: str) -> list[dict[str, Any]]:
        found = self.get(f"/triggers/{flow_path(flow)}", size=100)["results"]
        return [dict(each) for each in found]

    def _said(self) -> str:
        return f"\n--- the daemon said:\n{self.output()}"


def flow_path(flow: str) -> str:
    return flow if "/" in flow else f"{NAMESPACE}/{flow}"


def _id(execution: ShownExecution | str) -> str:
    return execution if isinstance(execution, str) else execution.id


def _word(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
