"""`segue sync`: have the daemon look at its source, and see what became live."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from segue.cli.client import Client, problems_of
from segue.cli.errors import FIXABLE, GOOD, CommandFailed
from segue.cli.printing import clean, print_json
from segue.cli.problem_formats import text_line
from segue.model.problem import Problem, Severity


def sync(
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Wait until the source's head is live, or only ask. Example: --wait"),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the daemon's answer as JSON. Example: --json")] = False,
) -> None:
    """Have the daemon look at its source now. Prints the live commit, the flows that changed and what is wrong.

    Exit code 1 if a flow has errors; the last good text of such a flow stays live. Example: segue sync --wait
    """
    with Client() as client:
        if not wait:
            client.ring("POST", "git/sync")
            return
        answer = client.call("POST", "git/sync", waits=True)
        held = (client.get("git/status").get("lastSync") or {}).get("held")
    problems = problems_of(answer["problems"])
    if as_json:
        print_json(answer)
    else:
        _tell(answer, problems)
    if held:
        raise CommandFailed(clean(f"a newer commit is not applied: {held}"))
    raise typer.Exit(FIXABLE if any(each.severity is Severity.ERROR for each in problems) else GOOD)


def _tell(answer: Mapping[str, Any], problems: Sequence[Problem]) -> None:
    print(f"commit {answer['commit']}" if answer["commit"] else "no commit is live: the source has none yet")
    for flow in answer["changed"]:
        print(clean(f"changed {flow['namespace']}/{flow['flowId']}"))
    for problem in problems:
        print(text_line(problem))
