"""The API's route table. Paths have no tenant: `FrontDoor` takes `main` out. Webhooks stand first: they are the hot
path, and a router looks from the top.

Kestra's 2.0 spells acts `/executions/{id}/actions/kill`, 1.x `/executions/{id}/kill`; the latter only of a real id, so
that a flow may be called `kill`.
"""

from collections.abc import Iterator
from typing import Final

from starlette.convertors import Convertor, register_url_convertor

from segue.web import exports
from segue.web.access import Need
from segue.web.api import (
    acts,
    events,
    execution_files,
    executions,
    files,
    flow_texts,
    flows,
    git,
    graphs,
    health,
    keys,
    logs,
    metrics,
    namespaces,
    plugins,
    relatives,
    suites,
    triggers,
)
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
_O: Final = f"{API}/outputs"
_M: Final = f"{API}/metrics"
_N: Final = f"{API}/namespaces/{{namespace}}"
_HOOK: Final = f"{_E}/webhook/{{namespace}}/{{flow_id}}/{{key}}"
_FLOW: Final = "{namespace}/{flow_id}"


def entries() -> list[Entry]:
    return [
        *_WEBHOOKS,
        *_DAEMON,
        *_bulk_acts(),
        *_EXECUTIONS,
        *_acts(),
        *_STARTS,
        *_FLOW_LISTS,
        *_by_commit_alone(),
        *_FLOWS,
        *_LINES,
        *_trigger_acts(),
        *_TRIGGERS,
        *_NAMESPACES,
        *_PLUGINS,
    ]


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
    Entry("GET", f"{API}/tests/search", suites.search, Need.READ),
    Entry("POST", f"{API}/git/confirm/{{commit}}", git.confirm, Need.ACT),
]

_EXECUTIONS: Final = [
    Entry("GET", f"{_E}/search", executions.search, Need.READ),
    Entry("GET", _E, executions.search, Need.READ),
    Entry("POST", f"{_E}/latest", executions.latest, Need.READ),
    Entry("GET", f"{_E}/namespaces", executions.namespaces, Need.READ),
    Entry("GET", f"{_E}/distinct-field-values", executions.distinct_values, Need.READ),
    Entry("GET", f"{_E}/export/by-query/csv", exports.executions, Need.READ),
    Entry("GET", f"{_E}/flows/{_FLOW}", executions.flow_to_start, Need.READ),
    Entry("GET", f"{_E}/namespaces/{{namespace}}/flows", executions.flows_of, Need.READ),
    Entry(
        "GET",
        f"{_E}/namespaces/{{namespace}}/flows/{{flow_id}}/average-duration",
        executions.average_duration,
        Need.READ,
    ),
    Entry("GET", f"{_E}/{{id}}", executions.read, Need.READ),
    Entry("DELETE", f"{_E}/{{id}}", acts.DELETE, Need.ACT),
    Entry("GET", f"{_E}/{{id}}/follow", executions.follow, Need.READ),
    Entry("GET", f"{_E}/{{id}}/follow-dependencies", relatives.follow, Need.READ),
    Entry("GET", f"{_E}/{{id}}/flow", executions.flow_of, Need.READ),
    Entry("GET", f"{_E}/{{id}}/graph", graphs.of_execution, Need.READ),
    Entry("GET", f"{_E}/{{id}}/file", execution_files.file, Need.READ),
    Entry("GET", f"{_E}/{{id}}/file/metas", execution_files.size, Need.READ),
    Entry("GET", f"{_E}/{{id}}/file/preview", execution_files.preview, Need.READ),
    # Two spellings of 2.0.
    Entry("GET", f"{_O}/executions/{{id}}", execution_files.outputs, Need.READ),
    Entry("GET", f"{_O}/tasks/{{id}}", execution_files.outputs_of_tasks, Need.READ),
    Entry("GET", f"{_O}/tasks/{{id}}/{{task_run_id}}", execution_files.outputs_of_task_run, Need.READ),
    Entry("GET", f"{_O}/{{id:execution_id}}", execution_files.outputs_of_tasks, Need.READ),
    Entry("GET", f"{_O}/{{id:execution_id}}/{{task_run_id}}", execution_files.outputs_of_task_run, Need.READ),
]

_STARTS: Final = [
    Entry("POST", f"{_E}/trigger/{_FLOW}", acts.start, Need.ACT, None),
    Entry("POST", f"{_E}/{_FLOW}/validate", acts.validate, Need.ACT, None),
    Entry("POST", f"{_E}/{_FLOW}", acts.start, Need.ACT, None),
]

