"""Questions about files of a task's working directory: put to a real worker, which runs a task with such files."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from segue.model.state import State
from segue.storage.local import LocalStorage

from tests.conformance.reading import Refused
from tests.support.pools import SharedPool, order_of

Given = dict[str, Any]


def input_files(given: Given, _now: datetime) -> Any:
    """Each step's files are put beside those before; one of the same name takes its place."""
    written = {name: content for step in given["steps"] for name, content in step.items()}
    _, contents = _run(written, ["**"], given.get("variables"))
    return {"files": contents}


def output_files(given: Given, _now: datetime) -> Any:
    uris, _ = _run(given["files"], given["outputFiles"], given.get("variables"))
    return {"outputs": uris}


def _run(
    inputs: Mapping[str, Any], outputs: list[str], variables: Mapping[str, Any] | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Addresses and texts of the files that are kept, by name."""
    with tempfile.TemporaryDirectory() as folder:
        pool = SharedPool(Path(folder))
        try:
            properties = {"inputs": dict(inputs), "outputs": outputs}
            ended = pool.run(order_of("core.storage.LocalFiles", properties, variables=variables or {})).ended
            if ended.state is not State.SUCCESS or ended.outputs is None:
                raise Refused(ended.failure.message if ended.failure else str(ended.state))
            uris = dict(ended.outputs["uris"])
            return uris, {name: _text(pool, uri) for name, uri in uris.items()}
        finally:
            pool.close()


def _text(pool: SharedPool, address: str) -> str:
    with LocalStorage(pool.folder / "storage").open(address) as file:
        return file.read().decode()


KINDS: dict[str, Callable[[Given, datetime], Any]] = {"input_files": input_files, "output_files": output_files}
