"""Repositories of the shapes by which git was made to run or write what it should not, and settings that git could take
for options: each is followed for real, and nothing may come of it outside of our own folders."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from segue.git.blobs import BlobReader
from segue.git.history import read_commit
from segue.git.mirror import NotARepository, RefMissing, open_mirror
from segue.git.names import BadName, parse_source
from segue.git.namespace_files import NamespaceFiles
from segue.git.runner import GitError
from segue.git.sync import survey

from tests.support.repositories import Repository, flow_text

MARKER = "was-run"
SECRET = "a file of somebody else"
FLOW = "flows/n/hello.yaml"


def tree(repository: Repository, *entries: tuple[str, str, str]) -> str:
    """A tree that git's porcelain would not make: entries of mode, object and name."""
    kinds = {"040000": "tree", "160000": "commit"}
    lines = "".join(f"{mode} {kinds.get(mode, 'blob')} {object_id}\t{name}\0" for mode, object_id, name in entries)
    return repository.git("mktree", "-z", "--missing", stdin=lines.encode()).strip()


def blob(repository: Repository, content: str) -> str:
    return repository.git("hash-object", "-w", "--stdin", stdin=content.encode()).strip()


def commit_tree(repository: Repository, root: str) -> None:
    commit = repository.git("commit-tree", "-p", "HEAD", "-m", "evil", root).strip()
    repository.git("update-ref", "refs/heads/main", commit)


def with_files(repository: Repository, *entries: tuple[str, str, str]) -> None:
    """Namespace files of `n` that are these entries, beside a good flow."""
    files = tree(repository, *entries)
    flow = blob(repository, flow_text(namespace="n"))
    namespace = tree(repository, ("100644", flow, "hello.yaml"), ("040000", files, "_files"))
    commit_tree(repository, tree(repository, ("040000", tree(repository, ("040000", namespace, "n")), "flows")))


