"""`segue logs`: the log lines of an execution, as they are or as they come."""

import json
import sys
from typing import Annotated, Final

import typer

from segue.cli.client import Client, path_of
from segue.cli.printing import print_json_line, print_log
from segue.model.order import LogLevel

_ELSEWHERE: Final = "What it started, iterations of Loops too, has its own: segue executions list --started-by"


def logs(
    execution_id: Annotated[str, typer.Argument(metavar="ID", help="The execution. Example: 02ZXG9T2zNJ0Vh0F4lUgdH")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until the execution ends. Example: -f")
    ] = False,
    level: Annotated[
        LogLevel,
        typer.Option("--level", case_sensitive=False, help="This level and graver ones. Example: --level WARN"),
    ] = LogLevel.TRACE,
    task: Annotated[str | None, typer.Option("--task", help="Of this task alone. Example: --task load")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each, with the API's field names. Example: --json")
    ] = False,
) -> None:
    """Print the log lines of an execution; with -f also those to come.

    Example: segue logs 02ZXG9T2zNJ0Vh0F4lUgdH -f --level INFO
    """
    query = {"minLevel": level.value, "taskId": task}
    show = print_json_line if as_json else print_log
    with Client() as client:
        if not follow:
            entries = client.get(path_of("logs", execution_id), query)
            for entry in entries:
                show(entry)
            if not entries:
                is_filtered = task is not None or level is not LogLevel.TRACE
                print("No line matches." if is_filtered else f"No lines. {_ELSEWHERE} {execution_id}", file=sys.stderr)
            return
        for event in client.follow(path_of("logs", execution_id, "follow"), query):
            if event.name != "end":
                show(json.loads(event.data))
