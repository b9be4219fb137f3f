"""`segue executions`: the executions of a daemon - listed, shown, started, and what can be done to them."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from segue.cli import given
from segue.cli.client import Client, path_of
from segue.cli.errors import FIXABLE, GOOD, USAGE, CommandFailed
from segue.cli.printing import duration_of, input_text, print_fields, print_json, print_table, time_text, value_text
from segue.cli.subcommands import subcommands
from segue.model.state import State

app = subcommands("List, show, start and act on executions of a daemon.", "segue executions list --state FAILED")

_Id = Annotated[str, typer.Argument(metavar="ID", help="The execution. Example: 02ZXG9T2zNJ0Vh0F4lUgdH")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the API's field names. Example: --json")]
_Revision = Annotated[
    int | None, typer.Option("--revision", "-r", min=1, help="At this revision of the flow. Example: -r 3")
]
_Breakpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--breakpoint",
        "-b",
        metavar="TASK[.VALUE]",
        help="Stand still before this task, in a loop before that of one value. Example: -b load",
    ),
]


@app.command("list")
def list_executions(
    flow: Annotated[
        str | None, typer.Option("--flow", "-f", help="Of this flow. Example: --flow company.team/hello")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="This namespace and those below it. Example: -n company")
    ] = None,
    state: Annotated[
        list[State] | None,
        typer.Option(
            "--state",
            "-s",
            metavar="STATE",
            case_sensitive=False,
            help="In this state, as running, paused or failed; several may be given. Example: -s FAILED",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", metavar="KEY:VALUE", help="With this label, key:value. Example: -l team:data"),
    ] = None,
    started_by: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="That this execution started, iterations of its Loops too. Example: --started-by 02ZXG9T2zNJ0Vh0F4lUgdH",
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Started since: a span (2h, 7d) or a date. Example: --since 24h")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="At most so many, newest first. Example: --limit 100")
    ] = 25,
    as_json: _Json = False,
) -> None:
    """List executions, newest first.

    Example: segue executions list --flow company.team/hello --state FAILED --since 7d
    """
    query: list[tuple[str, Any]] = [("size", limit), ("sort", "state.startDate:desc")]
    if flow is not None:
        namespace_of, flow_id = given.flow_name(flow)
        query += [("filters[namespace][EQUALS]", namespace_of), ("filters[flowId][EQUALS]", flow_id)]
    query += [
        ("namespace", namespace),
        ("triggerExecutionId", started_by),
        *(("state", each.value) for each in state or ()),
    ]
    query += [("labels", each) for each in given.labels(label or ())]
    query += given.since(since).items()
    with Client() as client:
        found = client.get("executions/search", query)["results"]
    if as_json:
        print_json(found)
        return
    print_table(("id", "flow", "state", "started", "took"), [_row(each) for each in found])


def _row(execution: dict[str, Any]) -> tuple[object, ...]:
    state = execution["state"]
    flow = f"{execution['namespace']}/{execution['flowId']}"
    return execution["id"], flow, state["current"], time_text(state["startDate"]), duration_of(state)


@app.command()
def show(execution_id: _Id, as_json: _Json = False) -> None:
    """Show one execution: its state, inputs, outputs and task runs.

    Example: segue executions show 02ZXG9T2zNJ0Vh0F4lUgdH
    """
    with Client() as client:
        execution = client.get(path_of("executions", execution_id))
        asked = _asked(client, execution) if not as_json else []
    if as_json:
        print_json(execution)
    else:
        _show(execution, asked)


def _asked(client: Client, execution: dict[str, Any]) -> list[dict[str, Any]]:
    """The inputs that a paused execution waits for; none where it does not wait to be resumed."""
    if execution["state"]["current"] != State.PAUSED:
        return []
    with suppress(CommandFailed):
        answer = client.call("POST", path_of("executions", execution["id"], "actions", "resume", "validate"))
        return [{**each["input"], "defaults": each["value"]} for each in answer["inputs"]]
    return []


def _show(execution: dict[str, Any], asked: Sequence[dict[str, Any]]) -> None:
    state = execution["state"]
    print_fields(
        {
            "execution": execution["id"],
            "flow": f"{execution['namespace']}/{execution['flowId']}",
            "revision": execution["flowRevision"],
            "commit": execution["commit"],
            "state": state["current"],
            "started": time_text(state["startDate"]),
            "took": duration_of(state),
            "trigger": _trigger(execution.get("trigger")),
            "item": _item(execution.get("loopRun")),
            "labels": ", ".join(f"{each['key']}:{each['value']}" for each in execution["labels"] if _is_own(each)),
            "asks for": ", ".join(map(input_text, asked)),
            **_values("input", execution["inputs"]),
            **_values("output", execution["outputs"]),
        }
    )
    runs = execution["taskRunList"]
    if runs:
        print()
        print_table(("task", "value", "state", "attempts", "took", "failure"), [_run_row(run) for run in runs])


def _trigger(trigger: dict[str, Any] | None) -> str | None:
    """Its id, and the execution that it comes from."""
    if trigger is None:
        return None
    caller = (trigger.get("variables") or {}).get("executionId")
    return f"{trigger['id']} of {caller}" if isinstance(caller, str) and caller else trigger["id"]


def _item(loop_run: dict[str, Any] | None) -> str | None:
    if loop_run is None:
        return None
    key = "" if loop_run["key"] is None else f"{loop_run['key']}: "
    return f"#{loop_run['index']} {key}{value_text(loop_run['value'])}"


def _is_own(label: dict[str, Any]) -> bool:
    return not label["key"].startswith("system.")


def _values(kind: str, values: dict[str, Any] | None) -> dict[str, str]:
    return {f"{kind} {name}": value_text(value) for name, value in (values or {}).items()}


def _run_row(run: dict[str, Any]) -> tuple[object, ...]:
    state = run["state"]
    return run["taskId"], run["value"], state["current"], len(run["attempts"]) or "", duration_of(state), _failure(run)


def _failure(run: dict[str, Any]) -> str | None:
    """What the last attempt failed with; a Loop fails with its iterations."""
    attempts, outputs = run["attempts"], run.get("outputs") or {}
    told = (attempts[-1].get("failure") or {}).get("message") if attempts else None
    ended = outputs.get("terminatedIterations")
    failed = ended.get(State.FAILED) if isinstance(ended, dict) else None
    return told or (f"{failed} of {outputs.get('iterationCount')} iterations failed" if failed else None)


@app.command()
def start(
    flow: Annotated[str, typer.Argument(metavar="NAMESPACE/FLOW", help="The flow. Example: company.team/hello")],
    inputs: given.Inputs = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", metavar="KEY:VALUE", help="A label for it, key:value. Example: -l team:data"),
    ] = None,
    revision: _Revision = None,
    breakpoints: _Breakpoints = None,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait for its end; exit code 1 unless that is good. Example: --wait")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Start an execution of a flow. Prints its id, and with --wait its end and outputs.

    Example: segue executions start company.team/hello -i name=Ada --wait
    """
    name, values = given.flow_name(flow), given.inputs(inputs or ())
    query = [("wait", wait), ("revision", revision), ("breakpoints", _joined(breakpoints))]
    query += [("labels", each) for each in given.labels(label or ())]
    with Client() as client, ExitStack() as files:
        if values:
            given.refuse_unknown(values, _declared(client, name, revision), flow)
        execution = client.call("POST", path_of("executions", *name), query, parts=_parts(values, files), waits=wait)
        ended = {**_values("output", execution["outputs"]), **_failures(execution)} if wait else {}
        _tell(client, execution, ended, as_json=as_json)
    if wait:
        raise typer.Exit(GOOD if State(execution["state"]["current"]).is_success else FIXABLE)


