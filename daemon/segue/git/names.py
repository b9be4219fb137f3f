"""What may name a ref, a commit or a source. Allow-lists: what is not known to be good is refused.

Git takes options anywhere on its command line, and `--upload-pack=...` runs a program; so a text from a setting or a
request becomes an argument only after it passed here, and then still stands behind `--`.
"""

import ipaddress
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import Struct, field

from segue.git.credentials import Credentials

COMMIT_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
REF_LENGTH_MAX: Final = 255
URL_LENGTH_MAX: Final = 2048

# After git-check-ref-format(1), with one addition: nothing that a command line could take for an option.
_REF_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_USER_IN_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*://)[^/@\s]*@", re.IGNORECASE)
_SCP_LIKE: Final = re.compile(
    r"(?:(?P<user>[A-Za-z0-9._][A-Za-z0-9._-]*)@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^-:\s][^\s]*)"
)
_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9a-fA-F:.]+")


class BadName(ValueError):
    """A text that may not name a ref, a commit or a source; `str()` says which and why."""

    def __init__(self, what: str, text: str, why: str) -> None:
        super().__init__(f"{what} {redact(text)!r}: {why}")
        self.what = what
        self.why = why


class Source(Struct, frozen=True, kw_only=True):
    """The repository that is followed, and what is followed in it.

    `location` is an absolute path or a URL without user and password. `branch` may also name a tag; None follows the
    repository's HEAD.
    """

    location: str
    branch: str | None = None
    credentials: Credentials = field(default_factory=Credentials)
    allows_http: bool = False

    @property
    def local_path(self) -> Path | None:
        """The folder, when the source is one on this machine."""
        if self.location.startswith("file://"):
            return Path(unquote(urlsplit(self.location).path))
        return Path(self.location) if self.location.startswith("/") else None

    def __str__(self) -> str:
        return f"{self.location} ({self.branch})" if self.branch else self.location


def is_commit_id(text: str) -> bool:
    return COMMIT_ID.fullmatch(text) is not None


def checked_commit_id(text: str) -> str:
    if not is_commit_id(text):
        raise BadName("commit", text[:80], "expected 40 or 64 lower-case hex digits")
    return text


def checked_ref(text: str) -> str:
    """The text, when it may name a branch or a tag: `main`, `release/1.2`, `refs/heads/main`."""
    why = _ref_fault(text)
    if why:
        raise BadName("branch", text[:80], why)
    return text


def parse_source(
    location: str | Path,
    *,
    branch: str | None = None,
    credentials: Credentials | None = None,
    allows_http: bool = False,
) -> Source:
    """The source that a setting names: a folder, or a URL over https, ssh or file (http: loopback, or when allowed).

    A user and password in an https URL become credentials, so that no command line, log or page shows them.
    """
    text = str(location)
    if (
        not text
        or len(text) > URL_LENGTH_MAX
        or any(ord(character) < 32 or ord(character) == 127 for character in text)
    ):
        raise BadName("source", text[:80], "empty, too long, or with control characters")
    if text.startswith("-"):
        raise BadName("source", text, "must not start with a dash; write ./ before a folder of such a name")
    if branch is not None:
        checked_ref(branch)
    given = credentials or Credentials()
    if "://" in text:
        url, found = _checked_url(text, allows_http=allows_http)
        return Source(location=url, branch=branch, credentials=found.or_else(given), allows_http=allows_http)
    # The rule of git itself: a colon before the first slash makes it host:path, unless such a folder is there.
    if ":" in text.partition("/")[0] and not Path(text).exists():
        return Source(location=_checked_scp(text), branch=branch, credentials=given)
    if "::" in text.partition("/")[0]:
        raise BadName("source", text, "remote helpers are not allowed")
    return Source(location=str(Path(text).expanduser().absolute()), branch=branch, credentials=given)


def redact(text: str) -> str:
    """The text with user and password taken out of every URL in it."""
    return _USER_IN_URL.sub(r"\1", text)


def is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ref_fault(text: str) -> str | None:
    if not text or len(text) > REF_LENGTH_MAX:
        return "empty or too long"
    if text.startswith("-"):
        return "must not start with a dash"
    if _REF_FORBIDDEN.search(text) or text == "@" or text.endswith("."):
        return "has a character or sequence that Git forbids in ref names"
    parts = text.split("/")
    if any(not part or part.startswith(".") or part.endswith(".lock") for part in parts):
        return "a part of it is empty, starts with a dot or ends with .lock"
    return None


def _checked_url(text: str, *, allows_http: bool) -> tuple[str, Credentials]:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadName("source", text, str(error)) from error
    scheme = parts.scheme.lower()
    if scheme == "file":
        if host not in (None, "", "localhost") or not parts.path.startswith("/"):
            raise BadName("source", text, "a file URL needs three slashes and an absolute path: file:///srv/flows")
        return f"file://{parts.path}", Credentials()
    if scheme not in ("https", "ssh") and not (scheme == "http" and (allows_http or is_loopback(host))):
        raise BadName("source", text, "only https, ssh and file URLs are allowed")
    if host is None or not _HOST.fullmatch(host) or parts.path in ("", "/"):
        raise BadName("source", text, "expected a host and a path")
    place = f"[{host}]" if ":" in host else host
    place = f"{place}:{port}" if port is not None else place
    if scheme == "ssh":
        return urlunsplit((scheme, _with_ssh_user(text, parts.username, place), parts.path, "", "")), Credentials()
    found = Credentials(username=unquote(parts.username or ""), password=unquote(parts.password or ""))
    return urlunsplit((scheme, place, parts.path, parts.query, "")), found


def _with_ssh_user(text: str, user: str | None, place: str) -> str:
    if user is None:
        return place
    if user.startswith("-") or not re.fullmatch(r"[A-Za-z0-9._-]+", user):
        raise BadName("source", text, "a user name that ssh could take for an option")
    return f"{user}@{place}"


def _checked_scp(text: str) -> str:
    if not _SCP_LIKE.fullmatch(text):
        raise BadName("source", text, "expected a folder, a URL, or user@host:path")
    return text
