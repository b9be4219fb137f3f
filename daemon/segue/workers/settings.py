"""What the pool and its workers are told once, at the start."""

import base64
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from segue.storage.place import ObjectPlace, Place

# Marks every process that belongs to one data folder, so that survivors of a crash can be found.
INSTANCE_VARIABLE: Final = "SEGUE_INSTANCE"

SECRET_PREFIX: Final = "SECRET_"  # noqa: S105 - the name of a variable, not a secret

PACKET_BYTES_MAX: Final = 4_096
"""Of what the daemon and the forkserver say to each other."""

ORDERS_PER_WORKER_MAX: Final = 20_000
MEMORY_BYTES_MAX: Final = 512 << 20
EVALUATION_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What each worker knows. `environment` is given on to scripts, `secrets` never is.

    `mirror` is the bare repository that namespace files are read from. `allowed_paths` are the folders that tasks on
    files of the machine may reach; none means all. HTTP tasks do not connect to `blocked_networks`.
    """

    instance: str
    storage: Place
    work: Path
    mirror: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    encryption_key: str | None = field(default=None, repr=False)
    python: str = sys.executable
    warm_python: bool = True
    kill_grace: timedelta = timedelta(seconds=10)
    allowed_paths: tuple[str, ...] = ()
    blocked_networks: tuple[str, ...] = ()
    orders_max: int = ORDERS_PER_WORKER_MAX
    memory_bytes_max: int = MEMORY_BYTES_MAX

    def to_json(self) -> bytes:
        plain = asdict(self) | {
            "storage": os.fspath(self.storage) if isinstance(self.storage, Path) else asdict(self.storage),
            "work": os.fspath(self.work),
            "mirror": None if self.mirror is None else os.fspath(self.mirror),
            "kill_grace": self.kill_grace.total_seconds(),
        }
        return json.dumps(plain).encode()

    @classmethod
    def of_json(cls, text: bytes) -> "WorkerSettings":
        plain: dict[str, Any] = json.loads(text)
        return cls(
            **plain
            | {
                "storage": _place_of(plain["storage"]),
                "work": Path(plain["work"]),
                "mirror": None if plain["mirror"] is None else Path(plain["mirror"]),
                "kill_grace": timedelta(seconds=plain["kill_grace"]),
                "allowed_paths": tuple(plain["allowed_paths"]),
                "blocked_networks": tuple(plain["blocked_networks"]),
            }
        )


class PoolSettings(Struct, frozen=True, kw_only=True):
    """How many workers, for how long, and what they are told."""

    worker: WorkerSettings
    workers_min: int = 2
    workers_max: int = 32
    idle_timeout: timedelta = timedelta(seconds=10)
    evaluation_timeout: timedelta = timedelta(seconds=EVALUATION_SECONDS_MAX)


def _place_of(plain: Any) -> Place:
    return Path(plain) if isinstance(plain, str) else ObjectPlace(**plain)


def inherited_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What scripts may see of the daemon's environment: neither its settings nor secrets."""
    return {name: value for name, value in environment.items() if not name.startswith(("SEGUE_", SECRET_PREFIX))}


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The values of the variables `SECRET_<KEY>` by key. They are Base64, as Kestra has them; what is not Base64 of
    a text is taken as it is."""
    return {
        name.removeprefix(SECRET_PREFIX).upper(): _decoded(value)
        for name, value in environment.items()
        if name.startswith(SECRET_PREFIX)
    }


def no_key(namespace: str, key: str) -> str:
    """The message for a key of the key-value store that is not there."""
    return f"The key '{key}' does not exist in the namespace '{namespace}'."


def no_secret(key: str) -> str:
    """The message for a secret that nobody gave: where it was looked for."""
    name = key.upper()
    return (
        f"Cannot find secret for key '{key}'. Looked for the environment variables SEGUE_SECRET_{name} (as it is) and "
        f"SECRET_{name} (Base64), and for a file {name} in the folder that the setting `secrets_folder` names"
    )


def _decoded(value: str) -> str:
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode()
    except ValueError:
        return value