def _declared(client: Client, flow: tuple[str, str], revision: int | None) -> list[str]:
    """The ids of the flow's inputs; those of a form are led by its own."""
    inputs = client.get(path_of("flows", *flow), {"revision": revision}).get("inputs") or ()
    return [
        f"{each['id']}.{inner['id']}" if inner is not None else each["id"]
        for each in inputs
        for inner in (each["inputs"] if each.get("type") == "FORM" else (None,))
    ]


def _failures(execution: dict[str, Any]) -> dict[str, str]:
    told = {f"failed {run['taskId']}": _failure(run) for run in execution["taskRunList"] or ()}
    return {name: message for name, message in told.items() if message}


def _tell(client: Client, execution: dict[str, Any], more: Mapping[str, str] | None = None, *, as_json: bool) -> None:
    if as_json:
        print_json(execution)
        return
    print_fields(
        {
            "execution": execution["id"],
            "state": execution["state"]["current"],
            "page": f"{client.url}/executions/{execution['id']}",
            **(more or {}),
        }
    )


def _parts(inputs: Sequence[given.Given], files: ExitStack) -> list[tuple[str, Any]]:
    """Parts of a form: texts, and files that are read while they are sent."""
    return [
        (each.name, (value.name, files.enter_context(value.open("rb"))) if isinstance(value, Path) else (None, value))
        for each in inputs
        for value in each.values
    ]


# What can be done to one.


class _Act(StrEnum):
    KILL = "kill"
    RESTART = "restart"
    REPLAY = "replay"
    PAUSE = "pause"
    RESUME = "resume"
    CONTINUE = "resume-from-breakpoint"
    REVIEW = "review"


