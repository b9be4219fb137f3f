"""Files and folders named on a command line -> what is wrong with the flows and flow tests in them.

A folder is walked; YAML in it that is neither is passed over. A file that is named is always looked at: as flow tests if
it holds such, or lies where they do, else as a flow.
"""

import os
import re
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path

from msgspec import Struct, field
from pathspec import GitIgnoreSpec

from segue.cli.errors import USAGE, CommandFailed
from segue.git.layout import (
    IGNORE_PATH,
    SETTINGS_PATH,
    FlowFile,
    Layout,
    NamespaceFile,
    PathMatcher,
    TestFile,
    may_be_namespace_file,
    parse_ignores,
    parse_settings,
)
from segue.model.flow import Flow, PluginDefault
from segue.model.problem import Problem
from segue.model.revision import FlowKey
from segue.spec.catalogue import Catalogue
from segue.spec.document import BYTES_MAX, Document, read_documents
from segue.spec.flow_tests import (
    LoadedSuite,
    duplicate_suites,
    load_suite,
    load_suites,
    resembles_suite,
    wrong_with,
)
from segue.spec.loader import Loaded, Surroundings, load_document, resembles_flow
from segue.spec.rules.repository import Surroundings as RepositoryAround
from segue.spec.rules.repository import check_repository
from segue.spec.rules.subject import Subject
from segue.spec.settings import load_settings
from segue.spec.ties import Ties

_EXTENSIONS = frozenset({".yaml", ".yml"})


class Repository(Struct, frozen=True, kw_only=True):
    """The repository that a path lies in, as far as it matters for reading its flows. One that `is_loose` is just the
    folder of a file, of which nobody knows what else belongs to it."""

    root: Path
    is_loose: bool
    matcher: PathMatcher
    ignores: GitIgnoreSpec
    defaults: tuple[PluginDefault, ...] = ()
    secrets: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()
    ties: dict[FlowKey, Ties] = field(default_factory=dict)
    suites: list[LoadedSuite] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)


