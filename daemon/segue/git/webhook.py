"""Is this request a push that the Git host of our choice made? Pure: headers, bytes and secret in, a verdict out.

A verdict that accepts means "look at the source now" and nothing else. What the body says is never read, so it can
be neither malformed nor wrong about a repository that was renamed.
"""

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

BODY_SIZE_MAX: Final = 3 << 20
DELIVERIES_REMEMBERED_MAX: Final = 10_000
_DELIVERY_LENGTH_MAX: Final = 200


class Accepted(Struct, frozen=True):
    """A genuine delivery. `delivery` names it for the replay check; "" from a host that gives no name."""

    host: str
    delivery: str


class Refused(Struct, frozen=True):
    """`reason` is for our log. Whoever sent the request learns no more than that it was refused."""

    reason: str


Verdict = Accepted | Refused


class _Host(Struct, frozen=True):
    """How a host signs: header with the hex HMAC-SHA256 of the body, what stands before the hex, and where it names
    the delivery."""

    name: str
    signature: str
    prefix: str
    delivery: str


# Gitea and Forgejo also send GitHub's header; each host's own comes first, so that the verdict names the right one.
_SIGNING: Final = (
    _Host("forgejo", "x-forgejo-signature", "", "x-forgejo-delivery"),
    _Host("gitea", "x-gitea-signature", "", "x-gitea-delivery"),
    _Host("gogs", "x-gogs-signature", "", "x-gogs-delivery"),
    _Host("github", "x-hub-signature-256", "sha256=", "x-github-delivery"),
    _Host("bitbucket", "x-hub-signature", "sha256=", "x-request-uuid"),
    _Host("generic", "x-segue-signature", "sha256=", "x-segue-delivery"),
    _Host("generic", "x-signature", "sha256=", "x-delivery"),
)
_GITLAB_PROOF: Final = "x-gitlab-token"
_GITLAB_DELIVERY: Final = ("x-gitlab-event-uuid", "idempotency-key")


def verify(headers: Mapping[str, str], body: bytes, secret: str | bytes) -> Verdict:
    """Whether the request carries proof of the secret. Header names in lower case."""
    key = secret.encode() if isinstance(secret, str) else secret
    if not key:
        return Refused("no webhook secret is set")
    if len(body) > BODY_SIZE_MAX:
        return Refused("the body is too large")
    token = headers.get(_GITLAB_PROOF)
    if token is not None:
        return _verify_token(headers, token, key)
    for host in _SIGNING:
        signature = headers.get(host.signature)
        if signature is not None:
            return _verify_signature(host, headers, signature, body, key)
    return Refused("no signature")


def sign(body: bytes, secret: str | bytes) -> str:
    """What `x-segue-signature` has to be, for a caller of ours."""
    return "sha256=" + _hmac(body, secret.encode() if isinstance(secret, str) else secret).decode()


class ReplayGuard:
    """Remembers the latest deliveries, so that one that was overheard is not taken twice. Bounded; for any thread."""

    def __init__(self, size_max: int = DELIVERIES_REMEMBERED_MAX) -> None:
        self._size_max = size_max
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def is_replay(self, accepted: Accepted) -> bool:
        """Was this delivery here before? It counts as seen from now on. One without a name never was."""
        if not accepted.delivery:
            return False
        key = (accepted.host, accepted.delivery)
        with self._lock:
            if key in self._seen:
                return True
            self._seen[key] = None
            if len(self._seen) > self._size_max:
                self._seen.popitem(last=False)
            return False


def _verify_token(headers: Mapping[str, str], token: str, key: bytes) -> Verdict:
    if not _is_equal(token, key):
        return Refused("wrong token")
    named = (headers[name] for name in _GITLAB_DELIVERY if name in headers)
    return Accepted("gitlab", next(named, "")[:_DELIVERY_LENGTH_MAX])


def _verify_signature(host: _Host, headers: Mapping[str, str], signature: str, body: bytes, key: bytes) -> Verdict:
    given = signature.strip()
    if not given.startswith(host.prefix):
        return Refused(f"the signature does not start with {host.prefix}")
    if not _is_equal(given.removeprefix(host.prefix).lower(), _hmac(body, key)):
        return Refused("wrong signature")
    return Accepted(host.name, headers.get(host.delivery, "")[:_DELIVERY_LENGTH_MAX])


def _hmac(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()


def _is_equal(given: str, expected: bytes) -> bool:
    # On bytes: compare_digest raises for text that is not ASCII, and a header may be anything.
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected)
