"""Settings of the daemon: flags over `SEGUE_*` environment over `segue.toml` in the data folder over defaults.

Every setting is a field of `Settings`; its name in capitals after `SEGUE_` is the environment variable, its name
with dashes the flag (where there is one), its name as it stands the key in `segue.toml`.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

from segue.model.event import WhenLost
from segue.model.trigger import RecoverMissed
from segue.storage.place import SCHEMES, ObjectPlace, Place, is_object_url

SETTINGS_FILE = "segue.toml"
_PREFIX = "SEGUE_"
# Where clouds tell a machine its credentials; nothing else that a flow would ask lies there.
LINK_LOCAL = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")
_W = TypeVar("_W", bound=StrEnum)


class BadSetting(Exception):
    """A setting that cannot be used: which one, where it came from, what was found and what was expected."""

    def __init__(self, name: str, origin: str, found: object, expected: str) -> None:
        super().__init__(name, origin, found, expected)
        self.name, self.origin, self.found, self.expected = name, origin, found, expected

    def __str__(self) -> str:
        return f"{self.origin}: {self.name} is {self.found!r}, expected {self.expected}"


class Durability(StrEnum):
    """`full` survives power loss, `normal` a crash of the process or of the daemon."""

    FULL = "full"
    NORMAL = "normal"


class TestsAtSync(StrEnum):
    """What becomes of the flow tests that a commit concerns: `veto` keeps it from going live while one fails."""

    OFF = "off"
    REPORT = "report"
    VETO = "veto"

    __test__ = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that can be set. Durations are given as seconds or as ISO 8601 (`PT30S`)."""

    source: str = "."
    branch: str | None = None
    env: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    data: Path = Path("data")
    storage: str | None = None
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    workers_min: int = 2
    workers_max: int = 32
    worker_lost: WhenLost = WhenLost.RESUBMIT
    durability: Durability = Durability.FULL
    poll_interval: timedelta = timedelta(seconds=30)
    kill_grace: timedelta = timedelta(seconds=10)
    recover_missed_schedules: RecoverMissed = RecoverMissed.ALL
    allow_prune: bool = False
    require_fast_forward: bool = False
    tests: TestsAtSync = TestsAtSync.OFF
    tests_timeout: timedelta = timedelta(minutes=5)
    warm_python: bool = True
    upload_max: int = 1 << 30
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    git_username: str | None = None
    git_token: str | None = field(default=None, repr=False)
    webhook_rate: int | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    encryption_secret_key: str | None = field(default=None, repr=False)
    variables_globals: Mapping[str, Any] = field(default_factory=dict)
    allowed_hosts: tuple[str, ...] = ()
    watch_paths: tuple[str, ...] = ()
    allowed_paths: tuple[str, ...] = ()
    blocked_networks: tuple[str, ...] = LINK_LOCAL
    secrets_folder: Path | None = None
    url: str | None = None

    @property
    def has_credentials(self) -> bool:
        return self.token is not None or (self.username is not None and self.password is not None)

    @property
    def storage_place(self) -> Place:
        if self.storage is None:
            return self.data.absolute() / "storage"
        if is_object_url(self.storage):
            return ObjectPlace(url=self.storage, options=self.storage_options)
        return Path(self.storage).absolute()

    @property
    def is_loopback(self) -> bool:
        return self.host in {"127.0.0.1", "::1", "localhost"} or self.host.startswith("127.")


def load_settings(flags: Mapping[str, Any], environment: Mapping[str, str], data: Path) -> Settings:
    """Settings from all three places. `flags` holds only what was given. Raises `BadSetting`."""
    values: dict[str, Any] = {}
    file = data / SETTINGS_FILE
    if file.is_file():
        values |= _from_file(file)
    values |= _from_environment(environment)
    values |= {name: _read(name, value, "command line") for name, value in flags.items() if value is not None}
    return Settings(**(values | {"data": data}))


