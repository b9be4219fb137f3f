"""A mail server on this machine that takes what it gets and remembers it. It speaks just enough SMTP."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass(slots=True)
class MailServer:
    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


async def _serve(shown: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    def say(line: str) -> None:
        writer.write(f"{line}\r\n".encode())

    with closing(writer):
        await _talk(shown, reader, say)


async def _talk(shown: MailServer, reader: asyncio.StreamReader, say: Callable[[str], None]) -> None:
    say("220 here")
    while line := (await reader.readline()).decode().strip():
        word = line.partition(" ")[0].upper()
        match word:
            case "EHLO":
                say("250-here")
                say("250 AUTH PLAIN")
            case "AUTH":
                shown.logins.append(line.rpartition(" ")[2])
                say("235 welcome")
            case "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                if address.startswith("nobody@"):
                    say("550 no such user")
                else:
                    shown.receivers.append(address)
                    say("250 ok")
            case "DATA":
                say("354 go on")
                content = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                read = message_from_bytes(content, policy=policy.default)
                assert isinstance(read, EmailMessage)
                shown.messages.append(read)
                say("250 taken")
            case "QUIT":
                say("221 bye")
                break
            case _:
                say("250 ok")


@contextmanager
def mail_server() -> Iterator[MailServer]:
    shown = MailServer()
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def live() -> None:
        server = await asyncio.start_server(lambda r, w: _serve(shown, r, w), "127.0.0.1", 0)
        shown.port = server.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        server.close()
        talking = asyncio.all_tasks() - {asyncio.current_task()}
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    assert started.wait(5)
    try:
        yield shown
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
