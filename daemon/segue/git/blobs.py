"""Reading blobs: one `git cat-file --batch` that lives on, one lock around it, a fresh one when it dies.

The lock is the point: a shared reader without one hands a thread the bytes that another asked for. A blob larger than
the bound is refused by the size in its header, before its bytes are read; the process is then ended, because the
bytes it goes on to write would have to be read to reach the next answer.
"""

import contextlib
import subprocess
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Self

from segue.git.layout import is_sound_path
from segue.git.names import checked_commit_id
from segue.git.runner import GitError, end_group, run_git, start_git

BLOB_SIZE_MAX: Final = 1 << 20
# Requests written before their answers are read. They fill a fraction of a pipe, so neither side ever waits for the
# other to read first; and so many blobs of the largest size are all that is in memory at once.
_AHEAD: Final = 64
_ATTEMPTS: Final = 2
# It says so on a stream that nobody reads; GitError takes this for what it mostly is: a damaged object.
_ENDED: Final = "the reader ended twice in a row"


class BlobMissing(Exception):
    """There is no such blob, or no such path in that commit."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no blob {name}")
        self.name = name


class BlobTooLarge(Exception):
    def __init__(self, name: str, size: int, size_max: int) -> None:
        super().__init__(f"{name} has {size:,} bytes; at most {size_max:,} are read")
        self.name = name
        self.size = size
        self.size_max = size_max


class BlobReader:
    """Reads blobs of one repository, from any thread. `close()` it, or use it in a `with` statement."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, blob: str, *, size_max: int = BLOB_SIZE_MAX) -> bytes:
        """The blob's bytes. Raises BlobMissing or BlobTooLarge."""
        return self._read(checked_commit_id(blob), size_max)

    def read_path(self, commit_id: str, path: str, *, size_max: int = BLOB_SIZE_MAX) -> bytes:
        """The bytes of a file as of a commit. Raises BlobMissing or BlobTooLarge."""
        name = f"{checked_commit_id(commit_id)}:{path}"
        # Git reads `./` and `../` here as relative to a folder, and dies of what is outside.
        if not is_sound_path(path):
            raise BlobMissing(name)
        return self._read(name, size_max)

    def read_many(self, blobs: Iterable[str], *, size_max: int = BLOB_SIZE_MAX) -> Iterator[tuple[str, bytes | None]]:
        """Each blob with its bytes, in the order asked; None where it is larger than the bound."""
        waiting = iter(blobs)
        while batch := list(islice(waiting, _AHEAD)):
            yield from self._read_batch(batch, size_max)

    def close(self) -> None:
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, name: str, size_max: int) -> bytes:
        with self._lock:
            for _attempt in range(_ATTEMPTS):
                try:
                    self._ask((name,))
                    return self._answer(name, size_max)
                except (BrokenPipeError, EOFError):
                    self._stop()
        raise GitError("cat-file", -1, _ENDED + " while it was asked for " + name)

    def _read_batch(self, batch: Sequence[str], size_max: int) -> list[tuple[str, bytes | None]]:
        found: list[tuple[str, bytes | None]] = []
        failures = 0
        with self._lock:
            while len(found) < len(batch):
                rest = [checked_commit_id(blob) for blob in batch[len(found) :]]
                try:
                    self._ask(rest)
                    self._answers(rest, size_max, found)
                except (BrokenPipeError, EOFError) as error:
                    self._stop()
                    failures += 1
                    if failures == _ATTEMPTS:
                        raise GitError("cat-file", -1, _ENDED) from error
        return found

    def _answers(self, names: Iterable[str], size_max: int, found: list[tuple[str, bytes | None]]) -> None:
        """Collect answers until all are here or one is too large, after which the rest has to be asked again."""
        for name in names:
            try:
                found.append((name, self._answer(name, size_max)))
            except BlobTooLarge:
                found.append((name, None))
                return
            except BlobMissing:
                self._stop()  # answers to the others are still under way
                raise

    def _ask(self, names: Iterable[str]) -> None:
        stdin = self._running().stdin
        assert stdin is not None
        stdin.write(b"".join(name.encode("utf-8", "surrogateescape") + b"\n" for name in names))
        stdin.flush()

    def _answer(self, name: str, size_max: int) -> bytes:
        stdout = self._running().stdout
        assert stdout is not None
        header = stdout.readline()
        if not header.endswith(b"\n"):
            raise EOFError
        words = header.split()
        if words[-1] in (b"missing", b"ambiguous") or len(words) != 3:
            raise BlobMissing(name)
        size = int(words[2])
        if size > size_max or words[1] != b"blob":
            self._stop()
            if words[1] != b"blob":
                raise BlobMissing(name)
            raise BlobTooLarge(name, size, size_max)
        data = stdout.read(size + 1)
        if len(data) != size + 1:
            raise EOFError
        return data[:-1]

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = start_git(self._git_dir, "cat-file", "--batch", stderr=subprocess.DEVNULL, has_stdin=True)
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        end_group(process)
        for stream in (process.stdin, process.stdout):
            # What was still to be written has nobody to read it any more.
            with contextlib.suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()


def sizes_of(git_dir: Path, blobs: Collection[str]) -> dict[str, int]:
    """Bytes of each blob that is there, by one process for all of them."""
    if not blobs:
        return {}
    names = "".join(f"{checked_commit_id(blob)}\n" for blob in blobs)
    output = run_git(git_dir, "cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=names.encode())
    pairs = (line.split(" ") for line in output.decode().splitlines())
    return {blob: int(size) for blob, size in pairs if size.isdigit()}
