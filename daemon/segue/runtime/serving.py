"""Serving: the page and the API of a daemon on a socket, from the first request to the orderly end."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from segue import __version__
from segue.git.blobs import BlobReader
from segue.runtime.lifecycle import Segue
from segue.runtime.settings import Settings
from segue.runtime.sources import GitSources, StoredFiles
from segue.web.app import create_app
from segue.web.context import Ports
from segue.web.settings import Credentials, WebSettings

_log = logging.getLogger("segue")
_STOP_WEB_SECONDS: Final = 1
_TICK_SECONDS: Final = 1.0  # the date that answers carry is so fresh


class PortInUse(Exception):
    """Somebody else listens there."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}; give another port with --port")


class OpenToAll(Exception):
    """A bind that others can reach, without credentials."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"--host {host} can be reached from outside, and no credentials are set: whoever reaches it could run flows. "
            "Set SEGUE_TOKEN, or SEGUE_USERNAME and SEGUE_PASSWORD, or listen on 127.0.0.1"
        )


def listen(settings: Settings) -> socket.socket:
    """The socket that the page is served on, bound before anything else is touched. Raises PortInUse, OpenToAll."""
    if not settings.is_loopback and not settings.has_credentials:
        raise OpenToAll(settings.host)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortInUse(settings.host, settings.port, error.strerror or str(error)) from error
    listener.set_inheritable(False)
    return listener


async def serve(segue: Segue, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Start the daemon and serve it until it is told to stop, by a signal or `ask_to_stop`."""
    _log.info("daemon.started pid=%d version=%s", os.getpid(), __version__)
    server = _server(_app(segue))
    with _signals(segue.ask_to_stop):
        web = asyncio.create_task(_serve_quietly(server, listener), name="web")
        starting = asyncio.create_task(segue.start(), name="start")
        stopping = asyncio.create_task(segue.stopping.wait(), name="stop")
        await asyncio.wait([starting, web, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and not segue.stopping.is_set():
            starting.result()
            on_ready()
            await asyncio.wait([web, stopping], return_when=asyncio.FIRST_COMPLETED)
        _log.info("daemon.stopping")
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        segue.bells.close()
        server.leave()
        await asyncio.gather(web, segue.stop())
        _log.info("daemon.stopped")


def _app(segue: Segue) -> ASGIApp:
    mirror = segue.foundation.mirror
    ports = Ports(
        daemon=segue.daemon,
        reads=segue.reads,
        sources=GitSources(mirror, BlobReader(mirror.git_dir)),
        files=StoredFiles(segue.foundation.storage),
    )
    return create_app(ports, _web_settings(segue.settings))


def _web_settings(settings: Settings) -> WebSettings:
    return WebSettings(
        credentials=Credentials(username=settings.username, password=settings.password, token=settings.token),
        hosts=settings.allowed_hosts,
        upload_max=settings.upload_max,
        webhook_secret=settings.webhook_secret,
        url=settings.url,
    )


class _Server(uvicorn.Server):
    """Looks about every second rather than ten times in one, for a daemon at rest should sleep; told to leave it does at
    once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _TICK_SECONDS)

    def leave(self) -> None:
        self.should_exit = True
        self._told.set()


def _server(app: ASGIApp) -> _Server:
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_STOP_WEB_SECONDS,
            server_header=False,
            ws="none",
            loop="none",
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    return server


async def _serve_quietly(server: uvicorn.Server, listener: socket.socket) -> None:
    # Not `serve`: that takes the signals over and raises them again when it ends.
    await server._serve(sockets=[listener])  # noqa: SLF001


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
