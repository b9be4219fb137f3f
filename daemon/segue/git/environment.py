"""What a git process gets to see: a short list of variables, and settings that are ours alone.

Neither the machine's nor the user's nor the source's configuration is read, because configuration runs programs
(`core.fsmonitor`, hooks, `uploadpack.packObjectsHook`, credential helpers). The one exception is `safe.directory`: it is the user's word that
a folder of somebody else may be read, and it has to reach the process that serves the fetch from that folder.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from segue.git.names import Source

# Of everything in our environment - which may hold secrets of flows - git and ssh need no more than these.
_KEPT: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "SSH_AUTH_SOCK", "SUDO_UID"),
    *("GIT_EXEC_PATH", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
)

_ALWAYS: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https:ssh:file",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_FLUSH": "1",
    "LC_ALL": "C.UTF-8",  # messages in English, so that we can tell what went wrong
    "LANGUAGE": "C",
}

# On every command line. They hold no secret, and unlike the environment they are visible to who debugs us.
SETTINGS: Final = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.pager", "cat"),
    ("core.quotePath", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.logAllRefUpdates", "false"),
    ("safe.bareRepository", "explicit"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("transfer.credentialsInUrl", "die"),
    ("transfer.bundleURI", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    ("http.followRedirects", "initial"),
)


def local_environment(*, trusted: Iterable[str] = ()) -> dict[str, str]:
    """For reading a repository on this disk: no network, no credentials."""
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ} | _ALWAYS
    return environment | _settings_as_variables(("safe.directory", folder) for folder in trusted)


def transfer_environment(source: Source, *, global_config: Path | None = None) -> dict[str, str]:
    """For talking to the source: its credentials, and the protocols it may use."""
    environment = local_environment()
    environment["GIT_SSH_COMMAND"] = source.credentials.ssh_command
    environment["GIT_SSH_VARIANT"] = "ssh"
    settings = list(source.credentials.configuration(source.location))
    if source.location.startswith("http://"):
        environment["GIT_ALLOW_PROTOCOL"] += ":http"
    if global_config is not None:
        environment["GIT_CONFIG_GLOBAL"] = str(global_config)
    return environment | _settings_as_variables(settings)


def foreign_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Names in our own environment that a child which inherits it must not see: all that `environment` leaves out."""
    return tuple(sorted(name for name in os.environ if name not in environment))


def trusted_folders() -> tuple[str, ...]:
    """What this user declared as `safe.directory`. Read by a git that may see the user's configuration but no
    repository: listing settings runs nothing."""
    environment = {key: os.environ[key] for key in ("PATH", "HOME", "XDG_CONFIG_HOME") if key in os.environ}
    command = ["git", "config", "--global", "--includes", "--null", "--get-all", "safe.directory"]
    try:
        done = subprocess.run(command, env=environment, cwd="/", capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(folder for folder in done.stdout.decode("utf-8", "surrogateescape").split("\0") if folder)


def trusting_configuration(folders: Iterable[str]) -> str:
    """The text of a Git configuration that says nothing but which folders are trusted."""
    quoted = (folder.replace("\\", "\\\\").replace('"', '\\"') for folder in folders if "\n" not in folder)
    return "[safe]\n" + "".join(f'\tdirectory = "{folder}"\n' for folder in quoted)


def _settings_as_variables(settings: Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = list(settings)
    variables = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for index, (key, value) in enumerate(pairs):
        variables[f"GIT_CONFIG_KEY_{index}"] = key
        variables[f"GIT_CONFIG_VALUE_{index}"] = value
    return variables
