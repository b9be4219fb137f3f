"""What workers ask the daemon for while they render or run: what only it knows, and what only it may change.

`segue.tasks.daemon` is the other end. A worker runs foreign code, so a question is read like a request of the web:
whatever it holds, the worst that comes of it is a sentence for the task's author.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from segue.engine.calls import batch_of, parent_of
from segue.model.execution import Execution
from segue.model.names import TaskRunId
from segue.model.order import LogLevel
from segue.model.revision import FlowKey
from segue.model.state import FINAL, State
from segue.runtime.daemon import RunningDaemon
from segue.runtime.dispatch import NoAnswer
from segue.runtime.execution_told import execution_told
from segue.runtime.keys import Keys, KeyTaken, state_key
from segue.runtime.loop import Busy
from segue.runtime.purging import KeysPurged, Parts, Purges
from segue.spec.key_values import KeyRefused, check_reachable, checked_key
from segue.store.errors import ReadTooLong
from segue.store.purge import Cursor, Lines, Purged
from segue.store.reads.matching import Match, Op, equals, within
from segue.web.actions import Action, Kill, Resume, SetDisabled
from segue.web.ports.executions import Order, Search
from segue.web.ports.keys import KeyValue
from segue.web.ports.lists import Field, Filter
from segue.web.ports.logs import LogEntry, LogSearch
from segue.web.ports.reads import Reads
from segue.web.ports.refusals import Refusal
from segue.web.ports.triggers import TriggerKey
from segue.workers.settings import no_key

ERROR_LOGS_MAX: Final = 100
CHILDREN_AT_ONCE: Final = 100
PURGED_AT_ONCE_MAX: Final = 1_000

Arguments = Mapping[str, Any]


class _Asker(Struct, frozen=True):
    """Who asks: the execution whose task it is."""

    execution_id: str
    namespace: str


class WorkersAsks:
    """Answers from what is stored, and does what is asked for through the parts that do it for everybody."""

    def __init__(self, daemon: RunningDaemon, reads: Reads, keys: Keys, purges: Purges) -> None:
        self._daemon = daemon
        self._reads = reads
        self._keys = keys
        self._purges = purges
        self._answers: Mapping[str, Callable[[_Asker, Arguments], Awaitable[Any]]] = {
            "kv": self._key,
            "error_logs": self._error_logs,
            "kv.set": self._kv_set,
            "kv.get": self._kv_get,
            "kv.keys": self._kv_keys,
            "kv.delete": self._kv_delete,
            "kv.purge": self._kv_purge,
            "state.get": self._state_get,
            "state.merge": self._state_merge,
            "state.delete": self._state_delete,
            "executions.count": self._count,
            "executions.missing": self._missing,
            "executions.purge": self._purge_executions,
            "execution.read": self._execution,
            "execution.resume": self._resume,
            "execution.kill": self._kill,
            "children.list": self._children,
            "task_run.sibling": self._sibling,
            "children.outputs": self._outputs_of_children,
            "loop.outputs": self._outputs_of_iterations,
            "logs.fetch": self._fetch_logs,
            "logs.purge": self._purge_logs,
            "metrics.purge": self._purge_metrics,
            "trigger.toggle": self._toggle,
        }

    async def answer(self, execution_id: str, namespace: str, kind: str, arguments: Arguments) -> Any:
        """Raises `NoAnswer` with the sentence that the task's author is to read."""
        answer = self._answers.get(kind)
        if answer is None:
            raise NoAnswer(f"{kind}() is not available to tasks")
        try:
            return await answer(_Asker(execution_id, namespace), arguments)
        except (KeyRefused, KeyTaken) as refused:
            raise NoAnswer(str(refused)) from refused
        except Busy as busy:
            raise NoAnswer(f"Nothing new is taken in at the moment: {busy}") from busy
        except ReadTooLong as error:
            raise NoAnswer(f"The daemon's database takes too long to answer: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise NoAnswer(f"{kind}: not a question that can be answered: {type(error).__name__}: {error}") from error

    # For expressions.

    async def _key(self, asker: _Asker, arguments: Arguments) -> Any:
        namespace, key = arguments.get("namespace") or asker.namespace, str(arguments["key"])
        found = await asyncio.to_thread(self._reads.key, namespace, key)
        if found is not None:
            return found.value
        if arguments.get("error_on_missing", True):
            raise NoAnswer(no_key(namespace, key))
        return None

    async def _error_logs(self, asker: _Asker, _arguments: Arguments) -> list[dict[str, Any]]:
        search = LogSearch(execution_id=asker.execution_id, min_level=LogLevel.ERROR, limit=ERROR_LOGS_MAX)
        lines = await asyncio.to_thread(self._reads.logs, search)
        return [
            {
                "taskId": line.task_id,
                "taskRunId": line.task_run_id,
                "level": line.level,
                "message": line.message,
                "timestamp": line.at.isoformat(),
            }
            for line in lines
        ]

    # Keys and values.

    async def _kv_set(self, asker: _Asker, arguments: Arguments) -> None:
        ttl = arguments["ttl_seconds"]
        entry = KeyValue(
            namespace=await self._reached(asker, arguments),
            key=checked_key(arguments["key"]),
            kind=str(arguments["kind"]),
            value=arguments["value"],
            description=str(arguments["description"]),
            expires_at=None if ttl is None else self._daemon.now() + timedelta(seconds=ttl),
        )
        await self._keys.put(entry, overwrite=bool(arguments["overwrite"]))

    async def _kv_get(self, asker: _Asker, arguments: Arguments) -> dict[str, Any]:
        namespace = await self._reached(asker, arguments)
        return await self._found(namespace, checked_key(arguments["key"]))

    async def _kv_keys(self, asker: _Asker, arguments: Arguments) -> list[str]:
        namespace, prefix = await self._reached(asker, arguments), str(arguments["prefix"])
        entries = await asyncio.to_thread(self._reads.keys, namespace)
        return [entry.key for entry in entries if entry.key.startswith(prefix)]

    async def _kv_delete(self, asker: _Asker, arguments: Arguments) -> bool:
        namespace = await self._reached(asker, arguments)
        return await self._keys.delete(namespace, checked_key(arguments["key"]))

    async def _kv_purge(self, _asker: _Asker, arguments: Arguments) -> int:
        return await self._purges.keys(KeysPurged(**arguments))

    async def _found(self, namespace: str, key: str) -> dict[str, Any]:
        found = await asyncio.to_thread(self._reads.key, namespace, key)
        return {"is_there": found is not None, "value": None if found is None else found.value}

    async def _reached(self, asker: _Asker, arguments: Arguments) -> str:
        """The namespace, if the asker may reach its keys."""
        namespace = str(arguments["namespace"])
        if namespace != asker.namespace:
            existing = [live.key.namespace for live in self._daemon.flows()]
            if await asyncio.to_thread(self._reads.keys, namespace):
                existing.append(namespace)
            check_reachable(namespace, own=asker.namespace, existing=existing)
        return namespace

    # States: always of the asker's namespace.

    async def _state_get(self, asker: _Asker, arguments: Arguments) -> dict[str, Any]:
        return await self._found(asker.namespace, state_key(**arguments))

    async def _state_merge(self, asker: _Asker, arguments: Arguments) -> int:
        key = {name: value for name, value in arguments.items() if name != "data"}
        return await self._keys.merge_state(asker.namespace, state_key(**key), dict(arguments["data"]))

    async def _state_delete(self, asker: _Asker, arguments: Arguments) -> bool:
        return await self._keys.delete(asker.namespace, state_key(**arguments))

    # Executions.

    async def _count(self, _asker: _Asker, arguments: Arguments) -> list[dict[str, Any]]:
        wanted = [*((namespace, flow_id) for namespace, flow_id in arguments["flows"])]
        wanted += [(namespace, None) for namespace in arguments["namespaces"]]
        since, until, states = _moment(arguments["start"]), _moment(arguments["end"]), arguments["states"]
        return [
            {
                "namespace": namespace,
                "flowId": flow_id,
                "count": await self._purges.count(namespace, flow_id, states, since, until),
            }
            for namespace, flow_id in wanted
        ]

    async def _children(self, asker: _Asker, arguments: Arguments) -> dict[str, Any]:
        """One page of what a task run has called and what went well: number of the batch and id, oldest first."""
        by_caller = Filter(Field.TRIGGER_EXECUTION_ID, Op.EQUALS, (asker.execution_id,))
        by_task = Filter(Field.TRIGGER_ID, Op.EQUALS, (str(arguments["task_id"]),))
        well = Filter(Field.STATE, Op.IN, tuple(state for state in State if state.is_success))
        page = int(arguments["page"])
        search = Search(
            filters=(by_caller, by_task, well), order=Order.ID, descending=False, page=page, size=CHILDREN_AT_ONCE
        )
        found = await asyncio.to_thread(self._reads.search, search)
        caller = (asker.execution_id, str(arguments["task_run_id"]))
        children = [(batch_of(each), each.id) for each in found.results if parent_of(each) == caller]
        return {"children": children, "is_last": len(found.results) < CHILDREN_AT_ONCE}

    async def _sibling(self, asker: _Asker, arguments: Arguments) -> str:
        """The task run of another task under the same parent."""
        own_id, task_id = TaskRunId(str(arguments["task_run_id"])), str(arguments["task_id"])
        execution = await asyncio.to_thread(self._reads.execution, asker.execution_id)
        runs = execution.task_runs if execution is not None else {}
        parent = runs[own_id].parent_id
        for run in runs.values():
            if run.task_id == task_id and run.parent_id == parent:
                return run.id
        raise NoAnswer(f"No task run of {task_id} stands beside {own_id}")

    async def _outputs_of_children(self, asker: _Asker, arguments: Arguments) -> list[Mapping[str, Any]]:
        """Of these ids, in their order."""
        ids = [str(each) for each in arguments["ids"]][:CHILDREN_AT_ONCE]
        found = [await asyncio.to_thread(self._reads.execution_alone, each) for each in ids]
        return [each.outputs or {} for each in found if each is not None and _is_of(each, asker)]

    async def _outputs_of_iterations(self, asker: _Asker, arguments: Arguments) -> list[dict[str, Any]]:
        """Those of the next ones, with their items, by their number."""
        run_id, after = str(arguments["task_run_id"]), int(arguments["after"])
        found = await asyncio.to_thread(self._reads.iterations, run_id, after=after, limit=CHILDREN_AT_ONCE)
        return [_iteration(each) for each in found if _is_of(each, asker)]

    async def _missing(self, _asker: _Asker, arguments: Arguments) -> list[str]:
        return await self._purges.missing([str(each) for each in arguments["ids"]])

    async def _execution(self, _asker: _Asker, arguments: Arguments) -> dict[str, Any]:
        execution_id = str(arguments["execution_id"])
        execution = await asyncio.to_thread(self._reads.execution, execution_id)
        if execution is None:
            raise NoAnswer(f"There is no execution {execution_id}")
        return execution_told(execution, self._daemon.now(), self._daemon.url)

    async def _resume(self, _asker: _Asker, arguments: Arguments) -> None:
        await self._act(str(arguments["execution_id"]), Resume(inputs=dict(arguments["inputs"])))

    async def _kill(self, _asker: _Asker, arguments: Arguments) -> None:
        await self._act(str(arguments["execution_id"]), Kill(cascade=bool(arguments["cascade"])))

    async def _act(self, execution_id: str, action: Action) -> None:
        _granted(await self._daemon.act(execution_id, action))

    async def _purge_executions(self, _asker: _Asker, arguments: Arguments) -> dict[str, Any]:
        states, flow_id = arguments["states"], arguments["flow_id"]
        purged = Purged(
            ended_before=_needed(arguments["end"]),
            started_from=_moment(arguments["start"]),
            namespaces=_namespaces(arguments["namespace"], flow_id),
            flows=() if flow_id is None else (equals(str(flow_id)),),
            states=FINAL if states is None else frozenset(map(State, states)) & FINAL,
        )
        parts = Parts(**{name: bool(arguments[name]) for name in ("executions", "logs", "metrics", "storage")})
        at_once = max(1, min(int(arguments["limit"]), PURGED_AT_ONCE_MAX))
        gone = await self._purges.executions(purged, parts, _cursor(arguments["after"]), at_once=at_once)
        return {"counts": dict(gone.counts), "after": gone.after}

    # Logs, metrics, triggers.

    async def _fetch_logs(self, _asker: _Asker, arguments: Arguments) -> list[dict[str, Any]]:
        """Lines of some tasks are picked here, so that fewer than `limit` does not mean the end: `after` moves on."""
        tasks = frozenset(map(str, arguments["task_ids"]))
        search = LogSearch(
            execution_id=str(arguments["execution_id"]),
            min_level=LogLevel(arguments["level"]),
            after=arguments["after"],
            limit=int(arguments["limit"]),
        )
        lines = await asyncio.to_thread(self._reads.logs, search)
        return [_line(line, is_wanted=not tasks or line.task_id in tasks) for line in lines]

    async def _purge_logs(self, _asker: _Asker, arguments: Arguments) -> dict[str, Any]:
        levels = arguments["levels"]
        lines = Lines(
            table="logs",
            until=_needed(arguments["end"]),
            since=_moment(arguments["start"]),
            namespace=arguments["namespace"],
            flow_id=arguments["flow_id"],
            execution_id=arguments["execution_id"],
            levels=None if levels is None else tuple(map(str, levels)),
        )
        return await self._purge_lines(lines, arguments)

    async def _purge_metrics(self, _asker: _Asker, arguments: Arguments) -> dict[str, Any]:
        lines = Lines(
            table="metrics",
            until=_needed(arguments["end"]),
            since=_moment(arguments["start"]),
            namespace=arguments["namespace"],
            flow_id=arguments["flow_id"],
        )
        return await self._purge_lines(lines, arguments)

    async def _purge_lines(self, lines: Lines, arguments: Arguments) -> dict[str, Any]:
        count, after = await self._purges.lines(lines, int(arguments["after"] or 0))
        return {"count": count, "after": after}

    async def _toggle(self, _asker: _Asker, arguments: Arguments) -> None:
        flow = FlowKey(str(arguments["namespace"]), str(arguments["flow_id"]))
        key = TriggerKey(flow, str(arguments["trigger_id"]))
        answer = await self._daemon.act_on_trigger(key, SetDisabled(disabled=not arguments["enabled"]))
        if isinstance(answer, Refusal):
            raise NoAnswer(answer.message)


def _is_of(execution: Execution, asker: _Asker) -> bool:
    """Only the execution that has called it, or that it is an iteration of, may ask for its outputs."""
    asked_by = parent_of(execution)
    return asked_by is not None and asked_by[0] == asker.execution_id


def _iteration(execution: Execution) -> dict[str, Any]:
    assert execution.loop_run is not None
    item = execution.loop_run.item
    told = {"value": item.value, "iteration": item.index}
    return {
        "item": told if item.key is None else {**told, "key": item.key},
        "outputs": execution.outputs or {},
    }


def _granted(answer: Execution | Refusal) -> Execution:
    if isinstance(answer, Refusal):
        raise NoAnswer(answer.message)
    return answer


def _namespaces(namespace: str | None, flow_id: str | None) -> tuple[Match, ...]:
    """Without a flow, a namespace is meant with all below it."""
    if namespace is None:
        return ()
    return (within(namespace),) if flow_id is None else (equals(namespace),)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else _needed(text)


def _needed(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return at


def _cursor(value: Any) -> Cursor | None:
    if value is None:
        return None
    ended_at, id_ = value
    return int(ended_at), str(id_)


def _line(line: LogEntry, *, is_wanted: bool) -> dict[str, Any]:
    """One that is not wanted only says how far it was read."""
    if not is_wanted:
        return {"id": line.id}
    return {
        "id": line.id,
        "timestamp": line.at.isoformat(),
        "level": line.level.value,
        "namespace": line.namespace,
        "flowId": line.flow_id,
        "executionId": line.execution_id,
        "taskId": line.task_id,
        "taskRunId": line.task_run_id,
        "attemptNumber": None if line.attempt is None else line.attempt - 1,
        "message": line.message,
    }