class FlowFiles(Struct):
    """Looks at files; keeps what it has seen in `problems` and `flows`, and the valid ones by their keys in `found`.
    `secrets` are the names of those that are at hand, besides those that a repository's settings name."""

    catalogue: Catalogue
    secrets: frozenset[str] = frozenset()
    looks_ahead: bool = False
    problems: list[Problem] = field(default_factory=list)
    flows: int = 0
    suites: int = 0
    found: dict[tuple[str, str], Flow] = field(default_factory=dict)
    _repositories: dict[Path, Repository] = field(default_factory=dict)
    _seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def look_at(self, path: Path) -> None:
        """A file, or every flow in a folder."""
        if path.is_dir():
            for file in _yaml_below(path):
                self._look_at_file(file, is_named=False)
        elif path.exists():
            self._look_at_file(path, is_named=True)
        else:
            raise CommandFailed(f"there is no file or folder {path}", code=USAGE)

    def look_around(self) -> None:
        """What those flows and tests name that is not in their repositories. Asked when all have been looked at."""
        for repository in self._repositories.values():
            if not repository.is_loose:
                self.problems += self._missing_in(repository)
                self.problems += self._wrong_with_suites(repository)
        self.problems.sort(key=lambda problem: (problem.path, problem.line, problem.column))

    def _missing_in(self, repository: Repository) -> Iterator[Problem]:
        looked_at = tuple(repository.ties.values())
        flows = dict(repository.ties)
        if any(ties.calls or ties.upstream for ties in looked_at):
            flows = self._all_ties(repository)
        around = RepositoryAround(
            files=cache(partial(_namespace_files, repository)),
            secrets=self.secrets | repository.secrets,
            refuse_broken=True,
        )
        return check_repository(flows, around, only=looked_at)

    def _all_ties(self, repository: Repository) -> dict[FlowKey, Ties]:
        """Of all flows of the repository, those that were not asked for too."""
        flows = dict(repository.ties)
        for loaded in self._others_in(repository):
            if loaded.ties is not None:
                flows.setdefault(loaded.ties.key, loaded.ties)
        return flows

    def _wrong_with_suites(self, repository: Repository) -> Iterator[Problem]:
        suites = [loaded for loaded in repository.suites if loaded.suite is not None]
        flows = self._all_ties(repository) if suites else {}
        wanted = {loaded.suite.flow for loaded in suites if loaded.suite is not None}
        subjects = self._subjects(repository, {flows[key].path for key in wanted if key in flows})
        yield from duplicate_suites(suites)
        for loaded in suites:
            yield from wrong_with(loaded, flows, subjects)

    def _subjects(self, repository: Repository, paths: set[str]) -> dict[FlowKey, Subject]:
        """The flows in these files, as their rules read them."""
        found: dict[FlowKey, Subject] = {}
        for path in paths:
            file = Path(path)
            placed = repository.matcher.classify(_inside(file.absolute(), repository.root))
            around = self._around(file, repository, placed.namespace if isinstance(placed, FlowFile) else None)
            for document in _documents(file, is_named=False):
                loaded = load_document(document, around)
                if loaded.ties is not None and loaded.subject is not None:
                    found.setdefault(loaded.ties.key, loaded.subject)
        return found

    def _around(self, file: Path, repository: Repository, namespace: str | None) -> Surroundings:
        return Surroundings(
            path=str(file),
            catalogue=self.catalogue,
            default_namespace=namespace,
            global_defaults=repository.defaults,
        )

    def _others_in(self, repository: Repository) -> Iterator[Loaded]:
        """The flows of the repository that were not asked for, and that those may name."""
        for file in _yaml_below(repository.root):
            inside = _inside(file, repository.root)
            placed = repository.matcher.classify(inside)
            if file in repository.seen or not isinstance(placed, FlowFile) or repository.ignores.match_file(inside):
                continue
            around = self._around(file, repository, placed.namespace)
            for document in _documents(file, is_named=False):
                if resembles_flow(document):
                    yield load_document(document, around)

    def _look_at_file(self, file: Path, *, is_named: bool) -> None:
        repository = self._repository_of(file.absolute())
        inside = _inside(file.absolute(), repository.root)
        if inside == SETTINGS_PATH or (not is_named and repository.ignores.match_file(inside)):
            return  # the settings were looked at with the repository
        placed = repository.matcher.classify(inside)
        if isinstance(placed, NamespaceFile) and not is_named:
            return
        if isinstance(placed, TestFile):
            self._look_at_suites(file, placed, repository)
            return
        namespace = placed.namespace if isinstance(placed, FlowFile) else None
        around = Surroundings(
            path=str(file),
            catalogue=self.catalogue,
            default_namespace=namespace,
            folder_namespace=namespace,
            global_defaults=repository.defaults,
            refuse_broken_expressions=True,
            looks_ahead=self.looks_ahead,
        )
        repository.seen.add(file.absolute())
        is_expected = is_named or isinstance(placed, FlowFile)
        for document in _documents(file, is_named=is_named):
            is_broken = document.value is None and bool(document.findings)
            if is_named and resembles_suite(document):
                self._take_suite(load_suite(document, path=str(file), default_namespace=namespace), repository)
            elif is_named or resembles_flow(document) or (is_broken and (is_expected or _reads_as_flow(file))):
                self._take(load_document(document, around), str(file), repository)

    def _look_at_suites(self, file: Path, placed: TestFile, repository: Repository) -> None:
        repository.seen.add(file.absolute())
        for loaded in load_suites(_read(file), path=str(file), default_namespace=placed.namespace):
            self._take_suite(loaded, repository)

    def _take_suite(self, loaded: LoadedSuite, repository: Repository) -> None:
        self.suites += 1
        self.problems += loaded.problems
        repository.suites.append(loaded)

    def _take(self, loaded: Loaded, path: str, repository: Repository) -> None:
        self.flows += 1
        self.problems += loaded.problems
        if loaded.ties is not None:
            repository.ties.setdefault(loaded.ties.key, loaded.ties)
        if loaded.flow is None:
            return
        key = (loaded.flow.namespace, loaded.flow.id)
        self.found.setdefault(key, loaded.flow)
        other = self._seen.setdefault(key, path)
        if other != path:
            message = f"the flow {key[0]}.{key[1]} is in {other} too"
            self.problems.append(
                Problem(path=path, line=1, column=1, code="duplicate-flow", message=message, where="id")
            )

    def _repository_of(self, file: Path) -> Repository:
        root = _root_of(file.parent)
        if root not in self._repositories:
            repository = read_repository(root, self.catalogue)
            self._repositories[root] = repository
            self.problems += repository.problems
        return self._repositories[root]


