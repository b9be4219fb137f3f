"""The pages' route table."""

from segue.web import exports
from segue.web.access import Need
from segue.web.context import Endpoint
from segue.web.pages import (
    changes,
    execution,
    execution_forms,
    executions,
    flow,
    flows,
    git,
    home,
    keys,
    login,
    logs,
    render,
    start,
    triggers,
)
from segue.web.routing import Entry
from segue.web.settings import TEXT_BODY_MAX

_FLOW = "/flows/{namespace}/{flow_id}"
_TRIGGER = "/triggers/{namespace}/{flow_id}/{trigger_id}"


def _shown(path: str, endpoint: Endpoint, need: Need = Need.READ) -> Entry:
    return Entry("GET", path, endpoint, need, is_page=True)


def _done(path: str, endpoint: Endpoint, body_max: int | None = TEXT_BODY_MAX, need: Need = Need.ACT) -> Entry:
    return Entry("POST", path, endpoint, need, body_max, is_page=True)


def entries() -> list[Entry]:
    return [
        _shown("/static/{name}", render.static, Need.PUBLIC),
        _shown("/login", login.form, Need.PUBLIC),
        _done("/login", login.submit, need=Need.PUBLIC),
        _done("/logout", login.logout),
        _shown("/", home.page),
        _shown("/flows", flows.page),
        _shown(_FLOW, flow.overview),
        _shown(f"{_FLOW}/topology", flow.topology),
        _shown(f"{_FLOW}/source", flow.source),
        _shown(f"{_FLOW}/revisions", flow.revisions),
        _shown(f"{_FLOW}/triggers", flow.triggers),
        _shown(f"{_FLOW}/start", start.form),
        _done(f"{_FLOW}/start", start.submit, None),
        _shown("/executions", executions.page),
        _done("/executions/acts", executions.act_on_many),
        _shown("/executions/acts", executions.back),
        _shown("/executions/export.csv", exports.executions),
        _shown("/executions/{id}", execution.page),
        _shown("/executions/{id}/lines", execution.lines),
        _done("/executions/{id}/acts/{act}", execution_forms.act),
        _done("/executions/{id}/debug", execution_forms.evaluate),
        _shown("/executions/{id}/debug", execution_forms.back),
        _done("/executions/{id}/resume", execution_forms.resume, None),
        _shown("/executions/{id}/resume", execution_forms.back),
        _done("/executions/{id}/review/{task_run_id}", execution_forms.review, None),
        _shown("/executions/{id}/review/{task_run_id}", execution_forms.back),
        _shown("/logs", logs.page),
        _shown("/triggers", triggers.page),
        _done(f"{_TRIGGER}/{{act}}", triggers.act),
        _shown("/namespaces/{namespace}/keys", keys.page),
        _done("/namespaces/{namespace}/keys", keys.put),
        _done("/namespaces/{namespace}/keys/delete", keys.delete),
        _shown("/git", git.page),
        _shown("/git/changes", changes.page),
        _done("/git/sync", git.sync),
        _done("/git/confirm/{commit}", git.confirm),
    ]
