"""A connection to an SSH server, for tasks that work on its files.

The library is asynchronous and tasks are not: it runs in a thread of its own, and `Session.call` waits for it. So a kill
or a timeout reaches the task at once, wherever the library is. No configuration, agent or key of the daemon's user is
used: what opens the connection is in the flow.

A server has to be the one that it says it is before it is told any password: its key has to be known.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from segue.model.order import LogLevel
from segue.spec.types.plugins.sftp import Server
from segue.tasks.context import TaskContext
from segue.tasks.kind import TaskFailed
from segue.tasks.plugins.extras import library
from segue.tasks.plugins.proxies import HANDSHAKES, Proxy, connected

CONNECT_SECONDS: Final = 15.0
LOGIN_SECONDS: Final = 30.0
ALIVE_SECONDS: Final = 15.0  # between two questions whether a silent server is still there
_CLOSE_SECONDS: Final = 5.0
_KNOWN_HOSTS: Final = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
_SHA1: Final = "ssh-rsa"
_PROXY_PORTS: Final = {"SOCKS5": 1080, "HTTP": 8080, "STREAM": 22}

T = TypeVar("T")


class Session:
    """A connection that is open, and the thread that it lives in."""

    def __init__(self, server: Server, context: TaskContext) -> None:
        self._server = server
        self._context = context
        self._asyncssh = library("asyncssh", "sftp")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ssh", daemon=True)
        self._offered = ""
        self._connections: list[Any] = []
        self.sftp: Any = None

    def call(self, work: Awaitable[T]) -> T:
        """What the work comes to. Raises the library's errors, and those of the machine."""
        return asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result()

    @contextmanager
    def opened(self) -> Iterator["Session"]:
        for secret in (self._server.password, self._server.passphrase, self._server.proxy_password):
            if secret:
                self._context.masker.hide(secret)
        self._thread.start()
        try:
            self.sftp = self.call(self._connected())
            yield self
        finally:
            self._close()

    def _close(self) -> None:
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result(_CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    async def _ended(self) -> None:
        """Connections are closed, the inner before the outer; what still waits for them is told so."""
        for connection in reversed(self._connections):
            connection.close()
            await connection.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # Connecting.

    async def _connected(self) -> Any:
        server = self._server
        try:
            way = await self._way()
            connection = await self._reached(server.host, server.port, self._options() | way)
        except TaskFailed:
            raise
        except self._asyncssh.HostKeyNotVerifiable as error:
            raise TaskFailed(self._not_known()) from error
        except self._asyncssh.PermissionDenied as error:
            raise TaskFailed(f"{self._name}: the server does not let {server.username!r} in: {error.reason}") from error
        except (OSError, TimeoutError, self._asyncssh.Error, ValueError) as error:
            raise TaskFailed(f"{self._name}: {_words(error)}") from error
        try:
            return await connection.start_sftp_client(path_errors="surrogateescape")
        except self._asyncssh.Error as error:
            raise TaskFailed(f"{self._name}: the server offers no SFTP: {error.reason}") from error

    async def _reached(self, host: str, port: int, options: Mapping[str, Any]) -> Any:
        connection = await self._asyncssh.connect(host, port, **options)
        self._connections.append(connection)
        return connection

    @property
    def _name(self) -> str:
        return f"{self._server.host}:{self._server.port}"

    def _options(self) -> dict[str, Any]:
        server = self._server
        more: dict[str, Any] = {}
        if server.key_exchange_algorithm:
            more["kex_algs"] = [server.key_exchange_algorithm]
        if server.enable_ssh_rsa1:
            self._context.log(LogLevel.WARN, "RSA with SHA-1 is accepted, which is not secure any more")
        else:
            more |= {"server_host_key_algs": f"-{_SHA1}", "signature_algs": f"-{_SHA1}"}
        return more | {
            **self._trust(),
            "config": None,
            "agent_path": None,
            "username": server.username or "",
            "password": server.password,
            "client_keys": self._keys(),
            "client_factory": self._client,
            "connect_timeout": CONNECT_SECONDS,
            "login_timeout": LOGIN_SECONDS,
            "keepalive_interval": ALIVE_SECONDS,
        }

    def _keys(self) -> list[Any]:
        server = self._server
        if not server.keyfile:
            return []
        try:
            return [self._asyncssh.import_private_key(server.keyfile.strip() + "\n", server.passphrase)]
        except (self._asyncssh.KeyImportError, self._asyncssh.KeyEncryptionError) as error:
            raise TaskFailed(f"keyfile: it is no private key that can be read: {error}") from error

    def _trust(self) -> dict[str, Any]:
        if not self._server.strict_host_key_checking:
            self._context.log(
                LogLevel.WARN, f"{self._name}: whoever answers is trusted (`strictHostKeyChecking: false`)"
            )
            return {"known_hosts": None}
        given = self._server.known_hosts
        texts = [given] if given is not None else [_text(Path(each).expanduser()) for each in _KNOWN_HOSTS]
        try:
            return {"known_hosts": self._asyncssh.import_known_hosts("\n".join(texts))}
        except ValueError as error:
            raise TaskFailed(f"knownHosts: {error}; expected lines such as `ssh-keyscan` prints") from error

    def _client(self) -> Any:
        """Remembers the key that the server shows where it is not known; it is not trusted for that."""
        session = self

        class Client(self._asyncssh.SSHClient):  # type: ignore[misc, name-defined]
            def validate_host_public_key(self, _host: str, _address: str, _port: int, key: Any) -> bool:
                session._offered = f"{key.get_algorithm()} {key.get_fingerprint()}"
                return False

        return Client()

    def _not_known(self) -> str:
        shown = f" (it shows {self._offered})" if self._offered else ""
        return (
            f"{self._name}: the server's key is not known{shown}. If it is the right one, put the line that "
            f"`ssh-keyscan -p {self._server.port} {self._server.host}` prints into `knownHosts`"
        )

    async def _way(self) -> dict[str, Any]:
        """How to come to the server: directly, on a connection through a proxy, or through another SSH server."""
        server, address = self._server, self._server.proxy_address or self._server.proxy_host
        if server.proxy_type is None or address is None:
            return {}
        user = server.proxy_username or server.proxy_user
        proxy = Proxy(
            address=address,
            port=server.proxy_port or _PROXY_PORTS[server.proxy_type],
            username=user,
            password=server.proxy_password,
        )
        if server.proxy_type == "STREAM":
            options = self._options() | {"username": user or "", "password": proxy.password, "client_keys": []}
            return {"tunnel": await self._reached(proxy.address, proxy.port, options)}
        async with asyncio.timeout(CONNECT_SECONDS):
            return {"sock": await connected(proxy, HANDSHAKES[server.proxy_type], server.host, server.port)}


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_SECONDS:g} s"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
