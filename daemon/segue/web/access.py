"""Who may come in: the Host and Origin of a request, and its credentials. What a route needs is in the route table."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from segue.web.settings import Credentials, WebSettings

SESSION_COOKIE: Final = "segue_session"
SESSION_LASTS: Final = timedelta(days=7)
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Need(StrEnum):
    """What a caller must be allowed to."""

    PUBLIC = "public"  # no credentials: the route checks a key or a signature itself, or tells nothing
    READ = "read"
    ACT = "act"


class Access:
    """The rules of one daemon. Sessions are signed with a key that lives as long as the process."""

    def __init__(self, settings: WebSettings, now: Callable[[], datetime]) -> None:
        self._now = now
        self.credentials = settings.credentials
        self._hosts = frozenset(host.lower() for host in settings.hosts)
        self._key = secrets.token_bytes(32)

    def knows_host(self, host: str) -> bool:
        """Whether this is one of our names. A stranger's name that resolves to us is DNS rebinding; an address
        cannot be rebound."""
        name = _name_of(host)
        return name in self._hosts or name == "localhost" or name.endswith(".localhost") or _is_address(name)

    def admits(self, request: Request) -> bool:
        """Whether the request's credentials are good: Basic, Bearer or the cookie of a session."""
        return (
            not self.credentials.are_set
            or _admits_header(self.credentials, request.headers.get("authorization", ""))
            or self._is_session(request.cookies.get(SESSION_COOKIE, ""))
        )

    def user_of(self, request: Request) -> str:
        """The name of who asks, as far as the request, which was admitted, tells one."""
        if not self.credentials.are_set:
            return ""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return self.credentials.username or ""
        name, _ = (_name_and_password(value) if scheme.lower() == "basic" else None) or ("", "")
        return name

    def new_session(self) -> str:
        ends = str(int((self._now() + SESSION_LASTS).timestamp()))
        return f"{ends}.{self._sign(ends)}"

    def _is_session(self, cookie: str) -> bool:
        ends, _, signature = cookie.partition(".")
        if not same(signature, self._sign(ends)):
            return False
        return int(ends) > self._now().timestamp()

    def _sign(self, ends: str) -> str:
        return hmac.new(self._key, ends.encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare secrets in a time that does not tell where they differ (on bytes: texts must be ASCII there)."""
    return hmac.compare_digest(one.encode(), other.encode())


def accepts(credentials: Credentials, username: str, password: str) -> bool:
    """A user name with its password; or the token as password of any user, for clients that only know Basic."""
    if credentials.token is not None and same(password, credentials.token):
        return True
    if credentials.username is None or credentials.password is None:
        return False
    # Both are compared whatever the first says.
    return same(username, credentials.username) & same(password, credentials.password)


def is_same_origin(request: Request) -> bool:
    """Whether a page of ours sent it, or no browser did."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
    return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


def _admits_header(credentials: Credentials, header: str) -> bool:
    scheme, _, value = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.token is not None and same(value.strip(), credentials.token)
        case "basic":
            given = _name_and_password(value)
            return given is not None and accepts(credentials, *given)
    return False


def _name_and_password(value: str) -> tuple[str, str] | None:
    """Of a header for Basic."""
    try:
        username, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return username, password


def _name_of(host: str) -> str:
    """Without the port; `[::1]:80` is `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
