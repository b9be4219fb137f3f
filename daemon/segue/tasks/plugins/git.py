"""`git.Clone`, `git.Push` and `git.PushNamespaceFiles`: how a flow reads repositories, and how it changes files in them -
clone, change, commit, push. What is pushed to the daemon's own source goes live as any commit does."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from segue.model.order import LogLevel
from segue.spec.types.plugins.git import Clone, Push, Pushed, PushNamespaceFiles, Remote
from segue.tasks.context import FOLDER_PREFIX, TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins.git_command import Git
from segue.tasks.scripts import files, script

AUTHOR_NAME: Final = "Segue"
AUTHOR_EMAIL: Final = "segue@localhost"
_PUSH_TRIES: Final = 3  # somebody else may push at the same moment


def clone(properties: Clone, context: TaskContext) -> Result:
    """Outputs `directory`, the folder that it is in."""
    folder = _folder(properties.directory, context)
    with _git(folder, properties, properties.url, context) as git:
        _begin(git, properties.url)
        if properties.commit is not None:
            _check_out_commit(git, _name("commit", properties.commit), properties.depth)
        elif properties.tag is not None:
            _fetch(git, f"refs/tags/{_name('tag', properties.tag)}", properties.depth)
            git.run("checkout", "--quiet", "--detach", "FETCH_HEAD")
        else:
            branch = _name("branch", properties.branch) if properties.branch else _default_branch(git)
            _fetch(git, f"+refs/heads/{branch}:refs/remotes/origin/{branch}", properties.depth)
            git.run("checkout", "--quiet", "-B", branch, f"refs/remotes/origin/{branch}")
        if properties.clone_submodules:
            git.run("submodule", "update", "--init", "--recursive", f"--depth={properties.depth}")
    return Result(outputs={"directory": str(folder)})


def push(properties: Push, context: TaskContext) -> Result:
    """Outputs `commitId`, null if nothing had changed."""
    folder = _folder(properties.directory, context)
    branch = _name("branch", properties.branch)
    with _git(folder, properties, properties.url or "", context) as git:
        if not (folder / ".git").exists():
            if properties.url is None:
                raise TaskFailed("There is no clone in the folder, and no `url` to clone from")
            _check_out_for_push(git, properties.url, branch)
        files.write_input_files(context, properties.input_files or {}, folder)
        git.run("add", "--", *script.listed(properties.add_files_pattern))
        return Result(outputs={"commitId": _commit_and_push(git, properties, branch, context)})


def push_namespace_files(properties: PushNamespaceFiles, context: TaskContext) -> Result:
    """Outputs `commitId`, null if nothing had changed or would be pushed, and `files`, the paths that changed."""
    branch = _name("branch", properties.branch)
    context.surroundings.work.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=context.surroundings.work))
    try:
        with _git(work, properties, properties.url, context) as git:
            _check_out_for_push(git, properties.url, branch)
            target = files.safe_path(work, properties.git_directory)
            if properties.delete and target.exists():
                shutil.rmtree(target)
            target.mkdir(parents=True, exist_ok=True)
            patterns = tuple(script.listed(properties.files))
            context.namespace_files.copy(properties.namespace or context.order.namespace, target, patterns, ())
            git.run("add", "--all", "--", properties.git_directory)
            changed = git.run("diff", "--cached", "--name-only")
            commit_id = None if properties.dry_run else _commit_and_push(git, properties, branch, context)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Result(outputs={"commitId": commit_id, "files": changed})


@contextmanager
def _git(folder: Path, remote: Remote, url: str, context: TaskContext) -> Iterator[Git]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER_PREFIX}git-", dir=context.surroundings.work) as secrets:
        yield Git(folder, remote, url, context, Path(secrets))


def _folder(directory: str | None, context: TaskContext) -> Path:
    folder = context.working_directory
    return folder if directory in (None, "", ".") else files.safe_path(folder, str(directory))


def _name(what: str, text: str) -> str:
    """Git takes options anywhere on its command line; nothing an author names may become one."""
    name = text.strip()
    if not name or name.startswith("-") or ".." in name or any(letter in " ~^:?*[\\\n\t" for letter in name):
        raise TaskFailed(f"{what}: {text!r} cannot be a name in Git")
    return name


def _begin(git: Git, url: str) -> None:
    if url.startswith("-"):
        raise TaskFailed(f"url: {url!r} is no address of a repository")
    git.run("init", "--quiet", "--template=")
    git.run("remote", "add", "--", "origin", url)


def _fetch(git: Git, refspec: str, depth: int | None) -> None:
    git.run("fetch", "--quiet", "--no-tags", *((f"--depth={depth}",) if depth else ()), "origin", refspec)


def _check_out_commit(git: Git, commit: str, depth: int) -> None:
    """Some servers give a commit by its id; of the others the whole history is fetched."""
    if not git.succeeds("fetch", "--quiet", "--no-tags", f"--depth={depth}", "origin", commit):
        _fetch(git, "+refs/heads/*:refs/remotes/origin/*", None)
    git.run("checkout", "--quiet", "--detach", commit)


def _default_branch(git: Git) -> str:
    for line in git.run("ls-remote", "--symref", "origin", "HEAD"):
        if line.startswith("ref: refs/heads/"):
            return _name("branch", line.removeprefix("ref: refs/heads/").partition("\t")[0])
    raise TaskFailed("The repository names no default branch: give `branch`")


def _check_out_for_push(git: Git, url: str, branch: str) -> None:
    """The branch, or a new one from the repository's own."""
    _begin(git, url)
    known = git.run("ls-remote", "--heads", "origin")
    if any(line.endswith(f"\trefs/heads/{branch}") for line in known):
        start = branch
    elif known:
        start = _default_branch(git)
    else:
        git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        return
    _fetch(git, f"+refs/heads/{start}:refs/remotes/origin/{start}", 1)
    git.run("checkout", "--quiet", "-B", branch, f"refs/remotes/origin/{start}")


