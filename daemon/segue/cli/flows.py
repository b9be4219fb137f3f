"""`segue flows`: the flows of a daemon, what they say, and the revisions they went through."""

from typing import Annotated, Any

import typer

from segue.cli import given
from segue.cli.client import Client, path_of, problems_of
from segue.cli.printing import clean, input_text, print_fields, print_json, print_table, time_text
from segue.cli.problem_formats import text_line
from segue.cli.subcommands import subcommands

app = subcommands("List and show the flows of a daemon.", "segue flows list --namespace company")

_Name = Annotated[str, typer.Argument(metavar="NAMESPACE/FLOW", help="The flow. Example: company.team/hello")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the API's field names. Example: --json")]


@app.command("list")
def list_flows(
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="This namespace and those below it. Example: -n company")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", "-t", help="Names or descriptions that hold this text. Example: -t order")
    ] = None,
    as_json: _Json = False,
) -> None:
    """List the flows that are live.

    Example: segue flows list --namespace company.team
    """
    with Client() as client:
        flows = client.all_of("flows/search", {"namespace": namespace, "q": text})
    if as_json:
        print_json(flows)
        return
    print_table(("flow", "revision", "state", "problems", "description"), [_row(flow) for flow in flows])


def _row(flow: dict[str, Any]) -> tuple[object, ...]:
    state = "disabled" if flow.get("disabled") else "live"
    name = f"{flow['namespace']}/{flow['id']}"
    return name, flow["revision"], state, len(flow["problems"]) or "", _gist(flow.get("description"))


def _gist(description: str | None) -> str:
    """The first line; the others are for those who look at the flow."""
    return (description or "").strip().partition("\n")[0]


@app.command()
def show(
    name: _Name,
    source: Annotated[
        bool, typer.Option("--source", help="Print the flow's text and nothing else. Example: --source > flow.yaml")
    ] = False,
    revision: Annotated[
        int | None, typer.Option("--revision", "-r", min=1, help="Another than the live revision. Example: -r 3")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Show one flow: where it comes from, its inputs, tasks and triggers.

    Example: segue flows show company.team/hello --source
    """
    with Client() as client:
        query = {"revision": revision, "source": source or None}
        flow = client.get(path_of("flows", *given.flow_name(name)), query)
    if as_json:
        print_json(flow)
    elif source:
        print(clean(flow["source"] or ""), end="")
    else:
        _show(flow)


def _show(flow: dict[str, Any]) -> None:
    print_fields(
        {
            "flow": f"{flow['namespace']}/{flow['id']}",
            "revision": flow["revision"],
            "commit": flow["commit"],
            "path": flow["path"],
            "changed": time_text(flow["updated"]),
            "description": flow.get("description"),
            "labels": ", ".join(f"{label['key']}:{label['value']}" for label in flow.get("labels") or ()),
            "disabled": "yes" if flow.get("disabled") else None,
            "inputs": ", ".join(map(input_text, flow.get("inputs") or ())),
            "tasks": ", ".join(each["id"] for each in flow["tasks"]),
            "triggers": ", ".join(f"{each['id']} ({each['type']})" for each in flow.get("triggers") or ()),
        }
    )
    for problem in problems_of(flow.get("problems") or ()):
        print(text_line(problem))


@app.command()
def revisions(name: _Name, as_json: _Json = False) -> None:
    """List the revisions of a flow, newest first: which commit made each, who and when.

    Example: segue flows revisions company.team/hello
    """
    with Client() as client:
        found = client.get(path_of("flows", *given.flow_name(name), "revisions"))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["revision"],
            each["commit"][:12],
            time_text(each["date"]),
            each["author"]["name"],
            "deleted" if each["deleted"] else each["path"],
        )
        for each in found
    ]
    print_table(("revision", "commit", "date", "author", "path"), rows)
