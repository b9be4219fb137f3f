"""Connections through a proxy: what is said to it until the connection leads to the host that is meant."""

import asyncio
import base64
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from segue.tasks.kind import TaskFailed

_ANSWER_BYTES_MAX: Final = 8_192
_NO_PASSWORD, _PASSWORD = 0, 2  # methods of RFC 1928
_LENGTHS: Final = {1: 4, 4: 16}  # of addresses, by their kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    address: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"The proxy {self.address}:{self.port}"


Handshake = Callable[[socket.socket, Proxy, str, int], Awaitable[None]]


async def connected(proxy: Proxy, handshake: Handshake, host: str, port: int) -> socket.socket:
    """A connection to the host. Raises `TaskFailed` where the proxy refuses, `OSError` where it cannot be reached."""
    loop = asyncio.get_running_loop()
    family, kind, protocol, _, address = (await loop.getaddrinfo(proxy.address, proxy.port, type=socket.SOCK_STREAM))[0]
    connection = socket.socket(family, kind, protocol)
    connection.setblocking(False)
    try:
        await loop.sock_connect(connection, address)
        await handshake(connection, proxy, host, port)
    except BaseException:
        connection.close()
        raise
    return connection


async def _http(connection: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """RFC 9110, 9.3.6: after an answer of 2xx the connection leads to the host."""
    asks = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.username is not None:
        basic = base64.b64encode(f"{proxy.username}:{proxy.password or ''}".encode()).decode()
        asks.append(f"Proxy-Authorization: Basic {basic}")
    await _send(connection, ("\r\n".join(asks) + "\r\n\r\n").encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        if len(answer) >= _ANSWER_BYTES_MAX:
            raise TaskFailed(f"{proxy}: its answer does not end: is it a proxy for HTTP?")
        answer += await _received(connection, 1, proxy)
    status = answer.split(b"\r\n", 1)[0].decode("latin-1")
    if not status.partition(" ")[2].startswith("2"):
        raise TaskFailed(f"{proxy} does not connect to {host}:{port}: {status}")


async def _socks5(connection: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """RFC 1928, names resolved by the proxy; user and password as in RFC 1929."""
    methods = [_NO_PASSWORD] if proxy.username is None else [_NO_PASSWORD, _PASSWORD]
    await _send(connection, bytes([5, len(methods), *methods]))
    _, method = await _received(connection, 2, proxy)
    if method == _PASSWORD and proxy.username is not None:
        user, password = proxy.username.encode(), (proxy.password or "").encode()
        await _send(connection, bytes([1, len(user), *user, len(password), *password]))
        _, refusal = await _received(connection, 2, proxy)
    else:
        refusal = method
    if refusal:
        raise TaskFailed(f"{proxy} does not let {proxy.username!r} in")
    name = host.encode("idna")
    await _send(connection, bytes([5, 1, 0, 3, len(name), *name]) + struct.pack("!H", port))
    _, code, _, kind = await _received(connection, 4, proxy)
    if code:
        raise TaskFailed(f"{proxy} does not connect to {host}:{port}: code {code} of SOCKS")
    length = _LENGTHS.get(kind) or (await _received(connection, 1, proxy))[0]
    await _received(connection, length + 2, proxy)


HANDSHAKES: Final[Mapping[str, Handshake]] = {"HTTP": _http, "SOCKS5": _socks5}


async def _send(connection: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, data)


async def _received(connection: socket.socket, count: int, proxy: Proxy) -> bytes:
    """So many bytes and not one more: what follows is the host's."""
    loop, got = asyncio.get_running_loop(), b""
    while len(got) < count:
        more = await loop.sock_recv(connection, count - len(got))
        if not more:
            raise TaskFailed(f"{proxy} closed the connection")
        got += more
    return got
