"""Which file of a repository is what. Pure: from a path and the repository's own settings, nothing is read here.

    flows/<namespace>/<name>.yaml|yml          a flow; nested folders join: flows/company/team/x.yaml is company.team
    flows/<namespace>/_files/**                namespace files
    flows/<namespace>/_tests/**                flow tests
    <namespace>/flows/**, <namespace>/files/**, <namespace>/tests/**
                                               the same, as Kestra's NamespaceSync writes them
    _flows/**, _files/**                       the same, as Kestra's SyncFlows and SyncNamespaceFiles write them

`segue.yaml` may name another folder than `flows` (`flows: .` is the whole repository), and the namespace that `_flows` and `_files` stand
for (`namespace: company.team`). `.segueignore` takes paths out, in the language of .gitignore.
"""

from collections.abc import Iterable
from typing import Final

import yaml
from msgspec import Struct
from pathspec import GitIgnoreSpec

from segue.git.history import MODE_SUBMODULE, MODE_SYMLINK
from segue.model.names import NAMESPACE
from segue.model.problem import Problem, Severity
from segue.spec.unreadable import yaml_fault

SETTINGS_PATH: Final = "segue.yaml"
IGNORE_PATH: Final = ".segueignore"
FLOWS_FOLDER: Final = "flows"
PATH_LENGTH_MAX: Final = 1024

_EXTENSIONS: Final = (".yaml", ".yml")
_FILES: Final = "_files"
_TESTS: Final = "_tests"


class FlowFile(Struct, frozen=True):
    """YAML that may hold flows. `namespace` is the folder's; None where the folder says nothing."""

    namespace: str | None


class NamespaceFile(Struct, frozen=True):
    """A file for the tasks of a namespace, under the path they know it by. A namespace of None: of whatever namespaces the
    repository's `_flows` have."""

    namespace: str | None
    path: str


class TestFile(Struct, frozen=True):
    namespace: str | None
    path: str

    __test__ = False  # a file with tests, no test


class OtherFile(Struct, frozen=True):
    """Nothing of ours."""


Placed = FlowFile | NamespaceFile | TestFile | OtherFile
OTHER: Final = OtherFile()


class Layout(Struct, frozen=True):
    """The repository's own say in where things are. Equal when the texts it came from say the same."""

    flows_folder: str = FLOWS_FOLDER
    namespace: str | None = None
    ignored: tuple[str, ...] = ()

    def matcher(self) -> "PathMatcher":
        return PathMatcher(self)


class PathMatcher:
    """Tells what a path is under one layout; the ignore patterns are compiled once."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._root = tuple(part for part in layout.flows_folder.split("/") if part not in ("", "."))
        self._ignores = GitIgnoreSpec.from_lines(layout.ignored) if layout.ignored else None
        self._placed: dict[str, Placed] = {}

    def classify(self, path: str) -> Placed:
        """What the file at this path is. Paths that no sound repository has are nothing of ours."""
        placed = self._placed.get(path)
        if placed is None:
            placed = self._placed[path] = self._classify(path)
        return placed

    def _classify(self, path: str) -> Placed:
        parts = tuple(path.split("/"))
        if not is_sound_path(path) or (self._ignores is not None and self._ignores.match_file(path)):
            return OTHER
        if parts[: len(self._root)] == self._root and len(parts) > len(self._root):
            placed = _in_flows_folder(parts[len(self._root) :])
        else:
            placed = OTHER
        if not isinstance(placed, OtherFile) or (self._root and parts[0] == self._root[0]):
            return placed
        return self._as_kestra_wrote_it(parts)

    def _as_kestra_wrote_it(self, parts: tuple[str, ...]) -> Placed:
        if len(parts) >= 2 and parts[0] == "_flows":
            return _below(parts[1:], self.layout.namespace)
        if len(parts) >= 2 and parts[0] == _FILES:
            return NamespaceFile(self.layout.namespace, "/".join(parts[1:]))
        return _of_namespace_sync(parts)


def is_sound_path(path: str) -> bool:
    """May this path become a file on a disk: relative, no `..`, nothing of Git's own, no control characters, UTF-8."""
    if not path or len(path) > PATH_LENGTH_MAX or not path.isprintable():
        return False
    return all(part not in ("", ".", "..") and part.lower() != ".git" for part in path.split("/"))


def may_be_namespace_file(path: str) -> bool:
    """A cheap no for most paths of a large repository: every namespace file lies in a folder that ends so."""
    return "files/" in path


def is_yaml(path: str) -> bool:
    return path.endswith(_EXTENSIONS)


