"""A real SFTP server on this machine, and proxies before it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

USER, PASSWORD = "ada", "opensesame"


class _Login(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def connection_requested(self, _host: str, _port: int, _from: str, _from_port: int) -> bool:
        """Who is in may go on to any server."""
        return True


@dataclass(slots=True)
class SftpServer:
    """Serves `folder`: as the root and as the user's folder. `connections` are those that are open."""

    folder: Path
    host_key: asyncssh.SSHKey
    client_key: asyncssh.SSHKey
    loop: asyncio.AbstractEventLoop
    port: int = 0
    connections: list[Any] = field(default_factory=list)

    @property
    def known_hosts(self) -> str:
        return self._line(self.host_key)

    @property
    def wrong_known_hosts(self) -> str:
        return self._line(asyncssh.generate_private_key("ssh-ed25519"))

    def _line(self, key: asyncssh.SSHKey) -> str:
        return f"[127.0.0.1]:{self.port} {key.export_public_key().decode()}"

    def given(self, **more: Any) -> dict[str, Any]:
        """Properties that reach it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "username": USER,
            "password": PASSWORD,
            "knownHosts": self.known_hosts,
        } | more

    async def listen(self) -> asyncssh.SSHAcceptor:
        def files(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(channel, chroot=str(self.folder).encode())

        acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=_Login,
            server_host_keys=[self.host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(self.client_key.export_public_key().decode()),
            sftp_factory=files,
            acceptor=self.connections.append,
        )
        self.port = acceptor.get_port()
        return acceptor


@contextmanager
def sftp_server(folder: Path) -> Iterator[SftpServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    server = SftpServer(folder=folder, host_key=host, client_key=client, loop=loop)
    acceptor = asyncio.run_coroutine_threadsafe(server.listen(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_closed(acceptor, server.connections), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _closed(acceptor: asyncssh.SSHAcceptor, connections: list[Any]) -> None:
    acceptor.close()
    for connection in connections:
        connection.abort()
    await acceptor.wait_closed()
    await asyncio.gather(*(connection.wait_closed() for connection in connections), return_exceptions=True)
    others = asyncio.all_tasks() - {asyncio.current_task()}  # those of proxies
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[int]]


async def http_talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Lets those in that know the password `let me`; the port that is asked for."""
    asked = (await reader.readuntil(b"\r\n\r\n")).decode()
    if "Proxy-Authorization: Basic dXNlcjpsZXQgbWU=" not in asked:
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        return 0
    writer.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
    return int(asked.split()[1].rpartition(":")[2])


async def socks_talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    _, count = await reader.readexactly(2)
    await reader.readexactly(count)
    writer.write(b"\x05\x02")
    _, length = await reader.readexactly(2)
    user = await reader.readexactly(length)
    password = await reader.readexactly((await reader.readexactly(1))[0])
    if (user, password) != (b"user", b"let me"):
        writer.write(b"\x01\x01")
        return 0
    writer.write(b"\x01\x00")
    await reader.readexactly(4)
    await reader.readexactly((await reader.readexactly(1))[0])
    writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
    return int.from_bytes(await reader.readexactly(2))


@contextmanager
def proxy(loop: asyncio.AbstractEventLoop, talk: Talk) -> Iterator[int]:
    """The port of a proxy that talks so."""

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with AsyncExitStack() as closing:
            closing.push_async_callback(_ended, writer)
            port = await talk(reader, writer)
            if port:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
                closing.push_async_callback(_ended, far_writer)
                await asyncio.gather(_copied(reader, far_writer), _copied(far_reader, writer))

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(through, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(server.close)


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _ended(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
