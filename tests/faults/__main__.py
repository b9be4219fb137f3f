"""`python -m tests.faults --kills 1000 --seed 7`: kill the daemon (or `--workers`) so often under load; prints a table.

Ends with 1 when something was lost, hangs, or ran unannounced. The data folder is left for who wants to look.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.chaos import kill_daemon, kill_workers, loaded_daemon


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--workers", action="store_true", help="kill workers instead of the daemon")
    options = parser.parse_args()
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="segue-faults-"))
    console.print(f"seed {options.seed}, in {folder}")
    with loaded_daemon(folder, ticks=not options.workers) as (daemon, marks):
        if options.workers:
            outcome = kill_workers(daemon, marks, kills=options.kills, seed=options.seed)
        else:
            outcome = kill_daemon(daemon, marks, kills=options.kills, seed=options.seed, say=console.print)
    table = Table("what", "figure", title="Segue, faults")
    for row in outcome.rows():
        table.add_row(*row)
    console.print(table)
    for fault in outcome.all_faults[:20]:
        console.print(fault, style="red", markup=False)
    return 1 if outcome.all_faults else 0


if __name__ == "__main__":
    sys.exit(main())
