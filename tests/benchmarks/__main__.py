"""`python -m tests.benchmarks [--quick]`: runs the benchmarks on this machine and prints a table.

Everything is measured on a real daemon in a temporary folder, over loopback, for a bounded time.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import daemon as measures
from tests.support.daemon import Daemon
from tests.support.repositories import Repository


def rows(folder: Path, *, is_quick: bool) -> Iterator[measures.Row]:
    repository = Repository(folder / "repository")
    repository.commit(measures.FLOWS, "flows of the benchmarks")
    seconds = 3.0 if is_quick else 15.0
    yield from measures.start(folder, repository, 3)
    daemon = Daemon(repository, folder / "daemon", is_fresh=True).start_process()
    try:
        yield from measures.idle(daemon, seconds)
        yield from measures.webhooks(daemon, seconds)
        yield from measures.scripts(daemon)
        yield from measures.loops(daemon, (1_000,) if is_quick else (1_000, 10_000))
        yield from measures.commit_to_live(daemon, 5 if is_quick else 20)
        yield from measures.memory_after(daemon)
    finally:
        daemon.discard()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds for each, as a look")
    options = parser.parse_args()
    console = Console()
    table = Table("what", "measured", "to reach", title="Segue, benchmarks")
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        for row in rows(Path(folder), is_quick=options.quick):
            console.print(f"[dim]{row[0]}: {row[1]}[/dim]")
            table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
