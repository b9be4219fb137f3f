"""`segue serve`: the daemon in the foreground."""

import asyncio
import gc
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from segue.cli.errors import GOOD, USAGE, CommandFailed
from segue.git.mirror import NotARepository
from segue.git.names import BadName
from segue.git.runner import GitError
from segue.runtime import serving
from segue.runtime.foundation import lay_foundation, source_of
from segue.runtime.lifecycle import Segue
from segue.runtime.serving import OpenToAll, PortInUse, listen
from segue.runtime.settings import BadSetting, Settings, load_settings
from segue.storage.storage import StorageFailure
from segue.store.errors import StoreError

_DATA_VARIABLE = "SEGUE_DATA"
_SOURCE_VARIABLE = "SEGUE_SOURCE"


def serve(
    source: Annotated[
        str | None,
        typer.Argument(help="A folder in a Git repository, or a URL (https, ssh, file). Default: the current folder."),
    ] = None,
    branch: Annotated[str | None, typer.Option(help="Branch or tag to follow, as main. Default: the HEAD.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on, as 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page and the API, as 8080. 0: any free one.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder for the database, the mirror and files, as /var/lib/segue.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="Where files of executions lie, if not in the data folder: a folder, or s3://bucket/prefix."),
    ] = None,
    workers_max: Annotated[int | None, typer.Option(help="Most worker processes at a time, as 32.")] = None,
    env: Annotated[str | None, typer.Option(help="Environment whose variables of segue.yaml hold, as prod.")] = None,
    tests: Annotated[
        str | None, typer.Option(help="Flow tests of a commit before it goes live: off, report or veto, as veto.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="What the daemon says of itself: debug, info, warning.")] = "info",
) -> None:
    """Follow a Git repository: run its flows, serve the status page and the API.

    Example: segue serve ~/flows --port 8080 --data ~/segue-data
    """
    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)-7s %(name)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    flags = {
        "source": source,
        "branch": branch,
        "host": host,
        "port": port,
        "storage": storage,
        "workers_max": workers_max,
        "env": env,
        "tests": tests,
    }
    folder = data or Path(os.environ.get(_DATA_VARIABLE, "") or Path.home() / ".local" / "share" / "segue")
    try:
        settings = load_settings(flags, os.environ, folder)
        sys.exit(_run(settings))
    except OpenToAll as error:
        raise CommandFailed(str(error), code=USAGE) from error
    except (BadSetting, BadName, NotARepository, GitError, PortInUse, StorageFailure, StoreError) as error:
        raise CommandFailed(str(error)) from error
    except OSError as error:
        said = f"the data folder {folder} cannot be used: {error.strerror or error}"
        raise CommandFailed(f"{said}; give another with --data") from error


def _run(settings: Settings) -> int:
    source = source_of(settings)
    listener = listen(settings)
    host, port = listener.getsockname()[:2]
    foundation = lay_foundation(settings, source)

    def say_ready() -> None:
        print(f"Segue follows {source} and serves http://{host}:{port}", flush=True)

    async def main() -> None:
        segue = Segue(settings, foundation, os.environ)
        # What was built lives as long as the daemon: no need to look at it in every collection.
        gc.freeze()
        await serving.serve(segue, listener, say_ready)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    return GOOD
