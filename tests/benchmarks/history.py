"""A repository with a long history, made in a second by `git fast-import`: what cold syncs are measured on."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.repositories import FIRST_COMMIT_AT, SECONDS_BETWEEN_COMMITS, Repository, flow_text

_NAMESPACES = 20


def make_history(path: Path, *, commits: int = 10_000, flows: int = 1_000, seed: int = 1) -> Repository:
    """A bare repository in which every commit writes one to three of the flows; the first commits bring them all."""
    repository = Repository(path, bare=True)
    command = ["git", "-C", str(path), "fast-import", "--quiet", "--done"]
    importer = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert importer.stdin is not None
    with importer.stdin as stream:
        for part in _stream(commits, flows, random.Random(seed)):
            stream.write(part)
    if importer.wait() != 0:
        raise RuntimeError("git fast-import failed")
    return repository


def _stream(commits: int, flows: int, chance: random.Random) -> Iterator[bytes]:
    born = 0
    for number in range(commits):
        yield _commit(number)
        # All flows are there by the first tenth of the history.
        coming = min(flows, (number + 1) * flows * 10 // commits)
        changed = {*range(born, coming), *(chance.randrange(max(coming, 1)) for _ in range(chance.randint(1, 2)))}
        born = max(born, coming)
        for index in sorted(changed):
            namespace = f"company.team{index % _NAMESPACES}"
            text = flow_text(f"flow-{index}", namespace, f"as of {number}").encode()
            yield b"M 100644 inline flows/%s/flow-%d.yaml\n" % (namespace.encode(), index)
            yield b"data %d\n%s\n" % (len(text), text)
    yield b"done\n"


def _commit(number: int) -> bytes:
    moment = FIRST_COMMIT_AT + number * SECONDS_BETWEEN_COMMITS
    message = f"Change {number}".encode()
    return (
        b"commit refs/heads/main\n"
        + f"author Ada Lovelace <ada@example.com> {moment} +0000\n".encode()
        + f"committer Ada Lovelace <ada@example.com> {moment} +0000\n".encode()
        + b"data %d\n%s\n" % (len(message), message)
    )
