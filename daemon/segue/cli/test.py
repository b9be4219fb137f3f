"""`segue test`: the flow tests of a checkout, run here and now, without a daemon."""

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from msgspec import Struct
from msgspec.structs import replace

from segue.cli.checkout import Checkout, repository_of_its_own
from segue.cli.errors import FIXABLE, GOOD, INTERRUPTED, USAGE, CommandFailed
from segue.cli.junit import junit_of
from segue.cli.printing import print_json
from segue.cli.problem_formats import text_line
from segue.cli.test_view import TestView
from segue.git.blobs import BlobMissing
from segue.git.runner import GitError
from segue.git.snapshot import BRANCH, TooMuch, take_snapshot
from segue.model.flow_test import Suite, SuiteResult, Verdict
from segue.model.problem import Problem, Severity
from segue.runtime.lifecycle import Segue
from segue.runtime.local import SourceUnreadable, interrupts, local_segue
from segue.runtime.settings import BadSetting
from segue.runtime.suites import loaded_at, looked_at
from segue.runtime.testing import RunOptions, run_suites
from segue.spec.flow_tests import LoadedSuite, load_suites
from segue.storage.storage import StorageFailure
from segue.store.errors import StoreError
from segue.web.answers import problem_json
from segue.web.suite_shapes import suite_json

_AT_ONCE: Final = 4
_AT_ONCE_MAX: Final = 32
_SECONDS: Final = 60.0


class _Wanted(Struct, frozen=True, kw_only=True):
    """Which tests of the checkout: those in files or folders (by their paths in it; none: all), of flows whose files
    are among them, and with a text in their names."""

    checkout: Checkout
    paths: tuple[str, ...]
    text: str

    def takes(self, loaded: LoadedSuite, flow_file: str | None) -> bool:
        return not self.paths or any(_is_at(loaded.path, path) or flow_file == path for path in self.paths)

    def narrowed(self, suite: Suite) -> Suite | None:
        """The suite with those of its cases that are wanted; None if there are none."""
        cases = tuple(case for case in suite.cases if self.text in f"{suite.key}/{case.id}")
        return replace(suite, cases=cases) if cases else None


class _Ran(Struct, frozen=True, kw_only=True):
    results: tuple[SuiteResult, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_good(self) -> bool:
        is_broken = any(each.severity is Severity.ERROR for each in self.problems)
        return not is_broken and all(each.verdict.is_good for each in self.results)


def run_tests(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Files with tests, files of flows, or folders. Example: flows/company.team/_tests/hello.yaml",
        ),
    ] = None,
    text: Annotated[
        str,
        typer.Option(
            "--filter", "-k", help="Only cases with this text in NAMESPACE/SUITE/CASE. Example: -k company.team/hello"
        ),
    ] = "",
    junit: Annotated[
        Path | None, typer.Option(help="File to write the results to as JUnit XML. Example: --junit results.xml")
    ] = None,
    fails_fast: Annotated[
        bool, typer.Option("--fail-fast", "-x", help="Begin no further case once one has failed. Example: --fail-fast")
    ] = False,
    at_once: Annotated[
        int, typer.Option("--parallel", min=1, max=_AT_ONCE_MAX, help="Cases at a time. Example: --parallel 8")
    ] = _AT_ONCE,
    seconds: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds that a case may take. Example: --timeout 300")
    ] = _SECONDS,
    env: Annotated[
        str | None, typer.Option(help="Environment whose variables of segue.yaml hold. Example: --env test")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON; progress to stderr. Example: --json")
    ] = False,
) -> None:
    """Run the flow tests of a checkout here and now, without a daemon, uncommitted changes included.

    Each case runs its flow with the inputs, files and task outputs that it gives, and then asserts. Tasks without a
    fixture really run. Exit code 0 if all is good, 1 if something fails or has problems, 130 when interrupted.
    Example: segue test -k company.team --junit results.xml
    """
    logging.basicConfig(level=logging.CRITICAL, format="segue: %(message)s", stream=sys.stderr)
    wanted = _wanted(paths or [], text)
    view = TestView(sys.stderr if as_json else sys.stdout, wanted.checkout.root)
    options = RunOptions(at_once=at_once, seconds=seconds, fails_fast=fails_fast)
    with tempfile.TemporaryDirectory(prefix="segue-test-", ignore_cleanup_errors=True) as folder:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                ran = runner.run(_ran(wanted, Path(folder), options, view, env))
        except asyncio.CancelledError as error:
            raise typer.Exit(INTERRUPTED) from error
        except (BadSetting, GitError, BlobMissing, StoreError, StorageFailure, TooMuch, SourceUnreadable) as error:
            raise CommandFailed(str(error)) from error
    _tell(ran, as_json=as_json)
    if junit is not None:
        _write(junit, ran)
    raise typer.Exit(GOOD if ran.is_good else FIXABLE)


