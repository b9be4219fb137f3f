"""`segue validate`: are the files of flows and flow tests good. Exit code 0 yes, 1 no, 2 wrong usage."""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from segue.cli.errors import FIXABLE, GOOD
from segue.cli.flow_files import FlowFiles
from segue.cli.problem_formats import Format, printed, text_line
from segue.model.problem import Problem, Severity
from segue.runtime.secrets import Secrets
from segue.tasks import packages


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files, or folders to walk. Example: flows other/flow.yaml"),
    ] = None,
    output: Annotated[
        Format,
        typer.Option("--format", "-f", help="How problems are printed. Example: --format github in a workflow"),
    ] = Format.TEXT,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Warnings count as problems, also those about Kestra 2.0. Example: --strict"),
    ] = False,
) -> None:
    """Check flows and flow tests, and that the flows, files and secrets that they name exist. Prints `path:line:column code message` for each problem; exit code 1 if there is one.

    Example: segue validate flows
    """
    _collect_seldom()
    files = FlowFiles(
        packages.catalogue(),
        secrets=frozenset(Secrets(os.environ).values),
        looks_ahead=strict,
    )
    for path in paths or [Path()]:
        files.look_at(path)
    files.look_around()
    _print(files.problems, output)
    if output is Format.TEXT:
        print(_summary(files), file=sys.stderr)
    raise typer.Exit(FIXABLE if _counts(files.problems, strict=strict) else GOOD)


def _collect_seldom() -> None:
    """What thousands of flows leave holds no circles to speak of: looking for them would cost a quarter of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 100, 100)


def _counts(problems: Sequence[Problem], *, strict: bool) -> bool:
    return any(strict or each.severity is Severity.ERROR for each in problems)


def _print(problems: Sequence[Problem], output: Format) -> None:
    if output is Format.TEXT and sys.stdout.isatty():
        console = Console(highlight=False, soft_wrap=True)
        for problem in problems:
            console.print(_coloured(problem))
    elif problems or output in {Format.JSON, Format.SARIF}:
        print(printed(problems, output))


def _coloured(problem: Problem) -> Text:
    text = Text(text_line(problem))
    text.highlight_words([f" {problem.code} "], "yellow" if problem.severity is Severity.WARNING else "bold red")
    return text


def _summary(files: FlowFiles) -> str:
    errors = sum(each.severity is Severity.ERROR for each in files.problems)
    warnings = len(files.problems) - errors
    suites = f", {_number(files.suites, 'test suite')}" if files.suites else ""
    return f"{_number(files.flows, 'flow')}{suites}, {_number(errors, 'problem')}, {_number(warnings, 'warning')}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
