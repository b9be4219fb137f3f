"""Addresses of internal storage: `kestra:///<namespace, / for .>/<flow>/executions/<id>/tasks/<task>/<task run>/<file>`.

Pure. An address is read into its parts once, and refused here if any part could lead outside the root. What is
written between the slashes is percent-encoded, so that a file's name may hold spaces or other scripts' letters.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final
from urllib.parse import quote, unquote

SCHEME: Final = "kestra"
PREFIX: Final = "kestra://"
ROOT: Final = "kestra:///"  # the folder of all; nothing can be put or opened at it

ADDRESS_LENGTH_MAX: Final = 4_096
PART_BYTES_MAX: Final = 255  # what Linux file systems allow for a name
_VALUE_LENGTH: Final = 32
_NAMESPACE_FILES: Final = "_files"


class AddressRefused(ValueError):
    """Not an address of internal storage, or one that could lead outside of it."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(f"{address!r} is no address in internal storage: {reason}")


def is_address(text: str) -> bool:
    return text.startswith(f"{PREFIX}/")


def parts_of(address: str) -> tuple[str, ...]:
    """The decoded names on the way from the root to the file."""
    if len(address) > ADDRESS_LENGTH_MAX:
        raise AddressRefused(address[:100], f"longer than {ADDRESS_LENGTH_MAX} characters")
    if not is_address(address):
        raise AddressRefused(address, "it does not begin with kestra:///")
    try:
        parts = tuple(unquote(part, errors="strict") for part in address[len(PREFIX) + 1 :].split("/"))
    except UnicodeDecodeError as error:
        raise AddressRefused(address, "a name in it is not UTF-8") from error
    for part in parts:
        if reason := _fault_of(part):
            raise AddressRefused(address, reason)
    return parts


def address_of(parts: Iterable[str]) -> str:
    """The address of decoded names. Refuses what `parts_of` would refuse."""
    address = f"{PREFIX}/" + "/".join(quote(part, safe="-._~!$&'()*+,;=:@[]") for part in parts)
    parts_of(address)
    return address


def flow_parts(namespace: str, flow_id: str) -> tuple[str, ...]:
    return (*namespace.split("."), flow_id)


def execution_parts(namespace: str, flow_id: str, execution_id: str) -> tuple[str, ...]:
    return (*flow_parts(namespace, flow_id), "executions", execution_id)


def task_run_parts(namespace: str, flow_id: str, execution_id: str, task_id: str, task_run_id: str) -> tuple[str, ...]:
    return (*execution_parts(namespace, flow_id, execution_id), "tasks", task_id, task_run_id)


def input_parts(namespace: str, flow_id: str, execution_id: str, input_id: str) -> tuple[str, ...]:
    return (*execution_parts(namespace, flow_id, execution_id), "inputs", input_id)


def trigger_parts(namespace: str, flow_id: str, execution_id: str, trigger_id: str) -> tuple[str, ...]:
    return (*execution_parts(namespace, flow_id, execution_id), "trigger", trigger_id)


def cache_parts(namespace: str, flow_id: str, task_id: str, value: str | None = None) -> tuple[str, ...]:
    """What a task keeps from run to run; in a loop, of each value by itself."""
    inside = () if value is None else (sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_VALUE_LENGTH],)
    return (*flow_parts(namespace, flow_id), task_id, "cache", *inside, "cache.zip")


def outputs_parts(namespace: str, flow_id: str, task_id: str, digest: str) -> tuple[str, ...]:
    """Outputs that a task keeps from run to run, for one set of properties."""
    return (*flow_parts(namespace, flow_id), task_id, "cache", "outputs", f"{digest}.json")


def namespace_files_parts(namespace: str) -> tuple[str, ...]:
    """Where Kestra keeps namespace files. Here they are Git's: only addresses lead there, no file lies there."""
    return (*namespace.split("."), _NAMESPACE_FILES)


def namespace_file(address: str) -> tuple[str, str] | None:
    """The namespace and path of the namespace file that an address means; None: it means a file of internal storage."""
    parts = parts_of(address)
    if _NAMESPACE_FILES not in parts[1:-1]:
        return None
    at = parts.index(_NAMESPACE_FILES, 1)
    return ".".join(parts[:at]), "/".join(parts[at + 1 :])


def namespace_path(namespace: str, named: str) -> str:
    """The path of a namespace file named by a path or by its address. A slash at its end, which says that it is a folder,
    stays."""
    path = named
    if "://" in named:
        root = address_of(namespace_files_parts(namespace))
        if named != root and not named.startswith(f"{root}/"):
            raise AddressRefused(named, f"it does not begin with {root}")
        path = unquote(named.removeprefix(root))
    parts = file_parts(path)
    for part in parts:
        if reason := _fault_of(part):
            raise AddressRefused(named, reason)
    return "/".join(parts) + ("/" if parts and path.endswith("/") else "")


def namespace_file_address(namespace: str, path: str) -> str:
    """The address of a path as `namespace_path` gives it; of none, that of the folder of all."""
    folder = "/" if not path or path.endswith("/") else ""
    return address_of((*namespace_files_parts(namespace), *file_parts(path))) + folder


def file_parts(relative_path: str) -> tuple[str, ...]:
    """The names of a relative path (`dir/x.csv`), to stand below one of the folders above."""
    return tuple(part for part in relative_path.split("/") if part not in ("", "."))


def _fault_of(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "it has an empty name or a step to another folder"
    if "/" in part or "\0" in part:
        return "a name in it holds a slash or a NUL"
    if len(part.encode("utf-8", "surrogatepass")) > PART_BYTES_MAX:
        return f"a name in it is longer than {PART_BYTES_MAX} bytes"
    return None