# Which tests.


def _wanted(paths: Sequence[Path], text: str) -> _Wanted:
    for path in paths:
        if not path.exists():
            raise CommandFailed(f"there is no file or folder {path}", code=USAGE)
    first = paths[0].absolute() if paths else Path.cwd()
    checkout = repository_of_its_own(first if first.is_dir() else first.parent)
    return _Wanted(checkout=checkout, paths=tuple(_inside(checkout, path) for path in paths), text=text)


def _inside(checkout: Checkout, path: Path) -> str:
    try:
        return path.resolve().relative_to(checkout.root.resolve()).as_posix()
    except ValueError as error:
        raise CommandFailed(f"{path} is not in {checkout.root}: give paths of one checkout", code=USAGE) from error


def _is_at(path: str, place: str) -> bool:
    return place in {".", path} or path.startswith(place + "/")


# Running them.


async def _ran(wanted: _Wanted, folder: Path, options: RunOptions, view: TestView, env: str | None) -> _Ran:
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        task.cancel()

    with interrupts(stop):
        checkout = wanted.checkout
        snapshot = await asyncio.to_thread(
            take_snapshot,
            checkout.root,
            folder / "source.git",
            is_repository=checkout.is_repository,
            added=checkout.added,
        )
        async with local_segue(
            source=snapshot.git_dir, branch=BRANCH, data=folder / "data", flags={"env": env}, environment=os.environ
        ) as segue:
            suites, problems = await asyncio.to_thread(_chosen, segue, wanted)
            for problem in problems:
                print(text_line(replace(problem, path=view.shown_path(problem.path))), file=sys.stderr)
            with view.shown(sum(len(suite.cases) for suite in suites)):
                results = await run_suites(segue, suites, options, view)
    return _Ran(results=results, problems=problems)


def _chosen(segue: Segue, wanted: _Wanted) -> tuple[tuple[Suite, ...], tuple[Problem, ...]]:
    world, flows = segue.revisions.live, segue.sync.flows
    there = loaded_at(segue.foundation.mirror.git_dir, segue.foundation.blobs, world.commit)
    files = {key: deployed.revision.path for key, deployed in world.flows.items()}
    loaded = [each for each in there if wanted.takes(each, files.get(each.suite.flow) if each.suite else None)]
    loaded += _named_elsewhere(wanted, {each.path for each in there})
    found = looked_at(loaded, world, flows)
    suites = tuple(filter(None, (wanted.narrowed(each.suite) for each in found if each.suite is not None)))
    problems = tuple(problem for each in found for problem in each.problems)
    if not suites and not problems and (wanted.paths or wanted.text):
        raise CommandFailed(f"there are no such flow tests in {wanted.checkout.root}", code=USAGE)
    return suites, problems


def _named_elsewhere(wanted: _Wanted, known: Iterable[str]) -> list[LoadedSuite]:
    """Suites in files that are named, wherever they lie."""
    found: list[LoadedSuite] = []
    for path in wanted.paths:
        file = wanted.checkout.root / path
        if path not in known and file.is_file():
            found += load_suites(file.read_bytes(), path=path)
    return found


# Telling.


def _tell(ran: _Ran, *, as_json: bool) -> None:
    if as_json:
        results = [suite_json(each) for each in ran.results]
        print_json({"results": results, "problems": [problem_json(each) for each in ran.problems]})
    print(_summary(ran), file=sys.stderr if as_json else sys.stdout)


def _summary(ran: _Ran) -> str:
    verdicts = [case.verdict for suite in ran.results for case in suite.cases]
    broken = sum(each.severity is Severity.ERROR for each in ran.problems)
    counted = (
        (verdicts.count(Verdict.SUCCESS), "passed"),
        (verdicts.count(Verdict.FAILED), "failed"),
        (verdicts.count(Verdict.ERROR), "with errors"),
        (verdicts.count(Verdict.SKIPPED), "skipped"),
        (broken, f"problem{'s' if broken != 1 else ''}"),
    )
    return ", ".join(f"{count} {word}" for count, word in counted if count) or "no flow tests: they lie in `_tests`"


def _write(file: Path, ran: _Ran) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        broken = (each for each in ran.problems if each.severity is Severity.ERROR)
        junit_of(ran.results, broken).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise CommandFailed(f"cannot write {file}: {error.strerror}") from error
