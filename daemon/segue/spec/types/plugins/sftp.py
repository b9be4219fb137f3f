"""Properties of the tasks and the trigger on files of an SFTP server."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Spec, Text, Texts
from segue.spec.types.plugins.found_files import Finding, Taking, Watching


class Server(Spec):
    """How a server is reached."""

    host: Dynamic[Text] = Field(description="Its name or address.")
    port: Dynamic[int] = Field(default=22, ge=1, le=65_535, description="Its port.")
    username: Dynamic[Text] | None = Field(default=None, description="User.")
    password: Dynamic[Text] | None = Field(default=None, description="Password.")
    keyfile: Dynamic[Text] | None = Field(
        default=None, description="Private key: its text, in PEM or OpenSSH's format."
    )
    passphrase: Dynamic[Text] | None = Field(default=None, description="What the private key is encrypted with.")
    known_hosts: Dynamic[Text] | None = Field(
        default=None,
        description="Host keys to trust, as lines of `known_hosts`; default: those that the daemon's user knows.",
    )
    strict_host_key_checking: Dynamic[bool] = Field(
        default=True, description="False trusts whoever answers, with the password too. For tests only."
    )
    root_dir: Dynamic[bool] = Field(default=True, description="Paths begin in the user's folder, not at the root.")
    key_exchange_algorithm: Dynamic[Text] | None = Field(default=None, description="The only key exchange to offer.")
    enable_ssh_rsa1: Dynamic[bool] = Field(
        default=False, alias="enableSshRsa1", description="Accept signatures by RSA with SHA-1, which is not secure."
    )
    proxy_type: Dynamic[Literal["SOCKS5", "HTTP", "STREAM"]] | None = Field(
        default=None, description="Kind of proxy; STREAM is another SSH server to go through."
    )
    proxy_address: Dynamic[Text] | None = Field(default=None, description="Name or address of the proxy.")
    proxy_port: Dynamic[int] | None = Field(default=None, ge=1, le=65_535, description="Port of the proxy.")
    proxy_username: Dynamic[Text] | None = Field(default=None, description="User of the proxy.")
    proxy_password: Dynamic[Text] | None = Field(default=None, description="Password of the proxy.")
    proxy_host: Dynamic[Text] | None = Field(default=None, description="Older spelling of `proxyAddress`.")
    proxy_user: Dynamic[Text] | None = Field(default=None, description="Older spelling of `proxyUsername`.")


class List(Server, Finding):
    """Lists the files of a folder."""


class Download(Server):
    """Stores a file in internal storage."""

    from_: Dynamic[Text] = Field(alias="from", description="Path of the file.")


class Downloads(Server, Taking):
    """Stores the files of a folder in internal storage."""


class Upload(Server):
    """Writes a stored file to the server."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of the file.")
    to: Dynamic[Text] | None = Field(
        default=None, description="Path to write to; in a folder that ends with `/`, or by default, it keeps its name."
    )
    overwrite: Dynamic[bool] = Field(default=False, description="Replace a file that is there.")


class Uploads(Server):
    """Writes stored files into a folder of the server."""

    from_: Dynamic[Texts | dict[str, Any] | Text] = Field(
        alias="from", description="URIs of the files: a list, a map from name to URI, or the URI of a file with URIs."
    )
    to: Dynamic[Text] = Field(description="The folder.")
    max_files: Dynamic[PositiveInt] = Field(default=25, description="At most so many files.")


class Move(Server):
    """Moves a file or folder of the server."""

    from_: Dynamic[Text] = Field(alias="from", description="Path of the file or folder.")
    to: Dynamic[Text] = Field(description="Path to go to; in a folder that ends with `/` it keeps its name.")
    overwrite: Dynamic[bool] = Field(default=False, description="Replace a file that is there.")


class Delete(Server):
    """Deletes a file or an empty folder of the server."""

    uri: Dynamic[Text] = Field(description="Its path.")
    error_on_missing: Dynamic[bool] = Field(default=False, description="A missing file is an error.")


class Trigger(Server, Watching):
    """Looks for files in a folder of a server again and again; fires for those that are new or changed."""


TYPES: Final[Mapping[str, type[Spec]]] = {
    "fs.sftp.List": List,
    "fs.sftp.Download": Download,
    "fs.sftp.Downloads": Downloads,
    "fs.sftp.Upload": Upload,
    "fs.sftp.Uploads": Uploads,
    "fs.sftp.Move": Move,
    "fs.sftp.Delete": Delete,
    "fs.sftp.Trigger": Trigger,
}
