"""The worker's end of its socket: blocking, one frame at a time."""

import select
import socket
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from segue.tasks.interruption import Interruption
from segue.workers import messages
from segue.workers.messages import Answer, Asked, FrameReader, FromWorker, Kill, ToWorker

_READ_BYTES: Final = 1 << 16
_KILL_WAIT_SECONDS: Final = 0.05


class AskRefused(Exception):
    """The daemon has no answer, and says why."""


class Channel:
    def __init__(self, end: socket.socket, interruption: Interruption) -> None:
        self._end = end
        self._interruption = interruption
        self._reader = FrameReader()
        self._messages: deque[ToWorker] = deque()
        self._asked = 0

    def send(self, message: FromWorker) -> None:
        """A whole frame, whatever signal comes meanwhile."""
        frame = messages.frame_of(message)
        with self._interruption.held():
            self._end.sendall(frame)

    def receive(self) -> ToWorker | None:
        """None: the daemon's end is closed."""
        while not self._messages:
            with self._interruption.idle():
                select.select([self._end], [], [])
            if not self._read():
                return None
        return self._messages.popleft()

    def is_killed(self, order_id: str) -> bool:
        """Does the daemon say so. Asked when a signal came that may have been for this order, or for the last."""
        while select.select([self._end], [], [], _KILL_WAIT_SECONDS)[0]:
            if not self._read() or self._is_kill_there(order_id):
                break
        return self._is_kill_there(order_id)

    def ask(self, order_id: str, kind: str, arguments: Mapping[str, Any]) -> Any:
        """The daemon's answer, waited for. Answers to questions that nobody waits for any more are passed over."""
        self._asked += 1
        self.send(Asked(order_id=order_id, ask_id=self._asked, kind=kind, arguments=arguments))
        while (message := self.receive()) is not None:
            if isinstance(message, Answer) and message.ask_id == self._asked:
                if message.failure is not None:
                    raise AskRefused(message.failure)
                return message.value
        raise AskRefused("The daemon is gone")

    def close(self) -> None:
        self._end.close()

    def _is_kill_there(self, order_id: str) -> bool:
        return any(isinstance(message, Kill) and message.order_id == order_id for message in self._messages)

    def _read(self) -> bool:
        """False at the end. An interruption may end the waiting before, but must not lose what is read here."""
        with self._interruption.held():
            try:
                data = self._end.recv(_READ_BYTES)
            except ConnectionError:
                data = b""
            self._messages.extend(messages.to_worker(frame) for frame in self._reader.feed(data))
        return bool(data)
