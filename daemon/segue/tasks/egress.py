"""Where HTTP tasks do not connect to. A flow may take a URL from a webhook's body, and the addresses at which clouds give
out credentials are one URL away.

It is the connection that is looked at, not the URL: only then is known which address a name, a redirect, a number or a
mapped address leads to, and a name that resolves to another address the second time gains nothing. Python tells of
every connection before it is made (PEP 578); scripts have processes of their own, and are the owner's own code.
"""

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_blocked: Final[ContextVar[tuple[Network, ...]]] = ContextVar("segue.egress", default=())


class Blocked(OSError):
    """A connection to a network that is not connected to."""


@contextlib.contextmanager
def keeping_off(networks: tuple[str, ...]) -> Iterator[None]:
    """Connections of this thread fail with `Blocked` if they go to one of these networks."""
    if not networks:
        yield
        return
    _listen()
    token = _blocked.set(_parsed(networks))
    try:
        yield
    finally:
        _blocked.reset(token)


def look_up(url: str, networks: tuple[str, ...]) -> None:
    """For clients that connect where Python does not hear of it: where the URL leads now. Raises `Blocked`."""
    host = urlsplit(url).hostname
    if not networks or host is None:
        return
    with contextlib.suppress(socket.gaierror):  # such a client will find nobody there either
        for *_, target in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
            _check(target, _parsed(networks))


@cache
def _listen() -> None:
    """Once for a process: a hook stays as long as it does."""
    sys.addaudithook(_on_event)


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and (networks := _blocked.get()):
        _check(arguments[1], networks)


def _check(target: Any, networks: tuple[Network, ...]) -> None:
    if not isinstance(target, tuple):
        return  # a socket of this machine
    address = _address_of(str(target[0]))
    for network in networks:
        if address in network:
            raise Blocked(f"{address} is in {network}, which HTTP tasks do not connect to (setting `blocked_networks`)")


def _address_of(text: str) -> Address:
    """The address itself where it is an IPv4 address in the clothes of another."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@cache
def _parsed(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, networks))