def refusal(path: str, mode: str) -> Problem | None:
    """Why a file that stands where a flow or a namespace file belongs is not read, if so."""
    if mode == MODE_SYMLINK:
        why, hint = "a symbolic link is not followed", "commit the file itself"
        return Problem(path=path, line=0, column=0, code="symbolic-link", message=why, hint=hint)
    if mode == MODE_SUBMODULE:
        why, hint = "a submodule is not read", "commit the files themselves"
        return Problem(path=path, line=0, column=0, code="submodule", message=why, hint=hint)
    return None


def parse_settings(text: str) -> tuple[str, str | None] | Problem:
    """Flows folder and namespace out of `segue.yaml`; its other keys are somebody else's."""
    try:
        settings = yaml.load(text, Loader=_SettingsLoader)  # noqa: S506 - its constructors make plain values only
    except yaml.YAMLError as error:
        fault = yaml_fault(error)
        return _settings_problem(fault.line, fault.column, "yaml-syntax", fault.message)
    except RecursionError:
        return _settings_problem(0, 0, "yaml-syntax", "nested too deep")
    settings = {} if settings is None else settings
    if not isinstance(settings, dict):
        return _settings_problem(1, 1, "invalid-settings", "expected a mapping of keys")
    folder, namespace = settings.get("flows", FLOWS_FOLDER), settings.get("namespace")
    if not isinstance(folder, str) or not (folder.strip("/") in ("", ".") or is_sound_path(folder.strip("/"))):
        return _settings_problem(0, 0, "invalid-settings", f"flows: {folder!r} is not a folder of this repository")
    if namespace is not None and not (isinstance(namespace, str) and NAMESPACE.fullmatch(namespace)):
        return _settings_problem(0, 0, "invalid-settings", f"namespace: {namespace!r} is not a namespace")
    return folder.strip("/") or ".", namespace


def parse_ignores(text: str) -> tuple[str, ...] | Problem:
    lines = tuple(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    try:
        GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        return Problem(path=IGNORE_PATH, line=0, column=0, code="invalid-pattern", message=str(error))
    return lines


def folder_warning(path: str, folder: str | None, namespace: str) -> Problem | None:
    """The warning for a flow that lies in the folder of another namespace than the one it names."""
    if folder is None or folder == namespace:
        return None
    return Problem(
        path=path,
        line=0,
        column=0,
        code="namespace-folder",
        message=f"the flow says namespace {namespace}, its folder says {folder}; the flow is right",
        hint="move the file, or change the namespace",
        severity=Severity.WARNING,
    )


class _SettingsLoader(yaml.SafeLoader):
    """Safe, and without aliases: settings have no use for them, and bombs are made of them."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed here", self.get_mark())
        return super().compose_node(parent, index)


def _settings_problem(line: int, column: int, code: str, message: str) -> Problem:
    return Problem(path=SETTINGS_PATH, line=line, column=column, code=code, message=message)


def _in_flows_folder(parts: tuple[str, ...]) -> Placed:
    """A dotted folder with `flows` or `files` right below can only be Kestra's layout under a folder of its own."""
    if len(parts) >= 3 and "." in parts[0] and parts[1] in ("flows", "files"):
        return _of_namespace_sync(parts)
    return _below(parts, None)


def _below(parts: tuple[str, ...], outer: str | None) -> Placed:
    """A path below a flows folder: the folders name the namespace, up to one of the special folders."""
    *folders, name = parts
    for index, folder in enumerate(folders):
        if folder in (_FILES, _TESTS):
            kind = NamespaceFile if folder == _FILES else TestFile
            return kind(_namespace(folders[:index], outer), "/".join(parts[index + 1 :]))
    if name.startswith(".") or any(folder.startswith((".", "_")) for folder in folders):
        return OTHER
    return FlowFile(_namespace(folders, outer)) if name.endswith(_EXTENSIONS) else OTHER


def _of_namespace_sync(parts: tuple[str, ...]) -> Placed:
    if len(parts) < 3 or not NAMESPACE.fullmatch(parts[0]):
        return OTHER
    if parts[1] in ("files", "tests"):
        kind = NamespaceFile if parts[1] == "files" else TestFile
        return kind(parts[0], "/".join(parts[2:]))
    return _below(parts[2:], parts[0]) if parts[1] == "flows" else OTHER


def _namespace(folders: Iterable[str], outer: str | None) -> str | None:
    """Folders joined with dots, below the outer namespace; None when there is nothing to join."""
    return ".".join([outer, *folders] if outer else folders) or None
