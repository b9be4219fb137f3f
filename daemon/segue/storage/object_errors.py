"""What an object store's client says when something is wrong, in a sentence instead of its whole chain of causes.

Apart from `object_client`, so that those who catch these errors need not have the client.
"""

import re
from typing import Final

REASON_LENGTH_MAX: Final = 500

_CODE: Final = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")
_INNERMOST: Final = re.compile(r'(?:message|error): "([^"]+)"')
_METADATA_SERVERS: Final = ("//169.254.169.254/", "//169.254.170.2/", "//metadata.google.internal/", "//metadata/")


class ObjectMissing(Exception):
    """There is no object of that key."""


class ObjectFailure(Exception):
    """The store did not do what was asked, and why; `is_full` if because there is no room."""

    def __init__(self, reason: str, *, is_full: bool = False) -> None:
        self.is_full = is_full
        super().__init__(reason)


class ObjectChanged(ObjectFailure):
    """It is not the object any more that was asked for."""


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


def code_of(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None


def is_full(text: str) -> bool:
    code = code_of(text) or ""
    return "StorageFull" in code or "QuotaExceeded" in code or "507 Insufficient Storage" in text
