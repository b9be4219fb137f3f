"""`segue run`: one flow of a checkout, here and now, without a daemon."""

import asyncio
import difflib
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvloop
from msgspec import Struct
from msgspec.structs import replace

from segue.cli import given
from segue.cli.checkout import Checkout, checkout_around, with_file
from segue.cli.errors import FIXABLE, GOOD, INTERRUPTED, USAGE, CommandFailed
from segue.cli.flow_files import FlowFiles
from segue.cli.printing import print_fields, print_json, value_text
from segue.cli.problem_formats import text_line
from segue.cli.run_view import View, view_on
from segue.engine.inputs import flattened
from segue.git.runner import GitError
from segue.git.snapshot import BRANCH, TooMuch, take_snapshot
from segue.model.execution import Execution
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.runtime.local import LocalRun, NotOurs, SourceUnreadable, interrupts, local_daemon
from segue.runtime.settings import BadSetting
from segue.storage.storage import StorageFailure
from segue.store.errors import StoreError
from segue.tasks import packages
from segue.web.ports.flows import LiveFlow
from segue.web.ports.refusals import Refusal
from segue.web.ports.starts import Start, Upload
from segue.web.shapes import execution_json

_EXTENSIONS: Final = frozenset({".yaml", ".yml"})
_FILE_ADDRESS: Final = "kestra:///"


class _Wanted(Struct, frozen=True, kw_only=True):
    """What is to run: the flow that a file holds (`inside` is its path in the checkout), or the one of a name."""

    checkout: Checkout
    shown: str
    inside: str | None = None
    key: FlowKey | None = None


def run(
    flow: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAMESPACE/FLOW",
            help="A flow's file, or the name of a flow of the checkout around here. Example: company.team/hello",
        ),
    ],
    inputs: given.Inputs = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", metavar="KEY:VALUE", help="A label for it, key:value. Example: -l team:data"),
    ] = None,
    env: Annotated[
        str | None, typer.Option(help="Environment whose variables of segue.yaml hold. Example: --env prod")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps executions, files and keys; else they go at the end. Example: --data .runs"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the execution as JSON at its end; progress to stderr. Example: --json")
    ] = False,
) -> None:
    """Run one flow of a checkout here and now, without a daemon, uncommitted changes included.

    Flows that it starts run too; schedules and other triggers stay quiet. Exit code 0 for SUCCESS and WARNING, 1 for
    any other end, 130 when interrupted (the first interrupt kills the execution, a second one does not wait for it).
    Example: segue run flows/company.team/hello.yaml -i name=Ada
    """
    logging.basicConfig(level=logging.ERROR, format="segue: %(message)s", stream=sys.stderr)
    values, labels = given.inputs(inputs or ()), dict(each.split(":", 1) for each in given.labels(label or ()))
    wanted = _wanted(flow)
    with ExitStack() as stack:
        temporary = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="segue-run-", ignore_cleanup_errors=True))
        )
        folder = data.absolute() if data is not None else temporary / "data"
        try:
            snapshot = take_snapshot(
                wanted.checkout.root,
                temporary / "source.git",
                is_repository=wanted.checkout.is_repository,
                added=wanted.checkout.added,
            )
            request = _Request(values, labels, env, folder, as_json=as_json, is_kept=data is not None)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                code = runner.run(_run(wanted, snapshot.git_dir, request, stack))
        except (BadSetting, GitError, StorageFailure, StoreError, TooMuch, NotOurs, SourceUnreadable) as error:
            raise CommandFailed(str(error)) from error
        except BrokenPipeError:
            raise  # whoever read our output has gone: the folder is fine
        except OSError as error:
            raise CommandFailed(f"cannot run in {folder}: {error}") from error
    raise typer.Exit(code)


class _Request(Struct, frozen=True):
    """With what it is to run, and where."""

    inputs: Sequence[given.Given]
    labels: dict[str, str]
    env: str | None
    data: Path
    as_json: bool
    is_kept: bool


# Which flow.


def _wanted(text: str) -> _Wanted:
    file = Path(text)
    if not file.is_file() and file.suffix not in _EXTENSIONS:
        if file.is_dir():
            raise CommandFailed(f"{file} is a folder: give a flow's file, or NAMESPACE/FLOW", code=USAGE)
        key = FlowKey(*given.flow_name(text))
        return _Wanted(checkout=checkout_around(Path()), shown=text, key=key)
    catalogue = packages.catalogue()
    looked_at = FlowFiles(catalogue)
    looked_at.look_at(file)
    _refuse_problems(looked_at.problems)
    checkout, inside = with_file(checkout_around(file.absolute().parent), file.absolute(), catalogue)
    return _Wanted(checkout=checkout, shown=text, inside=inside)