# Above those of one flow: a namespace of these names is not reached by `/flows/{namespace}`.
_FLOW_LISTS: Final = [
    Entry("GET", f"{_F}/search", flows.search, Need.READ),
    Entry("GET", f"{_F}/source", flow_texts.search, Need.READ),
    Entry("GET", f"{_F}/distinct-namespaces", flows.namespaces, Need.READ),
    Entry("GET", f"{_F}/deprecated", flows.deprecated, Need.READ),
    Entry("GET", f"{_F}/export/by-query", exports.zipped_flows, Need.READ),
    Entry("GET", f"{_F}/export/by-query/csv", exports.flows, Need.READ),
    Entry("POST", f"{_F}/export/by-ids", exports.zipped_flows_named, Need.READ),
    Entry("POST", f"{_F}/validate", flow_texts.validate, Need.READ),
    Entry("POST", f"{_F}/validate/task", flow_texts.validate_task, Need.READ),
    Entry("POST", f"{_F}/validate/trigger", flow_texts.validate_trigger, Need.READ),
    Entry("POST", f"{_F}/graph", flow_texts.graph, Need.READ),
    Entry("POST", f"{_F}/expressions", flow_texts.expressions, Need.READ),
    Entry("GET", f"{API}/concurrency-limit/search", flows.slots, Need.READ),
]

_FLOWS: Final = [
    Entry("GET", f"{_F}/{{namespace}}", flows.of_namespace, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}", flows.read, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}/revisions", flows.revisions, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}/diff", flows.difference, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}/graph", graphs.of_flow, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}/dependencies", graphs.around_flow, Need.READ),
    Entry("GET", f"{_F}/{_FLOW}/tasks/{{task_id}}", flows.task, Need.READ),
]

_LINES: Final = [
    Entry("GET", f"{API}/logs/search", logs.search, Need.READ),
    Entry("GET", f"{API}/logs/{{id}}", logs.of_execution, Need.READ),
    Entry("DELETE", f"{API}/logs/{{id}}", logs.delete, Need.ACT),
    Entry("GET", f"{API}/logs/{{id}}/download", logs.download, Need.READ),
    Entry("GET", f"{API}/logs/{{id}}/follow", logs.follow, Need.READ),
    Entry("DELETE", f"{API}/logs/{_FLOW}", logs.delete_of_flow, Need.ACT),
    Entry("GET", f"{_M}/{{id}}", metrics.of_execution, Need.READ),
    Entry("GET", f"{_M}/names/{_FLOW}", metrics.names, Need.READ),
    Entry("GET", f"{_M}/names/{_FLOW}/{{task_id}}", metrics.names, Need.READ),
    Entry("GET", f"{_M}/tasks/{_FLOW}", metrics.tasks, Need.READ),
    Entry("GET", f"{_M}/aggregates/{_FLOW}/{{metric}}", metrics.aggregate, Need.READ),
    Entry("GET", f"{_M}/aggregates/{_FLOW}/{{task_id}}/{{metric}}", metrics.aggregate, Need.READ),
]

_TRIGGERS: Final = [
    Entry("GET", f"{_T}/search", triggers.search, Need.READ),
    Entry("GET", f"{_T}/export/by-query/csv", exports.triggers, Need.READ),
    Entry("PUT", _T, triggers.change, Need.ACT),
    Entry("PUT", f"{_T}/set-disabled", triggers.set_disabled, Need.ACT),
    Entry("PUT", f"{_T}/backfill/create", triggers.create_backfill, Need.ACT),
    Entry("PUT", f"{_T}/backfill/pause", triggers.pause_backfill, Need.ACT),
    Entry("PUT", f"{_T}/backfill/unpause", triggers.unpause_backfill, Need.ACT),
    Entry("POST", f"{_T}/backfill/delete", triggers.delete_backfill, Need.ACT),
    Entry("GET", f"{_T}/{_FLOW}", triggers.search, Need.READ),
    Entry("DELETE", f"{_T}/{_FLOW}/{{trigger_id}}", triggers.forget, Need.ACT),
    Entry("POST", f"{_T}/{_FLOW}/{{trigger_id}}/unlock", triggers.unlock, Need.ACT),
    Entry("POST", f"{_T}/{_FLOW}/{{trigger_id}}/restart", triggers.unlock, Need.ACT),
]

