"""Git: pull now, what is live, and the doorbell that a Git host rings after a push."""

import logging
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.git.webhook import Accepted, verify
from segue.web.answers import Refused, as_json, granted, problem_json
from segue.web.context import Web
from segue.web.ports.git import GitStatus, Sync, SyncDone

log: Final = logging.getLogger("segue.web")


async def sync(web: Web, _: Request) -> Response:
    """Answers once the source's head is live."""
    return as_json(_done_json(granted(await web.daemon.sync())))


async def confirm(web: Web, request: Request) -> Response:
    """Let a commit go live that is held: it would retire too many flows, or its flow tests fail."""
    return as_json(_done_json(granted(await web.daemon.confirm_held(request.path_params["commit"]))))


def _done_json(done: SyncDone) -> dict[str, Any]:
    return {
        "commit": done.commit,
        "changed": [{"namespace": key.namespace, "flowId": key.flow_id} for key in done.changed],
        "problems": [problem_json(problem) for problem in done.problems],
    }


async def status(web: Web, _: Request) -> Response:
    return as_json(status_json(web.daemon.git_status()))


def status_json(git: GitStatus) -> dict[str, Any]:
    return {
        "source": git.source,
        "branch": git.branch,
        "commit": git.commit,
        "syncing": git.is_syncing,
        "testing": git.testing,
        "lastSync": None if git.last_sync is None else sync_json(git.last_sync),
        "problems": [problem_json(problem) for problem in git.problems],
    }


def sync_json(each: Sync) -> dict[str, Any]:
    """The commit a sync saw is under `to`: what is live is under `commit` of the status alone."""
    return {
        "startDate": each.started_at,
        "endDate": each.ended_at,
        "cause": each.cause,
        "from": each.previous_commit,
        "to": each.commit,
        "changed": [{"namespace": key.namespace, "flowId": key.flow_id} for key in each.changed],
        "problems": each.problems,
        "error": each.error,
        "held": each.held,
    }


async def webhook(web: Web, request: Request) -> Response:
    """A push happened, says a Git host. What it says is not read: only that it knows the secret."""
    body = await request.body()
    if web.settings.webhook_secret is not None:
        verdict = verify(request.headers, body, web.settings.webhook_secret)
        if not isinstance(verdict, Accepted):
            log.warning("git.webhook-refused reason=%s", verdict.reason)
            raise Refused(401, "Unauthorized: the signature is missing or wrong")
        if web.deliveries.is_replay(verdict):
            raise Refused(409, "Conflict: this delivery was here before")
    elif not web.access.admits(request):
        raise Refused(401, "Unauthorized: set `webhook_secret` and sign with it, or send credentials")
    web.daemon.request_sync("webhook")
    return as_json({"message": "The source is looked at now"}, 202)
