"""Real Git repositories for tests: made in a folder of the test's own, with fixed authors and dates, so that the same
steps give the same commit ids on every machine, and with everybody's Git configuration switched off."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

FIRST_COMMIT_AT: Final = 1_700_000_000
SECONDS_BETWEEN_COMMITS: Final = 60


def flow_text(flow_id: str = "hello", namespace: str | None = "company.team", message: str = "Hello") -> str:
    """A flow that is valid and short."""
    place = f"namespace: {namespace}\n" if namespace else ""
    return (
        f"id: {flow_id}\n{place}tasks:\n  - id: log\n    type: io.kestra.plugin.core.log.Log\n    message: {message}\n"
    )


class Repository:
    """A repository with a work tree. Every method that commits answers with the commit's id."""

    def __init__(self, path: Path, *, object_format: str = "sha1", branch: str = "main", bare: bool = False) -> None:
        self.path = path
        self._commits = 0
        path.mkdir(parents=True, exist_ok=True)
        kind = ("--bare",) if bare else ()
        options = (f"--object-format={object_format}", f"--initial-branch={branch}", "--template=")
        self.git("init", "--quiet", *kind, *options)

    @classmethod
    def at(cls, path: Path) -> "Repository":
        """The repository that is there already."""
        repository = cls.__new__(cls)
        repository.path, repository._commits = path, 0
        return repository

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def commit(
        self,
        files: Mapping[str, str | bytes | None] | None = None,
        message: str = "change",
        *,
        author: str = "Ada Lovelace <ada@example.com>",
    ) -> str:
        """Commit the work tree after writing these files (None deletes one)."""
        for name, content in (files or {}).items():
            self.write(name, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--author={author}", "--message", message)
        self._commits += 1
        return self.head

    def write(self, name: str, content: str | bytes | None) -> None:
        target = self.path / name
        if content is None:
            target.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit_flow(self, flow_id: str = "hello", namespace: str = "company.team", message: str = "Hello") -> str:
        return self.commit({f"flows/{namespace}/{flow_id}.yaml": flow_text(flow_id, namespace, message)})

    def move(self, old: str, new: str, message: str = "move") -> str:
        (self.path / new).parent.mkdir(parents=True, exist_ok=True)
        self.git("mv", old, new)
        return self.commit(message=message)

    def remove(self, names: Iterable[str], message: str = "remove") -> str:
        return self.commit(dict.fromkeys(names), message)

    def link(self, name: str, target: str) -> str:
        """Commit a symbolic link."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).symlink_to(target)
        return self.commit(message="link")

    def reset(self, commit: str) -> None:
        """Move the branch, as a force push would."""
        self.git("reset", "--quiet", "--hard", commit)

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        # No maintenance in the background of a test that looks at the repository's files.
        settings = ("-c", "gc.auto=0", "-c", "maintenance.auto=false")
        command = ["git", "-C", str(self.path), *settings, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, env=self._environment(), check=False)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode("utf-8", "surrogateescape")

    def _environment(self) -> dict[str, str]:
        moment = f"{FIRST_COMMIT_AT + self._commits * SECONDS_BETWEEN_COMMITS} +0000"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        return kept | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file",
            "GIT_AUTHOR_NAME": "Ada Lovelace",
            "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_AUTHOR_DATE": moment,
            "GIT_COMMITTER_NAME": "Grace Hopper",
            "GIT_COMMITTER_EMAIL": "grace@example.com",
            "GIT_COMMITTER_DATE": moment,
        }


def break_object(git_dir: Path, object_id: str, damage: str) -> None:
    """Damage an object where it lies alone; packs are taken apart first."""
    packs = git_dir / "objects" / "pack"
    for pack in packs.glob("*.pack"):
        content = pack.read_bytes()
        for file in packs.glob(f"{pack.stem}.*"):
            file.unlink()
        subprocess.run(["git", f"--git-dir={git_dir}", "unpack-objects", "-q"], input=content, check=True)
    loose = git_dir / "objects" / object_id[:2] / object_id[2:]
    loose.chmod(0o644)
    match damage:
        case "garbage":
            loose.write_bytes(b"no object at all")
        case "truncated":
            loose.write_bytes(loose.read_bytes()[:10])
        case _:
            loose.unlink()