def _refuse_problems(problems: Sequence[Problem]) -> None:
    """Print them as `segue validate` does; errors end the command."""
    for problem in problems:
        print(text_line(problem), file=sys.stderr)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise CommandFailed("not run: the flow has problems")


def _chosen(local: LocalRun, wanted: _Wanted) -> LiveFlow:
    """The flow that is wanted, among those of the commit."""
    found = [live for live in local.flows if wanted.key == live.key or wanted.inside == live.revision.path]
    errors = [problem for live in found for problem in live.problems if problem.severity is Severity.ERROR]
    if len(found) == 1 and not errors:
        return found[0]
    if len(found) > 1:
        names = ", ".join(str(live.key) for live in found)
        raise CommandFailed(f"{wanted.shown} holds several flows ({names}): say which, as NAMESPACE/FLOW", code=USAGE)
    _refuse_problems(errors or _problems_about(local, wanted))
    raise CommandFailed(f"there is no flow {wanted.shown} in {wanted.checkout.root}{_guess(local.flows, wanted)}")


def _problems_about(local: LocalRun, wanted: _Wanted) -> list[Problem]:
    if wanted.key is not None:
        names = {wanted.key.flow_id}
        return [problem for problem in local.problems if Path(problem.path).stem in names]
    return [replace(problem, path=wanted.shown) for problem in local.problems if problem.path == wanted.inside]


def _guess(flows: Sequence[LiveFlow], wanted: _Wanted) -> str:
    names = [str(live.key) for live in flows]
    close = difflib.get_close_matches(wanted.shown, names, n=1) or names[:5]
    return f"; is it {', '.join(close)}?" if close else ": it has no flows (they lie in the folder `flows`)"


# Running it.


async def _run(wanted: _Wanted, source: Path, request: _Request, files: ExitStack) -> int:
    flags = {"env": request.env}
    view = view_on(sys.stderr if request.as_json else sys.stdout)
    async with local_daemon(
        source=source, branch=BRANCH, data=request.data, flags=flags, environment=os.environ
    ) as local:
        live = _chosen(local, wanted)
        given.refuse_unknown(request.inputs, [each.id for each in flattened(live.flow.inputs)], str(live.key))
        execution, is_interrupted = await _followed(local, _start_of(live.key, request, files), view)
        if request.as_json:
            print_json(execution_json(execution, execution.history[-1].at))
        else:
            _tell_end(execution, request, view)
    if is_interrupted:
        return INTERRUPTED
    return GOOD if execution.state.is_success else FIXABLE


def _start_of(key: FlowKey, request: _Request, files: ExitStack) -> Start:
    return Start(flow=key, inputs={each.name: _sent(each, files) for each in request.inputs}, labels=request.labels)


def _sent(each: given.Given, files: ExitStack) -> Any:
    values = [_upload(value, files) if isinstance(value, Path) else value for value in each.values]
    return values[0] if len(values) == 1 else values


def _upload(path: Path, files: ExitStack) -> Upload:
    return Upload(path.name, files.enter_context(path.open("rb")), path.stat().st_size)


async def _followed(local: LocalRun, start: Start, view: View) -> tuple[Execution, bool]:
    """The execution at its end, and whether somebody interrupted it."""
    interruption = _Interruption(local, view)
    with interrupts(interruption.happens):
        made = await local.start(start)
        if isinstance(made, Refusal):
            _refuse_problems(made.problems)
            raise CommandFailed(made.message)
        last, is_paused = made, False
        with view.shown():
            async for news in local.follow():
                view.show(news)
                last = news.outcome
                if last.state is State.PAUSED and not is_paused:
                    view.say("paused: it goes on if its task says when; an interrupt kills it")
                is_paused = last.state is State.PAUSED
                # Who interrupts does not want either what would run after the end.
                if interruption.is_impatient or (interruption.count and last.is_over):
                    break
        await interruption.done()
    return last, interruption.count > 0


class _Interruption:
    """Interrupts of the person who runs it: the first kills, the second no longer waits for what is killed."""

    def __init__(self, local: LocalRun, view: View) -> None:
        self._local = local
        self._view = view
        self._killing: asyncio.Task[None] | None = None
        self.count = 0

    def happens(self) -> None:
        self.count += 1
        if self._killing is None:
            self._view.say("interrupted: killing the execution (once more to not wait for its end)")
            self._killing = asyncio.create_task(self._local.kill())

    @property
    def is_impatient(self) -> bool:
        return self.count > 1

    async def done(self) -> None:
        if self._killing is not None:
            await self._killing


def _tell_end(execution: Execution, request: _Request, view: View) -> None:
    view.say(f"{execution.id} {execution.state}")
    outputs = {name: value_text(value) for name, value in (execution.outputs or {}).items()}
    print_fields(outputs)
    if not request.is_kept and any(value.startswith(_FILE_ADDRESS) for value in outputs.values()):
        print("The files are gone with this run; --data DIR keeps them.", file=sys.stderr)
