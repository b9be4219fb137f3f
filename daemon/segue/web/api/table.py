"""The API's route table. Paths have no tenant: `FrontDoor` takes `main` out. Webhooks stand first: they are the hot
path, and a router looks from the top.

Kestra's 2.0 spells acts `/executions/{id}/actions/kill`, 1.x `/executions/{id}/kill`; the latter only of a real id, so
that a flow may be called `kill`.
"""

from collections.abc import Iterator
from typing import Final

from starlette.convertors import Convertor, register_url_convertor

from segue.web.access import Need
from segue.web.api import acts, events, executions, flows, git, health, logs, namespaces, triggers
from segue.web.context import Endpoint
from segue.web.routing import API, Entry
from segue.web.settings import WEBHOOK_BODY_MAX


class _ExecutionIdConvertor(Convertor[str]):
    """The 22 characters of `model.names.execution_id`."""

    regex = "[0-9A-Za-z]{22}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("execution_id", _ExecutionIdConvertor())

_E: Final = f"{API}/executions"
_F: Final = f"{API}/flows"
_T: Final = f"{API}/triggers"
_N: Final = f"{API}/namespaces/{{namespace}}"
_HOOK: Final = f"{_E}/webhook/{{namespace}}/{{flow_id}}/{{key}}"
_FLOW: Final = "{namespace}/{flow_id}"


def entries() -> list[Entry]:
    return [*_WEBHOOKS, *_DAEMON, *_bulk_acts(), *_EXECUTIONS, *_acts(), *_STARTS, *_FLOWS, *_REST]


_WEBHOOKS: Final = [
    Entry("GET|POST|PUT", _HOOK, acts.webhook, Need.PUBLIC, WEBHOOK_BODY_MAX),
    Entry("GET|POST|PUT", f"{_HOOK}/{{path:path}}", acts.webhook, Need.PUBLIC, WEBHOOK_BODY_MAX),
    Entry("POST", f"{API}/git/webhook", git.webhook, Need.PUBLIC, WEBHOOK_BODY_MAX),
]

_DAEMON: Final = [
    Entry("GET", "/health", health.health, Need.PUBLIC),
    Entry("GET", "/ready", health.ready, Need.PUBLIC),
    Entry("GET", "/metrics", health.metrics, Need.READ),
    Entry("GET", "/events", events.stream, Need.READ),
    Entry("GET", f"{API}/configs", health.configs, Need.READ),
    Entry("POST", f"{API}/git/sync", git.sync, Need.ACT),
    Entry("GET", f"{API}/git/status", git.status, Need.READ),
    Entry("POST", f"{API}/git/confirm/{{commit}}", git.confirm, Need.ACT),
]

_EXECUTIONS: Final = [
    Entry("GET", f"{_E}/search", executions.search, Need.READ),
    Entry("GET", _E, executions.search, Need.READ),
    Entry("POST", f"{_E}/latest", executions.latest, Need.READ),
    Entry("GET", f"{_E}/{{id}}", executions.read, Need.READ),
    Entry("DELETE", f"{_E}/{{id}}", acts.DELETE, Need.ACT),
    Entry("GET", f"{_E}/{{id}}/follow", executions.follow, Need.READ),
    Entry("GET", f"{_E}/{{id}}/flow", executions.flow_of, Need.READ),
    Entry("GET", f"{_E}/{{id}}/file", executions.file, Need.READ),
    Entry("GET", f"{_E}/{{id}}/file/metas", executions.file_size, Need.READ),
]

_STARTS: Final = [
    Entry("POST", f"{_E}/trigger/{_FLOW}", acts.start, Need.ACT, None),
    Entry("POST", f"{_E}/{_FLOW}/validate", acts.validate, Need.ACT, None),
    Entry("POST", f"{_E}/{_FLOW}", acts.start, Need.ACT, None),
]

_FLOWS: Final = [
    Entry("GET", f"{_F}/search", flows.search, Need.READ),
    Entry("GET", f"{_F}/distinct-namespaces", flows.namespaces, Need.READ),
    Entry("POST", f"{_F}/validate", flows.validate, Need.READ),
    Entry("POST", _F, flows.managed_by_git, Need.ACT),
    Entry("GET", f"{_F}/{{namespace}}", flows.of_namespace, Need.READ),
    Entry("POST", f"{_F}/{{namespace}}", flows.managed_by_git, Need.ACT),
    Entry("GET", f"{_F}/{_FLOW}", flows.read, Need.READ),
    Entry("PUT|DELETE", f"{_F}/{_FLOW}", flows.managed_by_git, Need.ACT),
    Entry("GET", f"{_F}/{_FLOW}/revisions", flows.revisions, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}/diff", flows.difference, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}/graph", flows.graph, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}/tasks/{{task_id}}", flows.task, Need.READ),
]

