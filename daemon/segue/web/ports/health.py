"""How the daemon itself is, in words and in figures."""

from collections.abc import Mapping

from msgspec import Struct


class Health(Struct, frozen=True):
    """`parts` names each part of the daemon and how it is: `ok`, or a sentence on what is wrong."""

    is_ready: bool
    parts: Mapping[str, str]

    @property
    def is_healthy(self) -> bool:
        return all(state == "ok" for state in self.parts.values())


class Sample(Struct, frozen=True):
    """One figure of the daemon for /metrics. `kind` is counter or gauge."""

    name: str
    kind: str
    help: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()
