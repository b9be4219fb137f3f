"""What `segue test` shows: a line for each case as it ends, with what is wrong and the log under it; on a terminal a bar
that moves below."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from segue.cli.printing import clean, one_line
from segue.model.flow_test import Case, CaseResult, Suite, SuiteKey, Verdict

_WORDS: Final = {
    Verdict.SUCCESS: ("ok", "green"),
    Verdict.FAILED: ("FAIL", "bold red"),
    Verdict.ERROR: ("ERROR", "bold red"),
    Verdict.SKIPPED: ("skip", "dim"),
}
_RUNNING_SHOWN_MAX: Final = 3


class TestView:
    """`runtime.testing.Watcher`, for people. Paths of the checkout at `root` are shown as they are from here."""

    __test__ = False

    def __init__(self, stream: TextIO, root: Path) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._root = root
        self._is_terminal = stream.isatty()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._is_terminal,
        )
        self._bar = self._progress.add_task("", total=0)
        self._running: dict[tuple[SuiteKey, str], None] = {}

    def shown(self, cases: int) -> AbstractContextManager[object]:
        self._progress.update(self._bar, total=cases)
        return self._progress

    def case_begins(self, suite: Suite, case: Case) -> None:
        self._running[suite.key, case.id] = None
        self._describe()

    def case_ended(self, suite: Suite, case: CaseResult) -> None:
        self._running.pop((suite.key, case.case_id), None)
        for line in self._lines(suite, case):
            self._console.print(line)
        self._progress.advance(self._bar)
        self._describe()

    def shown_path(self, path: str) -> str:
        return os.path.relpath(self._root / path)

    def _describe(self) -> None:
        names = [f"{key}/{case}" for key, case in self._running]
        more = f" and {len(names) - _RUNNING_SHOWN_MAX} more" if len(names) > _RUNNING_SHOWN_MAX else ""
        self._progress.update(self._bar, description=", ".join(names[:_RUNNING_SHOWN_MAX]) + more)

    def _lines(self, suite: Suite, case: CaseResult) -> Iterator[Text]:
        word, style = _WORDS[case.verdict]
        took = f" ({case.note})" if case.verdict is Verdict.SKIPPED else f" {case.seconds:.2f} s"
        yield Text.assemble((f"{word:5}", style), f" {suite.key}/{one_line(case.case_id)}", (took, "dim"))
        path = self.shown_path(suite.path)
        for each in case.assertions:
            if not each.holds:
                yield _indented(f"{path}:{each.line} {each.message}")
                if each.description:
                    yield _indented(f"  {each.description}", "dim")
        for error in case.errors:
            yield _indented(f"{path}:{error.line or case.line} {error.message}")
        for line in case.logs:
            yield _indented(f"| {line}", "dim")


def _indented(text: str, style: str = "") -> Text:
    return Text(" " * 6 + clean(text).replace("\n", "\n" + " " * 6), style)