def _commit_and_push(git: Git, properties: Pushed, branch: str, context: TaskContext) -> str | None:
    if git.succeeds("diff", "--cached", "--quiet"):
        context.log(LogLevel.INFO, "Nothing has changed, nothing is pushed")
        return None
    author = properties.author
    name = (author and author.name) or properties.author_name or properties.username or AUTHOR_NAME
    email = (author and author.email) or properties.author_email or AUTHOR_EMAIL
    order = context.order
    message = properties.commit_message or f"Push from {order.namespace}.{order.flow_id}"
    who = ("-c", f"user.name={name}", "-c", f"user.email={email}")
    git.run(*who, "commit", "--quiet", "--no-verify", "--message", message)
    for tries_left in range(_PUSH_TRIES, 0, -1):
        if git.succeeds("push", "--quiet", "--no-verify", "origin", f"HEAD:refs/heads/{branch}"):
            break
        if tries_left == 1:
            git.run("push", "--quiet", "--no-verify", "origin", f"HEAD:refs/heads/{branch}")
        elif git.succeeds("fetch", "--quiet", "--unshallow", "origin", branch) or git.succeeds(
            "fetch", "origin", branch
        ):
            git.run(*who, "rebase", "--quiet", "FETCH_HEAD")
    commit_id = git.run("rev-parse", "HEAD")[0]
    context.log(LogLevel.INFO, f"Pushed {commit_id} to {branch}")
    return commit_id


_PREFIX = "io.kestra.plugin.git."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "Clone", properties=Clone, run=clone),
    TaskKind(name=_PREFIX + "Push", properties=Push, run=push, variables=script.variables),
    TaskKind(name=_PREFIX + "PushNamespaceFiles", properties=PushNamespaceFiles, run=push_namespace_files),
)
