"""The client of object stores, obstore: how it is told where to go, and what it says when something is wrong, in a
sentence instead of its whole chain of causes.

obstore is an extra, so nothing imports this module before it is needed (`place.open_storage`, `tasks.plugins.s3`).
It works in threads of its own, which a fork does not have: what used it must not fork to use it again.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from obstore import exceptions
from obstore import store as stores

CONNECT_SECONDS: Final = 5
REQUEST_SECONDS: Final = 60  # of one piece of a file
RETRIES_MAX: Final = 5
RETRY_SECONDS_MAX: Final = 60
REASON_LENGTH_MAX: Final = 500

# Those that are for all stores; others are the store's own. obstore takes them apart, and gives up on a mixture.
_FOR_ALL: Final = frozenset(
    {
        "allow_http",
        "allow_invalid_certificates",
        "connect_timeout",
        "proxy_ca_certificate",
        "proxy_excludes",
        "proxy_url",
        "root_certificate",
        "timeout",
        "user_agent",
    }
)
_CLIENT: Final = {
    "allow_http": "true",  # the endpoint says whether it is; without one all stores are reached by https
    "connect_timeout": f"{CONNECT_SECONDS} seconds",
    "timeout": f"{REQUEST_SECONDS} seconds",
}
_CODE: Final = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")
_INNERMOST: Final = re.compile(r'(?:message|error): "([^"]+)"')
_METADATA_SERVERS: Final = ("//169.254.169.254/", "//169.254.170.2/", "//metadata.google.internal/", "//metadata/")
_PANIC: Final = "PanicException"  # of pyo3; it is no Exception and cannot be imported


class ObjectMissing(Exception):
    """There is no object of that key."""


class ObjectFailure(Exception):
    """The store did not do what was asked, and why; `is_full` if because there is no room."""

    def __init__(self, reason: str, *, is_full: bool = False) -> None:
        self.is_full = is_full
        super().__init__(reason)


class ObjectChanged(ObjectFailure):
    """It is not the object any more that was asked for."""


def connected(url: str, options: Mapping[str, str]) -> Any:
    """A store, which nothing is asked of yet. What `options` do not say it reads in the environment. Raises
    `ObjectFailure`."""
    endpoint = next((value for name, value in options.items() if name.lower().endswith("endpoint")), None)
    if endpoint is not None and not (urlsplit(endpoint).scheme in {"http", "https"} and urlsplit(endpoint).hostname):
        raise ObjectFailure(f"the endpoint is {endpoint!r}, expected a URL as https://minio.example.com:9000")
    told: dict[str, Any] = {
        "config": {name: value for name, value in options.items() if name not in _FOR_ALL},
        "client_options": _CLIENT | {name: value for name, value in options.items() if name in _FOR_ALL},
        "retry_config": {"max_retries": RETRIES_MAX, "retry_timeout": timedelta(seconds=RETRY_SECONDS_MAX)},
    }
    try:
        with errors_told():
            return stores.from_url(url, **told)
    except (ValueError, TypeError) as error:
        raise ObjectFailure(str(error)[:REASON_LENGTH_MAX]) from error


@contextlib.contextmanager
def errors_told() -> Iterator[None]:
    """Around calls of obstore. Raises `ObjectMissing` and `ObjectFailure`; an error of the caller's own, which passes
    through obstore where it reads from an iterator, stays what it is."""
    try:
        yield
    except FileNotFoundError as error:
        if error.errno is not None:
            raise  # the system's
        if _code_of(str(error)) in {None, "NoSuchKey", "BlobNotFound"}:
            raise ObjectMissing from error
        raise ObjectFailure(reason_of(str(error))) from error
    except exceptions.PreconditionError as error:
        raise ObjectChanged("it was replaced meanwhile") from error
    except exceptions.BaseError as error:
        raise ObjectFailure(reason_of(str(error)), is_full=_is_full(str(error))) from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise ObjectFailure(f"its client gave up: {error}"[:REASON_LENGTH_MAX]) from error


def reason_of(text: str) -> str:
    """The sentence in obstore's account of an error."""
    told, _, causes = text.partition("\n\nDebug source:")
    if found := _CODE.search(told):
        return f"{found[1]}: {found[2]}" if found[2] else found[1]
    if any(server in told for server in _METADATA_SERVERS):
        return "there are no credentials: none are set, and this machine has none of its own"
    if "error sending request" in told:
        innermost = _INNERMOST.findall(causes)
        why = innermost[-1] if innermost else "no answer in time" if "TimedOut" in causes else "no connection"
        return f"it cannot be reached: {why}"
    _, _, what = told.partition(" error: ")
    return (what or told).strip()[:REASON_LENGTH_MAX]


def _code_of(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None


def _is_full(text: str) -> bool:
    code = _code_of(text) or ""
    return "StorageFull" in code or "QuotaExceeded" in code or "507 Insufficient Storage" in text
