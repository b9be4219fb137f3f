"""What lies under the daemon - data folder, database, mirror of the source, internal storage - and how it is taken."""

import logging
from dataclasses import dataclass, field
from typing import Final

from segue.git.blobs import BlobReader
from segue.git.credentials import Credentials
from segue.git.mirror import Mirror, NotARepository, open_mirror, repository_around
from segue.git.names import Source, parse_source
from segue.runtime.clock import new_token
from segue.runtime.encryption_key import encryption_key
from segue.runtime.settings import Settings
from segue.storage.place import open_storage
from segue.storage.storage import Storage
from segue.store.database import OpenDatabase, open_database
from segue.store.reads import daemon as stored_daemon
from segue.store.reads.readers import Readers
from segue.store.records import Process
from segue.store.writer import Writer

DATABASE: Final = "segue.db"

_log = logging.getLogger("segue")


def source_of(settings: Settings) -> Source:
    """The source that the settings name: a URL, or the repository around a folder. Raises BadName, NotARepository."""
    credentials = Credentials(username=settings.git_username or "", password=settings.git_token or "")
    source = parse_source(settings.source, branch=settings.branch, credentials=credentials)
    if source.local_path is not None and "://" not in settings.source:
        if not source.local_path.is_dir():
            raise NotARepository(source.local_path, "there is no such folder")
        return parse_source(str(repository_around(source.local_path)), branch=settings.branch, credentials=credentials)
    return source


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What lies under the daemon: folder, database, mirror, storage."""

    database: OpenDatabase
    readers: Readers
    writer: Writer
    mirror: Mirror
    blobs: BlobReader
    storage: Storage
    instance: str
    encryption_key: str | None = field(repr=False)
    left_processes: tuple[Process, ...]

    def close(self) -> None:
        self.writer.close(timeout=5)
        self.readers.close()
        self.blobs.close()
        self.database.close()


def lay_foundation(settings: Settings, source: Source) -> Foundation:
    """Take the data folder. Raises StoreError, StorageFailure, OSError, BadSetting."""
    data = settings.data.absolute()
    data.mkdir(parents=True, exist_ok=True)  # first: what cannot be made is no fault of what lies in it
    storage = open_storage(settings.storage_place)
    storage.check()
    database = open_database(data / DATABASE, settings.durability.value)
    for warning in database.warnings:
        _log.warning("store.warning %s", warning)
    readers = Readers(database.path)
    with readers.snapshot() as connection:
        instance = stored_daemon.setting(connection, "instance") or new_token()
        left = stored_daemon.processes(connection)
    mirror = open_mirror(data / "mirror", source)
    return Foundation(
        database=database,
        readers=readers,
        writer=Writer(database.path, durability=settings.durability.value),
        mirror=mirror,
        blobs=BlobReader(mirror.git_dir),
        storage=storage,
        instance=instance,
        encryption_key=encryption_key(settings.encryption_secret_key, data),
        left_processes=left,
    )
