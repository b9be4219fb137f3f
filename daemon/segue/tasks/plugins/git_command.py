"""One git command of a task, in a work tree of the task's own.

Not through `segue.git`: that reads the daemon's mirror with its credentials, in the daemon's process; this writes foreign
work trees with the flow's credentials, in a worker, where a kill has to end git and the helpers that it starts - which
running it as scripts are run gives. What both have in common is the rule: no configuration but ours is read, for it runs
programs, and no secret stands on a command line.
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import field

from segue.model.order import LogLevel
from segue.spec.types.plugins.git import Remote
from segue.tasks.context import TaskContext
from segue.tasks.kind import TaskFailed
from segue.tasks.scripts import process
from segue.tasks.scripts.process import Command
from segue.tasks.scripts.protocol import Hearing

_KEPT: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "all_proxy"),
)
_ALWAYS: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file",
    "LC_ALL": "C.UTF-8",
}
_SETTINGS: Final = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.symlinks", "true"),
    ("advice.detachedHead", "false"),
    ("protocol.ext.allow", "never"),
    ("gc.auto", "0"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
)
_SSH: Final = "ssh -o StrictHostKeyChecking=accept-new -o ConnectTimeout=15 -o ServerAliveInterval=15"


class _Heard(Hearing):
    """Keeps what git prints; it is no protocol of ours."""

    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def stdout(self, line: str) -> None:
        self.lines.append(line)

    def stderr(self, line: str) -> None:
        self.errors.append(line)
        self.context.log(LogLevel.DEBUG, line)


class Git:
    """Git in one folder, with the credentials of one remote."""

    def __init__(self, folder: Path, remote: Remote, url: str, context: TaskContext, secrets: Path) -> None:
        """`secrets`: a folder that is gone in the end, for a private key."""
        self.folder = folder
        self._context = context
        self._environment = _environment(remote, url, context, secrets)

    def run(self, *arguments: str) -> list[str]:
        """The lines that it printed. A failure with git's own words unless it succeeds."""
        heard, code = self._run(arguments)
        if code:
            told = [line for line in heard.errors if line.startswith(("fatal:", "error:", "ERROR:"))]
            words = (told or heard.errors or [f"exit code {code}"])[-1].removeprefix("fatal: ")
            raise TaskFailed(f"git {arguments[0]}: {words}")
        return heard.lines

    def succeeds(self, *arguments: str) -> bool:
        return self._run(arguments)[1] == 0

    def _run(self, arguments: tuple[str, ...]) -> tuple[_Heard, int]:
        settings = [word for key, value in _SETTINGS for word in ("-c", f"{key}={value}")]
        heard = _Heard(self._context)
        command = Command(arguments=("git", *settings, *arguments), folder=self.folder, environment=self._environment)
        return heard, process.run(command.start, self._context, heard)


def _environment(remote: Remote, url: str, context: TaskContext, secrets: Path) -> Mapping[str, str]:
    inherited = context.surroundings.environment
    environment = {name: inherited[name] for name in _KEPT if name in inherited} | _ALWAYS
    if remote.password:
        context.masker.hide(remote.password)
        basic = base64.b64encode(f"{remote.username or 'token'}:{remote.password}".encode()).decode()
        context.masker.hide(basic)
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }
    environment["GIT_SSH_COMMAND"] = _SSH + (" -o BatchMode=yes" if not remote.passphrase else "")
    if remote.private_key:
        key = _secret_file(secrets / "key", remote.private_key.strip() + "\n", 0o600)
        environment["GIT_SSH_COMMAND"] += f" -o IdentitiesOnly=yes -i '{key}'"
        if remote.passphrase:
            context.masker.hide(remote.passphrase)
            asks = _secret_file(secrets / "ask", "#!/bin/sh\nprintf '%s\\n' \"$KEY_PASSPHRASE\"\n", 0o700)
            environment |= {
                "SSH_ASKPASS": str(asks),
                "SSH_ASKPASS_REQUIRE": "force",
                "KEY_PASSPHRASE": remote.passphrase,
            }
    return environment


def _secret_file(path: Path, text: str, mode: int) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path
