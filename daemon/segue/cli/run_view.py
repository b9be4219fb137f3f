"""What `segue run` shows while a flow runs: on a terminal a tree that moves with the log lines above it, elsewhere a
line for each thing that happens."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Final, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from segue.cli.printing import clean, clock_text, log_text, one_line, span_text, style_of
from segue.cli.run_tree import Row, failure_of, name_of, place_of, rows_of, title_of
from segue.model.execution import Execution, Kind, TaskRun
from segue.model.names import TaskRunId
from segue.model.state import State
from segue.runtime.local import News, Seen
from segue.web.ports.logs import LogEntry

_ROWS_MAX: Final = 200
_ITERATIONS_MAX: Final = 5
_TOLD: Final = frozenset(State) - {State.CREATED, State.QUEUED, State.KILLING, State.RESTARTED}


class View(Protocol):
    """Somebody who is shown the news of a run."""

    def shown(self) -> AbstractContextManager[object]: ...
    def show(self, news: News) -> None: ...
    def say(self, sentence: str) -> None: ...


def view_on(stream: TextIO) -> View:
    """The view that fits where it is shown."""
    return TreeView(Console(file=stream, highlight=False)) if stream.isatty() else LinesView(stream)


class TreeView:
    """The tree at the bottom of the terminal, drawn anew with each news; log lines go by above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def shown(self) -> AbstractContextManager[object]:
        return self._live

    def say(self, sentence: str) -> None:
        self._console.print(Text(sentence, "bold"))

    def show(self, news: News) -> None:
        if news.lines:
            self._console.print(Text("\n").join(map(_coloured, news.lines)), soft_wrap=True)
        shown, left_out = _shown(news.seen)
        trees: list[Table | Text] = [self._tree(each, news.at, len(shown)) for each in shown]
        if left_out:
            trees.append(Text(f"... and {left_out} more iterations under way or failed", "dim"))
        self._live.update(Group(*trees), refresh=True)

    def _tree(self, seen: Seen, now: datetime, trees: int) -> Table:
        rows_max = max(min(self._console.height // trees - 3, _ROWS_MAX), 3)
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True)
        for row in (title_of(seen.execution, now), *rows_of(seen.execution, now, rows_max=rows_max)):
            table.add_row(*_cells(row))
        return table


def _shown(seen: Sequence[Seen]) -> tuple[list[Seen], int]:
    """Of iterations a few, first those that failed; and how many are left out."""
    iterations = [each.execution for each in seen if each.execution.kind is Kind.LOOP]
    iterations.sort(key=lambda each: not each.state.is_final)
    left_out = {each.id for each in iterations[_ITERATIONS_MAX:]}
    return [each for each in seen if each.execution.id not in left_out], len(left_out)


class LinesView:
    """Plain lines for pipes and files, nothing said twice."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: dict[TaskRunId, int] = {}
        self._places: dict[str, str] = {}

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def say(self, sentence: str) -> None:
        print(sentence, file=self._stream, flush=True)

    def show(self, news: News) -> None:
        self._places = {each.execution.id: _ahead(each.execution) for each in news.seen}
        lines = [(line.at, self._line(line)) for line in news.lines]
        lines += [told for seen in news.seen for told in self._told_of(seen.execution)]
        lines.sort(key=lambda line: line[0])
        for _, text in lines:
            print(text, file=self._stream)
        self._stream.flush()

    def _line(self, line: LogEntry) -> str:
        place = self._places.get(line.execution_id or "", "")
        return log_text(line.at, line.level, place + one_line(line.task_id), clean(line.message))

    def _told_of(self, execution: Execution) -> Iterator[tuple[datetime, str]]:
        for run in execution.task_runs.values():
            yield from self._moves(run, self._places[execution.id])

    def _moves(self, run: TaskRun, place: str) -> Iterator[tuple[datetime, str]]:
        """What became of the task run since it was looked at last."""
        told = self._told.get(run.id, 0)
        if told > len(run.history):
            told = 0
        for moved in run.history[told:]:
            if moved.state in _TOLD:
                yield moved.at, self._move(run, place, moved.state, moved.at)
        self._told[run.id] = len(run.history)

    def _move(self, run: TaskRun, place: str, state: State, at: datetime) -> str:
        length = f" {span_text(at - run.history[0].at)}" if state.is_final and state is not State.SKIPPED else ""
        why = f" {failure_of(run)}" if state is State.FAILED else ""
        return f"{clock_text(at)} {state:7} {place}{name_of(run)}{length}{why}".rstrip()


def _cells(row: Row) -> tuple[Text, Text, Text, Text]:
    return (
        Text(row.name),
        Text(row.state, style_of(row.state)),
        Text(row.took, "dim"),
        Text(row.note, "red" if row.state is State.FAILED else "dim"),
    )


def _ahead(execution: Execution) -> str:
    place = place_of(execution)
    return f"{place} " if place else ""


def _coloured(line: LogEntry) -> Text:
    return Text.assemble(
        (f"{line.level:5}", style_of(line.level)), " ", (one_line(line.task_id), "cyan"), " ", clean(line.message)
    )
