"""The checkout that a flow to run lies in: where it begins, and what a snapshot of it must hold besides.

A flow that is named by its file runs wherever the file lies: outside the folder for flows it is added to it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from segue.cli.errors import CommandFailed
from segue.cli.flow_files import read_repository
from segue.git.layout import SETTINGS_PATH, FlowFile
from segue.git.mirror import NotARepository, repository_around
from segue.spec.catalogue import Catalogue

_WHOLE_FOLDER: Final = b"flows: .\n"


class Checkout(Struct, frozen=True, kw_only=True):
    """`added` are files by their paths in it that the snapshot shall have, whatever the work tree says."""

    root: Path
    is_repository: bool
    added: Mapping[str, bytes]


def checkout_around(folder: Path) -> Checkout:
    """The repository around a folder; without one the folder with a `segue.yaml` above it, or itself."""
    folder = folder.absolute()
    try:
        root = repository_around(folder)
    except NotARepository:
        root = next((each for each in (folder, *folder.parents) if (each / SETTINGS_PATH).is_file()), folder)
        added = {} if (root / SETTINGS_PATH).is_file() else {SETTINGS_PATH: _WHOLE_FOLDER}
        return Checkout(root=root, is_repository=False, added=added)
    except FileNotFoundError as error:
        raise CommandFailed("git is not installed, or not on the PATH: flows are run as of a commit") from error
    if not (root / ".git").exists():
        raise CommandFailed(f"{root} is a bare repository: there is no work tree to run flows from")
    return Checkout(root=root, is_repository=True, added={})


def repository_of_its_own(folder: Path) -> Checkout:
    """The same, where a folder with settings of its own (`segue.yaml`) within a repository counts as one: an example, or
    one of several in a repository. `segue validate` looks at it so, too."""
    around = checkout_around(folder)
    folder = folder.absolute()
    inner = (each for each in (folder, *folder.parents) if each.is_relative_to(around.root) and each != around.root)
    root = next((each for each in inner if (each / SETTINGS_PATH).is_file()), None)
    return around if root is None else replace(around, root=root)


def with_file(checkout: Checkout, file: Path, catalogue: Catalogue) -> tuple[Checkout, str]:
    """The checkout that has this file as a flow for certain, and the file's path in it."""
    inside, content = _inside(checkout.root, file), _content(file)
    repository = read_repository(checkout.root, catalogue)
    folder = "." if SETTINGS_PATH in checkout.added else repository.matcher.layout.flows_folder
    is_placed = folder == "." or isinstance(repository.matcher.classify(inside), FlowFile)
    if not is_placed or repository.ignores.match_file(inside):
        name = f"segue-run-{file.stem}.yaml"
        inside = name if folder == "." else f"{folder}/{name}"
    return replace(checkout, added={**checkout.added, inside: content}), inside


def _inside(root: Path, file: Path) -> str:
    """The file's path in the checkout; that of a link which leads out of it is where the link is."""
    try:
        return file.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return file.absolute().relative_to(root).as_posix()


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from error