def _from_file(file: Path) -> dict[str, Any]:
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting("the file", str(file), str(error), "TOML") from error
    known = {each.name for each in fields(Settings)}
    for name in entries:
        if name not in known:
            raise BadSetting(name, str(file), "an unknown setting", f"one of {', '.join(sorted(known))}")
    return {name: _read(name, value, str(file)) for name, value in entries.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for each in fields(Settings):
        variable = _PREFIX + each.name.upper()
        if variable in environment:
            found[each.name] = _read(each.name, environment[variable], f"environment variable {variable}")
    return found


def _read(name: str, value: Any, origin: str) -> Any:
    """The value in the type of its field."""
    match name:
        case "port":
            return _number(name, value, origin, least=0, most=65535)
        case "workers_min" | "workers_max" | "upload_max":
            return _number(name, value, origin, least=1, most=1 << 50)
        case "webhook_rate":
            return _number(name, value, origin, least=1, most=1_000_000)
        case "poll_interval" | "kill_grace" | "tests_timeout":
            return _span(name, value, origin)
        case "worker_lost":
            return _word(WhenLost, name, value, origin)
        case "tests":
            return _word(TestsAtSync, name, value, origin)
        case "durability":
            return _word(Durability, name, value, origin)
        case "recover_missed_schedules":
            return _word(RecoverMissed, name, value, origin)
        case "allow_prune" | "require_fast_forward" | "warm_python":
            return _flag(name, value, origin)
        case "variables_globals":
            return _mapping(name, value, origin)
        case "storage":
            return _place(name, str(value), origin)
        case "storage_options":
            return _options(name, value, origin)
        case "allowed_hosts" | "watch_paths" | "allowed_paths":
            return _list(value)
        case "blocked_networks":
            return _networks(name, value, origin)
        case "data" | "secrets_folder":
            return Path(value)
        case _:
            return str(value)


def _list(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(str(part).strip() for part in parts)


def _networks(name: str, value: Any, origin: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(part, strict=False)) for part in _list(value) if part)
    except ValueError as error:
        raise BadSetting(name, origin, value, "networks as 169.254.0.0/16, with commas between them") from error


def _number(name: str, value: Any, origin: str, *, least: int, most: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if not least <= number <= most:
        raise BadSetting(name, origin, value, f"a whole number from {least} to {most}")
    return number


def _span(name: str, value: Any, origin: str) -> timedelta:
    seconds = _seconds(str(value))
    if seconds is None or seconds < 0:
        raise BadSetting(name, origin, value, "a duration: seconds, or ISO 8601 as PT30S")
    return timedelta(seconds=seconds)


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    units = {"H": 3600, "M": 60, "S": 1}
    if not text.startswith("PT"):
        return None
    total, digits = 0.0, ""
    for character in text[2:]:
        if character in units and digits:
            total += float(digits) * units[character]
            digits = ""
        elif character.isdigit() or character == ".":
            digits += character
        else:
            return None
    return None if digits else total


def _word(kind: type[_W], name: str, value: Any, origin: str) -> _W:
    for word in kind:
        if str(value).lower() == word.value.lower():
            return word
    raise BadSetting(name, origin, value, "one of " + ", ".join(kind))


def _flag(name: str, value: Any, origin: str) -> bool:
    text = str(value).lower()
    if text not in {"true", "false", "1", "0", "yes", "no"}:
        raise BadSetting(name, origin, value, "true or false")
    return text in {"true", "1", "yes"}


def _place(name: str, value: str, origin: str) -> str:
    if not value or ("://" in value and not is_object_url(value)):
        urls = ", ".join(f"{scheme}://bucket/prefix" for scheme in SCHEMES)
        raise BadSetting(name, origin, value, f"a folder, or the URL of an object store: {urls}")
    return value


def _options(name: str, value: Any, origin: str) -> Mapping[str, str]:
    try:
        return {key: _text(each) for key, each in _mapping(name, value, origin).items()}
    except BadSetting as error:  # what was found may hold keys
        raise BadSetting(name, origin, "something else", error.expected) from None


def _text(value: Any) -> str:
    """As a client's option is written: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(name: str, value: Any, origin: str) -> Mapping[str, Any]:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise BadSetting(name, origin, value, "a JSON object") from error
    if not isinstance(found, Mapping):
        raise BadSetting(name, origin, value, "a JSON object")
    return found