def hook_through_a_submodule(repository: Repository, outside: Path) -> None:
    """CVE-2024-32002: a submodule's folder that is a link into `.git` where letters have no case."""
    hook = blob(repository, f"#!/bin/sh\ntouch {outside / MARKER}\n")
    link, modules = blob(repository, ".git"), blob(repository, '[submodule "x"]\n path = A/modules/x\n url = ./y\n')
    inner = tree(repository, ("040000", tree(repository, ("160000", repository.head, "x")), "modules"))
    hooks = tree(repository, ("040000", tree(repository, ("100755", hook, "post-checkout")), "hooks"))
    with_files(repository, ("040000", inner, "A"), ("120000", link, "a"), ("040000", hooks, "y"))
    repository.git("read-tree", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", f"100644,{modules},.gitmodules")
    commit_tree(repository, repository.git("write-tree").strip())


def carriage_return_in_a_submodule(repository: Repository, outside: Path) -> None:
    """CVE-2025-48384: a path with a carriage return at its end."""
    link = blob(repository, str(outside))
    modules = blob(repository, '[submodule "sub\r"]\n\tpath = "sub\r"\n\turl = ../evil\n')
    with_files(
        repository, ("160000", repository.head, "sub\r"), ("120000", link, "sub"), ("100644", modules, ".gitmodules")
    )


def module_name_that_climbs(repository: Repository, outside: Path) -> None:
    """CVE-2018-11235, CVE-2018-17456: a module's name with `..`, a module's URL that is an option."""
    text = f'[submodule "../../{outside.name}"]\n path = sub\n url = -u./{MARKER}\n'
    with_files(repository, ("160000", repository.head, "sub"), ("100644", blob(repository, text), ".gitmodules"))


def objects_that_are_links(repository: Repository, outside: Path) -> None:
    """CVE-2022-39253: a clone of a folder copied what links in its object store lead to."""
    repository.commit({FLOW: flow_text(namespace="n")})
    (repository.path / ".git" / "objects" / "secret").symlink_to(outside / "secret")
    (repository.path / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (repository.path / ".git" / "objects" / "info" / "alternates").write_text(f"{outside}\n")


def bundle_of_another_place(repository: Repository, outside: Path) -> None:
    """CVE-2025-48385: the server names a bundle to fetch first."""
    repository.commit({FLOW: flow_text(namespace="n")})
    repository.git("config", "uploadpack.advertiseBundleURIs", "true")
    repository.git("config", "bundle.version", "1")
    repository.git("config", "bundle.mode", "any")
    repository.git("config", "bundle.x.uri", f"file://{outside}/secret")


def entries_of_git_itself(repository: Repository, outside: Path) -> None:
    """Names that are a repository's own, in every case and spelling that some file system takes for them."""
    config = blob(repository, f"[core]\n fsmonitor = touch {outside / MARKER}\n")
    inner = tree(repository, ("100644", config, "config"))
    with_files(
        repository,
        *(("040000", inner, name) for name in (".GIT", ".git", ".giT", ".g\u200cit", "git~1")),
        ("100644", config, ".gitconfig"),
    )


def entries_that_climb(repository: Repository, outside: Path) -> None:
    data = blob(repository, "evil")
    up = tree(repository, ("100644", data, MARKER))
    with_files(
        repository, ("040000", up, ".."), ("040000", up, "."), ("100644", data, "a\\..\\b"), ("100644", data, "c:d")
    )


def one_name_twice(repository: Repository, outside: Path) -> None:
    """A link and a folder of one name: who writes the link first writes through it."""
    inner = tree(repository, ("100644", blob(repository, "evil"), MARKER))
    with_files(repository, ("120000", blob(repository, str(outside)), "d"), ("040000", inner, "d"))


def links_everywhere(repository: Repository, outside: Path) -> None:
    links = [
        ("120000", blob(repository, target), f"l{number}") for number, target in enumerate((str(outside), "../../.."))
    ]
    with_files(repository, *links, ("120000", blob(repository, str(outside / "secret")), "secret.yaml"))


def filters_and_hooks(repository: Repository, outside: Path) -> None:
    """Attributes that run programs where files are checked out, and everything in a configuration that runs one."""
    attributes = blob(repository, "* filter=evil diff=evil merge=evil export-subst ident\n")
    with_files(repository, ("100644", attributes, ".gitattributes"), ("100644", blob(repository, "$Id$\r\n"), "a.txt"))
    run = f"touch {outside / MARKER}"
    for name in ("core.pager", "core.sshCommand", "filter.evil.smudge", "filter.evil.clean", "core.fsmonitor"):
        repository.git("config", name, run)
    for name in ("post-checkout", "post-update", "pre-receive", "reference-transaction", "post-index-change"):
        hook = repository.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{run}\n")
        hook.chmod(0o755)


SHAPES: list[Callable[[Repository, Path], None]] = [
    hook_through_a_submodule,
    carriage_return_in_a_submodule,
    module_name_that_climbs,
    objects_that_are_links,
    bundle_of_another_place,
    entries_of_git_itself,
    entries_that_climb,
    one_name_twice,
    links_everywhere,
    filters_and_hooks,
]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text(SECRET)
    return folder


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_hostile_repository_is_followed_and_reaches_nothing(
    tmp_path: Path, outside: Path, shape: Callable[[Repository, Path], None], scheme: str
) -> None:
    repository = Repository(tmp_path / "source")
    repository.commit({"README.md": "first"})
    shape(repository, outside)
    mirror = open_mirror(tmp_path / "data", parse_source(f"{scheme}{repository.path}"))
    into = tmp_path / "out"
    with BlobReader(mirror.git_dir) as reader:
        try:
            head = mirror.fetch().head
        except GitError:
            head = None  # refused whole: git itself found what is wrong with it
        if head is not None:
            found = survey(mirror.git_dir, reader, head)
            assert {str(key) for key in found.live} <= {"n/hello"}
            NamespaceFiles(mirror.git_dir, reader).materialise(head, "n", into)
    assert [each.name for each in outside.iterdir()] == ["secret"], "something was written or run"
    written = [each.relative_to(into) for each in into.rglob("*")] if into.exists() else []
    assert not any((into / each).is_symlink() or ".git" in str(each).lower().split("/") for each in written)
    for each in (tmp_path / "data").rglob("*"):
        assert each.is_symlink() or not each.is_file() or SECRET.encode() not in each.read_bytes(), each
    if shape is filters_and_hooks and head is not None:
        assert (into / "a.txt").read_bytes() == b"$Id$\r\n"  # as committed, whatever attributes say


# Settings.

OPTIONS = (
    "--upload-pack={run}",
    "-u{run}",
    "--exec={run}",
    "-oProxyCommand={run}",
    "-c core.sshCommand={run}",
    "--output={run}",
)
FRAMES = (
    "{}",
    "ext::sh -c {}",
    "ssh://{}/x",
    "{}:x",
    "x\n{}",
    "./{}",
    "file:///{}",
    "http://127.0.0.1:1/{}",
    "refs/heads/{}",
    "-{}",
)


def hostile(run: str) -> st.SearchStrategy[str]:
    option = st.sampled_from(OPTIONS).map(lambda each: each.format(run=run))
    framed = st.builds(lambda frame, each: frame.format(each), st.sampled_from(FRAMES), option | st.text(max_size=12))
    return option | framed | st.text(max_size=20)


@pytest.fixture
def mirrored(tmp_path: Path) -> tuple[Repository, Path]:
    repository = Repository(tmp_path / "source")
    repository.commit({FLOW: flow_text(namespace="n")})
    return repository, tmp_path / MARKER


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_setting_becomes_an_option_of_git(
    tmp_path: Path, mirrored: tuple[Repository, Path], data: st.DataObject
) -> None:
    """A branch, a source: taken as what it is, or refused, and nothing is run."""
    repository, marker = mirrored
    run = f"touch${{IFS}}{marker}"
    text = data.draw(hostile(run))
    as_branch = data.draw(st.booleans())
    folder = tmp_path / "data"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        source = parse_source(repository.path, branch=text) if as_branch else parse_source(text)
        if not as_branch and source.local_path is None:
            assert (
                source.location.startswith(("https://", "ssh://", "http://127.0.0.1"))
                or "@" in source.location
                or ":" in source.location
            )
            return  # another machine's: who it may be is held above, and it is not asked here
        open_mirror(folder, source).fetch()
    except (BadName, RefMissing, NotARepository, GitError, OSError):
        pass
    assert not marker.exists(), text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_name_of_a_request_becomes_an_option_of_git(mirrored: tuple[Repository, Path], data: st.DataObject) -> None:
    """Commits, blobs and paths that a caller names."""
    repository, marker = mirrored
    text = data.draw(hostile(f"touch${{IFS}}{marker}"))
    git_dir = repository.path / ".git"
    with BlobReader(git_dir) as reader:
        files = NamespaceFiles(git_dir, reader)
        for ask in (
            lambda: reader.read(text),
            lambda: reader.read_path(repository.head, text),
            lambda: reader.read_path(text, FLOW),
            lambda: read_commit(git_dir, text),
            lambda: files.files(text, "n"),
            lambda: files.read(repository.head, "n", text),
        ):
            with pytest.raises(Exception):  # noqa: B017 - whatever says no
                ask()
    assert not marker.exists(), text


def test_the_shapes_would_do_harm_to_a_checkout(tmp_path: Path, outside: Path) -> None:
    """That the shapes are what they are meant to be: git's own checkout writes a link that leads outside."""
    repository = Repository(tmp_path / "source")
    repository.commit({"README.md": "first"})
    links_everywhere(repository, outside)
    repository.git("reset", "--quiet", "--hard")
    assert (repository.path / "flows/n/_files/l0/secret").read_text() == SECRET