def _inside(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


@cache
def _root_of(folder: Path) -> Path:
    """The nearest folder, this one or one above, that is a repository's root; or else the folder."""
    return next((each for each in (folder, *folder.parents) if _is_root(each)), folder)


def _is_root(folder: Path) -> bool:
    return (folder / SETTINGS_PATH).is_file() or (folder / ".git").exists()


def _namespace_files(repository: Repository, namespace: str) -> frozenset[str]:
    """Paths of the files that a namespace has on the disk."""
    found: set[str] = set()
    for parent, folders, files in os.walk(repository.root):
        folders[:] = [each for each in folders if each != ".git"]
        for name in files:
            inside = _inside(Path(parent, name), repository.root)
            placed = repository.matcher.classify(inside) if may_be_namespace_file(inside) else None
            if isinstance(placed, NamespaceFile) and placed.namespace in {namespace, None}:
                found.add(placed.path)
    return frozenset(found)


def read_repository(root: Path, catalogue: Catalogue) -> Repository:
    problems: list[Problem] = []
    defaults: tuple[PluginDefault, ...] = ()
    secrets: frozenset[str] = frozenset()
    folder, namespace = Layout().flows_folder, None
    settings_file, ignore_file = root / SETTINGS_PATH, root / IGNORE_PATH
    if settings_file.is_file():
        text = _read(settings_file)
        loaded = load_settings(text, path=_shown(settings_file), catalogue=catalogue)
        problems += loaded.problems
        defaults = loaded.settings.plugin_defaults if loaded.settings else ()
        secrets = loaded.settings.secrets if loaded.settings else frozenset()
        layout = parse_settings(text.decode("utf-8", "replace")) if loaded.settings else None
        if isinstance(layout, tuple):
            folder, namespace = layout
        elif layout is not None:
            problems.append(layout)
    ignored: tuple[str, ...] = ()
    if ignore_file.is_file():
        lines = parse_ignores(_read(ignore_file).decode("utf-8", "replace"))
        if isinstance(lines, Problem):
            problems.append(lines)
        else:
            ignored = lines
    return Repository(
        root=root,
        is_loose=not _is_root(root),
        matcher=Layout(flows_folder=folder, namespace=namespace).matcher(),
        ignores=GitIgnoreSpec.from_lines(ignored),
        defaults=defaults,
        secrets=secrets,
        problems=tuple(problems),
    )


def _shown(path: Path) -> str:
    """Relative to here, as the paths that were typed usually are."""
    return os.path.relpath(path)


def _documents(file: Path, *, is_named: bool) -> Iterable[Document]:
    documents = read_documents(_read(file))
    return documents or ((Document(None, None),) if is_named else ())


def _reads_as_flow(file: Path) -> bool:
    """Whether text that is no YAML was meant to be a flow, as far as its lines tell."""
    return all(re.search(key, _read(file), re.MULTILINE) for key in (rb"^id:", rb"^tasks:"))


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from error


def _yaml_below(folder: Path) -> Iterator[Path]:
    """YAML files of a folder and below, in order; hidden folders are passed over."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(files):
            file = Path(parent, name)
            if file.suffix in _EXTENSIONS and not name.startswith("."):
                yield file
