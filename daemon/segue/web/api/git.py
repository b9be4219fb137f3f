"""Git: pull now, what is live, and the doorbell that a Git host rings after a push."""

import hashlib
import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segue.web.answers import Refused, as_json, granted, problem_json
from segue.web.context import Web
from segue.web.ports import GitStatus, Sync, SyncDone


async def sync(web: Web, _: Request) -> Response:
    """Answers once the source's head is live."""
    return as_json(_done_json(granted(await web.daemon.sync())))


async def confirm(web: Web, request: Request) -> Response:
    """Let a commit go live that is held because it would retire too many flows."""
    return as_json(_done_json(granted(await web.daemon.confirm_prune(request.path_params["commit"]))))


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
    secret = web.settings.webhook_secret
    if secret is not None:
        if not is_signed(request, body, secret.encode()):
            raise Refused(401, "Unauthorized: the signature is missing or wrong")
    elif web.access.credentials.are_set and not web.access.admits(request):
        raise Refused(401, "Unauthorized: set `webhook_secret` and sign with it, or send credentials")
    web.daemon.request_sync("webhook")
    return as_json({"message": "The source is looked at now"}, 202)


def is_signed(request: Request, body: bytes, secret: bytes) -> bool:
    """GitHub, Gitea, Forgejo and Bitbucket sign the body; GitLab sends the secret itself."""
    token = request.headers.get("x-gitlab-token")
    if token is not None:
        return hmac.compare_digest(token.encode(), secret)
    given = next(
        (
            request.headers[name]
            for name in ("x-hub-signature-256", "x-forgejo-signature", "x-gitea-signature", "x-hub-signature")
            if name in request.headers
        ),
        "",
    )
    wanted = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.removeprefix("sha256=").encode(), wanted.encode())