_NAMESPACES: Final = [
    Entry("GET", f"{API}/namespaces/search", namespaces.search, Need.READ),
    Entry("POST", f"{API}/namespaces/autocomplete", namespaces.complete, Need.READ),
    Entry("GET", _N, namespaces.read, Need.READ),
    Entry("GET", f"{_N}/dependencies", graphs.of_namespace, Need.READ),
    Entry("GET", f"{API}/kv", keys.search, Need.READ),
    Entry("GET", f"{_N}/kv", keys.of_namespace, Need.READ),
    Entry("DELETE", f"{_N}/kv", keys.delete_many, Need.ACT),
    Entry("GET", f"{_N}/kv/inheritance", keys.inherited, Need.READ),
    Entry("GET", f"{_N}/kv/{{key}}", keys.read, Need.READ),
    Entry("PUT", f"{_N}/kv/{{key}}", keys.put, Need.ACT),
    Entry("DELETE", f"{_N}/kv/{{key}}", keys.delete, Need.ACT),
    Entry("GET", f"{_N}/files", files.file, Need.READ),
    Entry("GET", f"{_N}/files/directory", files.folder, Need.READ),
    Entry("GET", f"{_N}/files/stats", files.stats, Need.READ),
    Entry("GET", f"{_N}/files/search", files.search, Need.READ),
    Entry("GET", f"{_N}/files/export", files.export, Need.READ),
]

_PLUGINS: Final = [
    Entry("GET", f"{API}/plugins", plugins.search, Need.READ),
    Entry("GET", f"{API}/plugins/inputs", plugins.inputs, Need.READ),
    Entry("GET", f"{API}/plugins/inputs/{{type}}", plugins.input_type, Need.READ),
    Entry("GET", f"{API}/plugins/triggers", plugins.triggers, Need.READ),
    Entry("GET", f"{API}/plugins/schemas/{{type}}", plugins.schema, Need.READ),
    Entry("GET", f"{API}/plugins/{{cls}}", plugins.read, Need.READ),
    Entry("GET", f"{API}/schemas/flow.json", plugins.flow, Need.READ),
    Entry("GET", f"{API}/pebble/functions", flow_texts.functions, Need.READ),
    Entry("GET", f"{API}/pebble/filters", flow_texts.filter_names, Need.READ),
]


def _by_commit_alone() -> Iterator[Entry]:
    """What Kestra's clients can write there and a commit writes here. Nothing of what they send is read."""
    for methods, path in (
        ("POST", _F),
        ("POST", f"{_F}/bulk"),
        ("POST", f"{_F}/{{namespace}}"),
        ("PUT|DELETE", f"{_F}/{_FLOW}"),
        ("DELETE", f"{_F}/{_FLOW}/revisions"),
        ("PATCH", f"{_F}/{_FLOW}/{{task_id}}"),
        ("POST", f"{_F}/source/replace/{{act}}"),
        ("DELETE", f"{_F}/delete/{{which}}"),
        ("POST", f"{_F}/{{act}}/by-ids"),
        ("POST", f"{_F}/{{act}}/by-query"),
        ("PUT", f"{API}/concurrency-limit/{_FLOW}"),
    ):
        yield Entry(methods, path, flows.managed_by_git, Need.ACT)
    yield Entry("POST", f"{_F}/import", flows.managed_by_git, Need.ACT, None)
    yield Entry("POST|PUT|DELETE", f"{_N}/files", files.managed_by_git, Need.ACT, None)
    yield Entry("POST", f"{_N}/files/directory", files.managed_by_git, Need.ACT)
    yield Entry("POST", f"{API}/namespaces", namespaces.managed_by_git, Need.ACT)
    yield Entry("PUT|DELETE", _N, namespaces.managed_by_git, Need.ACT)


def _trigger_acts() -> Iterator[Entry]:
    """Acts on many triggers: `/triggers/unlock/by-triggers`, `DELETE /triggers/delete/by-query` ..."""
    for name, reading in triggers.MANY.items():
        method = "DELETE|POST" if name == "delete" else "POST"
        yield Entry(method, f"{_T}/{name}/by-triggers", triggers.by_triggers(reading), Need.ACT)
        yield Entry(method, f"{_T}/{name}/by-query", triggers.by_query(reading), Need.ACT)


def _acts() -> Iterator[Entry]:
    """Acts on one execution, in both spellings."""
    for base in (f"{_E}/{{id}}/actions", f"{_E}/{{id:execution_id}}"):
        yield Entry("DELETE|POST", f"{base}/kill", acts.KILL, Need.ACT)
        yield Entry("POST", f"{base}/resume", acts.resume, Need.ACT, None)
        yield Entry("POST", f"{base}/resume/validate", acts.validate_resume, Need.ACT, None)
        yield Entry("POST", f"{base}/review", acts.review, Need.ACT, None)
        yield Entry("POST", f"{base}/review/validate", acts.validate_review, Need.ACT, None)
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
