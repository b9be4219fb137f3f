"""`segue`: finds the command's module, runs it, and turns how it ended into an exit code."""

import difflib
import gc
import importlib
import io
import os
import sys
import tempfile
import traceback
from types import ModuleType
from typing import Any, Final

import typer
from typer.core import TyperGroup

from segue import __version__
from segue.cli.errors import FIXABLE, GOOD, INTERRUPTED, OUR_BUG, CommandFailed

# name -> (module, name of the function or typer app there, one line of help)
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "serve": ("segue.cli.serve", "serve", "Follow a Git repository: run its flows, serve the status page and the API."),
    "run": ("segue.cli.run", "run", "Run one flow of a checkout here and now, without a daemon."),
    "test": ("segue.cli.test", "run_tests", "Run the flow tests of a checkout; exit code 1 if one fails."),
    "validate": ("segue.cli.validate", "validate", "Check flow files; exit code 1 if there are problems."),
    "eval": ("segue.cli.eval", "evaluate", "Evaluate an expression, as in a flow or in an execution."),
    "init": ("segue.cli.init", "init", "Make a new flow repository."),
    "schema": ("segue.cli.schema", "schema", "Write the JSON Schema that editors complete flows with."),
    "sync": ("segue.cli.sync", "sync", "Have the daemon look at its source now."),
    "flows": ("segue.cli.flows", "app", "List and show the flows of a daemon."),
    "executions": ("segue.cli.executions", "app", "List, show, start and act on executions of a daemon."),
    "logs": ("segue.cli.logs", "logs", "Print the logs of an execution, and follow them."),
    "triggers": ("segue.cli.triggers", "app", "List the triggers of a daemon, switch them off and on."),
    "kv": ("segue.cli.kv", "app", "Read and write the keys and values of a namespace."),
}


class LazyGroup(TyperGroup):
    """The commands of the table above, each imported when it is asked for."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            close = difflib.get_close_matches(cmd_name, COMMANDS, n=1)
            if close and ctx is not None:
                ctx.fail(f"No such command {cmd_name!r}. Did you mean {close[0]!r}?")
            return None
        module, name, _ = COMMANDS[cmd_name]
        found = getattr(_imported(module), name)
        if isinstance(found, typer.Typer):
            command = typer.main.get_command(found)
        else:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(name=cmd_name)(found)
            command = typer.main.get_command(app)
        command.name = cmd_name
        return command

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Segue runs the flows that lie in a Git repository. Commit a flow, see it run.",
    epilog="From `sync` on, commands ask a daemon: at http://127.0.0.1:8080, or where SEGUE_URL says. SEGUE_TOKEN, or "
    "SEGUE_USERNAME and SEGUE_PASSWORD, let you in.\n\nExample: segue init my-flows && segue serve my-flows",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _imported(module: str) -> ModuleType:
    # Looking for cycles while a thousand modules are imported costs a sixth of the start and finds none.
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"segue {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    """Segue runs the flows that lie in a Git repository. Commit a flow, see it run."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a log line that the terminal's encoding lacks is no bug
    sys.exit(_ended())


def _ended() -> int:
    try:
        code = app(standalone_mode=False)
    except CommandFailed as failed:
        print(f"segue: {failed}", file=sys.stderr)
        return failed.code
    except typer.TyperException as misuse:
        return _report_misuse(misuse)
    except typer.Exit as ended:
        return ended.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as `| head` does; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FIXABLE
    except Exception as bug:  # noqa: BLE001 - the boundary: what gets here is our bug
        return _report(bug)
    return code if isinstance(code, int) else GOOD


def _report_misuse(misuse: typer.TyperException) -> int:
    message = misuse.format_message().replace("Value error, ", "")  # Pydantic's word for what the rest says
    if message.startswith("Usage:"):  # a command that has commands, called without one: its help
        print(message, file=sys.stderr)
    else:
        print(f"segue: {message}\nTry '{_command_of(misuse)} --help'.", file=sys.stderr)
    return misuse.exit_code


def _command_of(misuse: typer.TyperException) -> str:
    """The command that was typed wrongly, as far as it is known."""
    context = getattr(misuse, "ctx", None)
    return "segue" if context is None else " ".join(["segue", *context.command_path.split()[1:]])


def _report(bug: Exception) -> int:
    """One line for the person, and a file that can be pasted into a bug report."""
    with tempfile.NamedTemporaryFile("w", prefix="segue-bug-", suffix=".txt", delete=False, encoding="utf-8") as report:
        report.write(f"segue {__version__}, Python {sys.version}\ncommand: {sys.argv}\n\n")
        report.write("".join(traceback.format_exception(bug)))
    print(f"segue: this is a bug of ours: {type(bug).__name__}: {bug}\nA report lies in {report.name}", file=sys.stderr)
    return OUR_BUG