def _act(
    execution_id: str, act: _Act, query: Sequence[tuple[str, Any]] = (), parts: Any = (), *, as_json: bool
) -> None:
    with Client() as client:
        path = path_of("executions", execution_id, "actions", act)
        _tell(client, client.call("POST", path, query, parts=parts), as_json=as_json)


@app.command()
def kill(
    execution_id: _Id,
    cascade: Annotated[
        bool,
        typer.Option("--cascade/--no-cascade", help="Also the executions that it waits for. Example: --no-cascade"),
    ] = True,
    as_json: _Json = False,
) -> None:
    """Kill an execution: what runs is ended, nothing more starts.

    Example: segue executions kill 02ZXG9T2zNJ0Vh0F4lUgdH
    """
    _act(execution_id, _Act.KILL, [("isOnKillCascade", cascade)], as_json=as_json)


@app.command()
def restart(execution_id: _Id, revision: _Revision = None, as_json: _Json = False) -> None:
    """Have an execution go on from what failed; at another revision it becomes a new one.

    Example: segue executions restart 02ZXG9T2zNJ0Vh0F4lUgdH
    """
    _act(execution_id, _Act.RESTART, [("revision", revision)], as_json=as_json)


@app.command()
def replay(
    execution_id: _Id,
    task_run: Annotated[
        str | None,
        typer.Option("--task-run", help="Start at this task run. Example: --task-run 02ZXG9T2zNJ0Vh0F4lUgdH-3"),
    ] = None,
    revision: _Revision = None,
    latest: Annotated[
        bool, typer.Option("--latest", help="At the live revision of the flow. Example: --latest")
    ] = False,
    breakpoints: _Breakpoints = None,
    as_json: _Json = False,
) -> None:
    """Run an execution again as a new one, from its beginning or from one task run. Prints the new id.

    Example: segue executions replay 02ZXG9T2zNJ0Vh0F4lUgdH --latest
    """
    query = [("taskRunId", task_run), ("revision", revision), ("latestRevision", latest or None)]
    query.append(("breakpoints", _joined(breakpoints)))
    _act(execution_id, _Act.REPLAY, query, as_json=as_json)


@app.command()
def pause(execution_id: _Id, as_json: _Json = False) -> None:
    """Pause an execution: what runs goes on to its end, nothing more starts.

    Example: segue executions pause 02ZXG9T2zNJ0Vh0F4lUgdH
    """
    _act(execution_id, _Act.PAUSE, as_json=as_json)


@app.command()
def resume(
    execution_id: _Id,
    inputs: given.Inputs = None,
    as_json: _Json = False,
) -> None:
    """Have a paused execution go on, with what it asked for.

    Example: segue executions resume 02ZXG9T2zNJ0Vh0F4lUgdH -i approved=true
    """
    with ExitStack() as files:
        _act(execution_id, _Act.RESUME, parts=_parts(given.inputs(inputs or ()), files), as_json=as_json)


@app.command(name="continue")
def go_on(execution_id: _Id, breakpoints: _Breakpoints = None, as_json: _Json = False) -> None:
    """Have an execution that stands at a breakpoint go on; with --breakpoint, to there.

    Example: segue executions continue 02ZXG9T2zNJ0Vh0F4lUgdH --breakpoint load
    """
    _act(execution_id, _Act.CONTINUE, [("breakpoints", _joined(breakpoints))], as_json=as_json)


def _joined(breakpoints: Sequence[str] | None) -> str | None:
    return ",".join(breakpoints) if breakpoints else None


@app.command()
def review(
    execution_id: _Id,
    approve: Annotated[bool, typer.Option("--approve", help="Approve it. Example: --approve")] = False,
    deny: Annotated[bool, typer.Option("--deny", help="Deny it. Example: --deny")] = False,
    comment: Annotated[
        str, typer.Option("--comment", "-c", help="What the reviewer has to say. Example: --comment 'looks good'")
    ] = "",
    inputs: given.Inputs = None,
    task_run: Annotated[
        str | None,
        typer.Option(
            "--task-run", help="The approval, where several wait. Example: --task-run 02ZXG9T2zNJ0Vh0F4lUgdH-3"
        ),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Decide what an approval of an execution waits for.

    Example: segue executions review 02ZXG9T2zNJ0Vh0F4lUgdH --approve --comment 'looks good'
    """
    if approve == deny:
        raise CommandFailed("say how it is decided: --approve or --deny", code=USAGE)
    query = [("decision", "APPROVE" if approve else "DENY"), ("comment", comment or None), ("taskRunId", task_run)]
    with ExitStack() as files:
        _act(execution_id, _Act.REVIEW, query, _parts(given.inputs(inputs or ()), files), as_json=as_json)
