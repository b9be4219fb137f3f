"""Errors of the store: each says what was found, where, and what to do."""

from pathlib import Path


class StoreError(Exception):
    """The daemon's database cannot do what was asked."""


class DatabaseUnusable(StoreError):
    """The file or its folder cannot be used: no space, no permission, not a database, damaged."""

    def __init__(self, path: Path, reason: str, what_to_do: str) -> None:
        super().__init__(f"cannot use the database {path}: {reason}; {what_to_do}")
        self.path = path
        self.reason = reason
        self.what_to_do = what_to_do


class NewerDatabase(StoreError):
    """A newer program made the database; reading it with this one could lose what it does not know of."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"the database {path} has schema version {found}, and this program knows up to {known}: "
            "start the newer segue again, or give another data folder with --data"
        )
        self.path = path
        self.found = found
        self.known = known


class DatabaseInUse(StoreError):
    """Another daemon holds the data folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"the data folder {folder} is in use by {who}: stop it, or give another folder with --data")
        self.folder = folder
        self.pid = pid


class BatchRefused(StoreError):
    """A batch cannot be written, now or later: nothing of it was. Others are not touched by it."""


class AlreadyFired(BatchRefused):
    """A fire time, or the end of an execution, that the trigger fired for before."""


class StoreFull(BatchRefused):
    """Nothing can be written at the moment (`reason`), and nobody was promised this batch."""


class WriterClosed(StoreError):
    """The writer was closed, or ended by a bug (the cause)."""


class ReadTooLong(StoreError):
    """A query took longer than a page may; the filter has to be narrower."""
