"""Revision: a flow as of a commit that changed it, and the Git words around it. Where they come from is `git/`."""

from datetime import datetime

from msgspec import Struct


class FlowKey(Struct, frozen=True, order=True):
    """What a flow is known by, wherever its file lies."""

    namespace: str
    flow_id: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.flow_id}"


class Author(Struct, frozen=True):
    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class Commit(Struct, frozen=True, kw_only=True):
    """`commit_id` has 40 or 64 hex digits. Times carry the zone that the author and the committer were in."""

    commit_id: str
    parents: tuple[str, ...]
    author: Author
    authored_at: datetime
    committed_at: datetime
    message: str

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]

    @property
    def trailers(self) -> tuple[tuple[str, str], ...]:
        """`Key: value` lines of the message's last paragraph, when that paragraph is not the subject."""
        paragraphs = self.message.rstrip().split("\n\n")
        if len(paragraphs) < 2:
            return ()
        pairs = (line.partition(":") for line in paragraphs[-1].splitlines())
        return tuple((key.strip(), value.strip()) for key, colon, value in pairs if colon and " " not in key.strip())

    def has_trailer(self, key: str, value: str) -> bool:
        return (key.lower(), value.lower()) in ((found.lower(), given.lower()) for found, given in self.trailers)


class Revision(Struct, frozen=True, kw_only=True):
    """A flow's content as of a commit. `number` is for people; commit and blob are for certainty.

    `document` counts the YAML documents of the file from 0. `content` says what the text is: the blob id, or for a
    file with several documents a digest of this one, so that a change next door makes no revision here. When
    `is_deleted`, commit and author are those of the deletion; blob, path and content are the last there were.
    """

    key: FlowKey
    number: int
    commit_id: str
    author: Author
    committed_at: datetime
    path: str
    blob: str
    document: int
    content: str
    is_deleted: bool = False
