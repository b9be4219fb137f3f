"""The daemon as a task sees it: what only the daemon knows, or may change, asked for with typed calls.

A worker never opens the database. Each call here is a question to the daemon and waits for its answer, which comes
after what was changed is durable. `runtime.workers_asks` answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

LINES_AT_ONCE: Final = 1_000
CHILDREN_AT_ONCE: Final = 100


class Ask(Protocol):
    """Sends a question and gives the answer. Raises `TaskFailed` with the daemon's words if there is none."""

    def __call__(self, kind: str, arguments: Mapping[str, Any]) -> Any: ...


class Found(Struct, frozen=True):
    """What is under a key; `value` means nothing where `is_there` is False."""

    is_there: bool
    value: Any = None


class Span(Struct, frozen=True, kw_only=True):
    """What a purge is about: a namespace, with those below it unless a flow is named, and times as ISO 8601 text."""

    namespace: str | None
    flow_id: str | None
    start: str | None
    end: str

    def as_arguments(self) -> dict[str, Any]:
        return {"namespace": self.namespace, "flow_id": self.flow_id, "start": self.start, "end": self.end}


class StateKey(Struct, frozen=True, kw_only=True):
    """Where a state is kept: `flow_id` None is what the namespace shares, `value` that of a loop."""

    flow_id: str | None
    name: str
    value: str | None

    def as_arguments(self) -> dict[str, Any]:
        return {"flow_id": self.flow_id, "name": self.name, "value": self.value}


class DaemonCalls:
    """Typed questions, for `TaskContext.daemon`."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def outputs_of_children(self, task_id: str, *, beside: str) -> Iterator[Mapping[str, Any]]:
        """The outputs of the executions that a task has called and that went well, in the order of its batches; of a
        batch that was called again, those of the last. The task is the one that has run beside this task run."""
        caller = self._ask("task_run.sibling", {"task_id": task_id, "task_run_id": beside})
        ids = [child for _, child in sorted(self._children(task_id, caller).items())]
        for at in range(0, len(ids), CHILDREN_AT_ONCE):
            yield from self._ask("children.outputs", {"ids": ids[at : at + CHILDREN_AT_ONCE]})

    def _children(self, task_id: str, task_run_id: str) -> dict[int, str]:
        """Ids by the number of the batch."""
        children: dict[int, str] = {}
        page = 1
        while True:
            found = self._ask("children.list", {"task_id": task_id, "task_run_id": task_run_id, "page": page})
            children.update(found["children"])
            if found["is_last"]:
                return children
            page += 1

    def outputs_of_iterations(self, task_run_id: str) -> Iterator[Mapping[str, Any]]:
        """Of a Loop of this execution, each with the item that it is of, in the order of the values."""
        after = -1
        while found := self._ask("loop.outputs", {"task_run_id": task_run_id, "after": after}):
            yield from found
            after = found[-1]["item"]["iteration"]

    # Keys and values.

    def kv_set(
        self,
        namespace: str,
        key: str,
        value: Any,
        *,
        kind: str,
        overwrite: bool = True,
        ttl_seconds: float | None = None,
        description: str = "",
    ) -> None:
        self._ask(
            "kv.set",
            {
                "namespace": namespace,
                "key": key,
                "value": value,
                "kind": kind,
                "overwrite": overwrite,
                "ttl_seconds": ttl_seconds,
                "description": description,
            },
        )

    def kv_get(self, namespace: str, key: str) -> Found:
        return Found(**self._ask("kv.get", {"namespace": namespace, "key": key}))

    def kv_keys(self, namespace: str, prefix: str = "") -> list[str]:
        return list(self._ask("kv.keys", {"namespace": namespace, "prefix": prefix}))

    def kv_delete(self, namespace: str, key: str) -> bool:
        """Was there one?"""
        return bool(self._ask("kv.delete", {"namespace": namespace, "key": key}))

    def kv_purge(self, selection: Mapping[str, Any]) -> int:
        return int(self._ask("kv.purge", selection))

    # States.

    def state_get(self, key: StateKey) -> Found:
        return Found(**self._ask("state.get", key.as_arguments()))

    def state_merge(self, key: StateKey, data: Mapping[str, Any]) -> int:
        """Puts the data into what is there. How many entries it has then."""
        return int(self._ask("state.merge", {**key.as_arguments(), "data": dict(data)}))

    def state_delete(self, key: StateKey) -> bool:
        return bool(self._ask("state.delete", key.as_arguments()))

    # Executions.

    def count_executions(self, selection: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`namespace`, `flowId` (None where a namespace was asked for) and `count`, in the order asked for."""
        return list(self._ask("executions.count", selection))

    def execution(self, execution_id: str) -> Mapping[str, Any]:
        """What people are told of it: as the API shows its head, with `lastTask`, `failedTask`, `url` (or None)."""
        return dict(self._ask("execution.read", {"execution_id": execution_id}))

    def resume(self, execution_id: str, inputs: Mapping[str, Any]) -> None:
        self._ask("execution.resume", {"execution_id": execution_id, "inputs": dict(inputs)})

    def kill(self, execution_id: str, *, cascade: bool) -> None:
        self._ask("execution.kill", {"execution_id": execution_id, "cascade": cascade})

    def purge_executions(self, span: Span, parts: Mapping[str, Any], *, at_once: int) -> Iterator[Mapping[str, int]]:
        """A slice at a time, so that it can be ended between two; what was deleted with each."""
        after = None
        while True:
            answer = self._ask("executions.purge", {**span.as_arguments(), **parts, "limit": at_once, "after": after})
            yield answer["counts"]
            after = answer["after"]
            if after is None:
                return

    def missing_executions(self, execution_ids: Sequence[str]) -> list[str]:
        """Those that there are not."""
        return list(self._ask("executions.missing", {"ids": list(execution_ids)}))

    # Logs and metrics.

    def log_lines(self, execution_id: str, tasks: Sequence[str], level: str) -> Iterator[Mapping[str, Any]]:
        """In the order of their arrival; read as they are asked for."""
        after = None
        while True:
            wanted = {"execution_id": execution_id, "task_ids": list(tasks), "level": level, "after": after}
            lines = self._ask("logs.fetch", {**wanted, "limit": LINES_AT_ONCE})
            for line in lines:
                after = line.pop("id")
                if line:  # what was passed over says only how far it was read
                    yield line
            if len(lines) < LINES_AT_ONCE:
                return

    def purge_logs(self, span: Span, *, execution_id: str | None, levels: Sequence[str] | None) -> int:
        wanted = {**span.as_arguments(), "execution_id": execution_id, "levels": None if levels is None else [*levels]}
        return self._purged("logs.purge", wanted)

    def purge_metrics(self, span: Span) -> int:
        return self._purged("metrics.purge", span.as_arguments())

    def _purged(self, kind: str, wanted: Mapping[str, Any]) -> int:
        total, after = 0, 0
        while True:
            answer = self._ask(kind, {**wanted, "after": after})
            total += answer["count"]
            if answer["after"] is None:
                return int(total)
            after = answer["after"]

    # Triggers.

    def toggle_trigger(self, namespace: str, flow_id: str, trigger_id: str, *, enabled: bool) -> None:
        self._ask(
            "trigger.toggle",
            {"namespace": namespace, "flow_id": flow_id, "trigger_id": trigger_id, "enabled": enabled},
        )