_REST: Final = [
    Entry("GET", f"{API}/logs/search", logs.search, Need.READ),
    Entry("GET", f"{API}/logs/{{id}}", logs.of_execution, Need.READ),
    Entry("GET", f"{API}/logs/{{id}}/download", logs.download, Need.READ),
    Entry("GET", f"{API}/logs/{{id}}/follow", logs.follow, Need.READ),
    Entry("GET", f"{API}/metrics/{{id}}", logs.metrics, Need.READ),
    Entry("GET", f"{_T}/search", triggers.search, Need.READ),
    Entry("PUT", _T, triggers.change, Need.ACT),
    Entry("PUT", f"{_T}/set-disabled", triggers.set_disabled, Need.ACT),
    Entry("PUT", f"{_T}/backfill/create", triggers.create_backfill, Need.ACT),
    Entry("PUT", f"{_T}/backfill/pause", triggers.pause_backfill, Need.ACT),
    Entry("PUT", f"{_T}/backfill/unpause", triggers.unpause_backfill, Need.ACT),
    Entry("POST", f"{_T}/backfill/delete", triggers.delete_backfill, Need.ACT),
    Entry("GET", f"{_T}/{_FLOW}", triggers.search, Need.READ),
    Entry("POST", f"{_T}/{_FLOW}/{{trigger_id}}/unlock", triggers.unlock, Need.ACT),
    Entry("POST", f"{_T}/{_FLOW}/{{trigger_id}}/restart", triggers.unlock, Need.ACT),
    Entry("GET", f"{API}/namespaces/search", flows.namespace_search, Need.READ),
    Entry("GET", f"{_N}/kv", namespaces.keys, Need.READ),
    Entry("DELETE", f"{_N}/kv", namespaces.delete_keys, Need.ACT),
    Entry("GET", f"{_N}/kv/{{key}}", namespaces.key, Need.READ),
    Entry("PUT", f"{_N}/kv/{{key}}", namespaces.put_key, Need.ACT),
    Entry("DELETE", f"{_N}/kv/{{key}}", namespaces.delete_key, Need.ACT),
    Entry("GET", f"{_N}/files", namespaces.file, Need.READ),
    Entry("GET", f"{_N}/files/directory", namespaces.folder, Need.READ),
]


def _acts() -> Iterator[Entry]:
    """Acts on one execution, in both spellings."""
    for base in (f"{_E}/{{id}}/actions", f"{_E}/{{id:execution_id}}"):
        yield Entry("DELETE|POST", f"{base}/kill", acts.KILL, Need.ACT)
        yield Entry("POST", f"{base}/resume", acts.resume, Need.ACT, None)
        yield Entry("POST", f"{base}/resume/validate", acts.validate_resume, Need.ACT, None)
        yield Entry("POST", f"{base}/replay-with-inputs", acts.replay_with_inputs, Need.ACT, None)
        yield Entry("POST", f"{base}/eval", executions.evaluate, Need.ACT)
        yield Entry("POST", f"{base}/eval/{{task_run_id}}", executions.evaluate, Need.ACT)
        for name, reading in acts.ACTS.items():
            yield Entry("POST", f"{base}/{name}", acts.act(reading), Need.ACT)


def _bulk_acts() -> Iterator[Entry]:
    """Acts on many: `/executions/restart/by-ids`, `DELETE /executions/kill/by-query`, `DELETE /executions/by-ids`."""
    for suffix, made in (("by-ids", acts.by_ids), ("by-query", acts.by_query)):
        yield Entry("DELETE", f"{_E}/{suffix}", made(acts.DELETE_MANY), Need.ACT)
        kill: Endpoint = made(acts.KILL_MANY)
        yield Entry("DELETE|POST", f"{_E}/kill/{suffix}", kill, Need.ACT)
        for name, reading in acts.BULK.items():
            yield Entry("POST", f"{_E}/{name}/{suffix}", made(reading), Need.ACT)
