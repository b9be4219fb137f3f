"""How git proves who we are: what goes into the environment of a git process, never onto its command line.

A command line is readable by every user of the machine (`ps`); the environment of a process only by its own user.
"""

import base64
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SSH_CONNECT_SECONDS: Final = 15
SSH_ALIVE_SECONDS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user and password or token for https, a key and the known hosts for ssh. Never printed."""

    username: str = ""
    password: str = field(default="", repr=False)
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    accepts_new_hosts: bool = False

    def or_else(self, other: "Credentials") -> "Credentials":
        """These, or `other` when these hold no user and no password."""
        return self if self.username or self.password else other

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen in an error, a log or a page."""
        return tuple(text for text in (self.password, self._basic) if text)

    @property
    def _basic(self) -> str:
        # A token alone is the password of a user whose name the hosts ignore; "token" is what GitHub's pages show,
        # GitLab wants "oauth2"; both take any non-empty name for personal tokens.
        user = self.username or "token"
        return base64.b64encode(f"{user}:{self.password}".encode()).decode() if self.password else ""

    def configuration(self, location: str) -> Iterator[tuple[str, str]]:
        """Git settings that hold for this location alone: a redirect to another host does not get the header."""
        yield "credential.helper", ""
        if self._basic and location.startswith(("https://", "http://")):
            yield f"http.{location}.extraHeader", f"Authorization: Basic {self._basic}"

    @property
    def ssh_command(self) -> str:
        """An ssh that asks nothing, waits for nobody, and connects to known hosts only."""
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "accept-new" if self.accepts_new_hosts else "yes",
            "ConnectTimeout": str(SSH_CONNECT_SECONDS),
            "ServerAliveInterval": str(SSH_ALIVE_SECONDS),
            "ServerAliveCountMax": "2",
            "PermitLocalCommand": "no",
        }
        if self.known_hosts:
            options["UserKnownHostsFile"] = shlex.quote(str(self.known_hosts))
        if self.ssh_key:
            options["IdentitiesOnly"] = "yes"
        words = ["ssh", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        if self.ssh_key:
            words += ["-i", shlex.quote(str(self.ssh_key))]
        return " ".join(words)
