"""`segue triggers`: what starts flows by itself - listed, switched off and on, unlocked."""

from typing import Annotated, Any

import typer

from segue.cli import given
from segue.cli.client import Client, path_of
from segue.cli.printing import clean, print_json, print_table, time_text
from segue.cli.subcommands import subcommands

app = subcommands("List the triggers of a daemon, switch them off and on.", "segue triggers list")

_Name = Annotated[
    str, typer.Argument(metavar="NAMESPACE/FLOW/TRIGGER", help="The trigger. Example: company.team/hello/every-day")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the API's field names. Example: --json")]


@app.command("list")
def list_triggers(
    flow: Annotated[
        str | None, typer.Option("--flow", "-f", help="Of this flow. Example: --flow company.team/hello")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="This namespace and those below it. Example: -n company")
    ] = None,
    as_json: _Json = False,
) -> None:
    """List triggers: when each fired last and fires next.

    Example: segue triggers list --namespace company
    """
    flow_id = None
    if flow is not None:
        namespace, flow_id = given.flow_name(flow)
    with Client() as client:
        found = client.all_of("triggers/search", {"namespace": namespace, "flowId": flow_id})
    if as_json:
        print_json(found)
        return
    print_table(("trigger", "type", "state", "last", "next"), [_row(each) for each in found])


def _row(live: dict[str, Any]) -> tuple[object, ...]:
    trigger, state = live["trigger"], live["state"]
    return (
        f"{state['namespace']}/{state['flowId']}/{state['triggerId']}",
        trigger["type"].rpartition(".")[2],
        _word(trigger, state),
        time_text(state["lastTriggeredDate"]),
        None if trigger.get("disabled") or state["disabled"] else time_text(state["nextExecutionDate"]),
    )


def _word(trigger: dict[str, Any], state: dict[str, Any]) -> str:
    if trigger.get("disabled"):
        return "disabled in the flow"
    if state["disabled"]:
        return "disabled"
    return f"waits for {state['executionId']}" if state["locked"] else "enabled"


@app.command()
def disable(name: _Name, as_json: _Json = False) -> None:
    """Keep a trigger from firing, until it is enabled again. The flow's text stays as it is.

    Example: segue triggers disable company.team/hello/every-day
    """
    _set_disabled(name, disabled=True, as_json=as_json)


@app.command()
def enable(name: _Name, as_json: _Json = False) -> None:
    """Let a trigger fire again.

    Example: segue triggers enable company.team/hello/every-day
    """
    _set_disabled(name, disabled=False, as_json=as_json)


@app.command()
def unlock(name: _Name, as_json: _Json = False) -> None:
    """Have a trigger no longer wait for the execution it started last.

    Example: segue triggers unlock company.team/hello/every-day
    """
    namespace, flow_id, trigger_id = given.trigger_name(name)
    with Client() as client:
        state = client.call("POST", path_of("triggers", namespace, flow_id, trigger_id, "unlock"))
    _tell(name, state, as_json=as_json)


def _set_disabled(name: str, *, disabled: bool, as_json: bool) -> None:
    namespace, flow_id, trigger_id = given.trigger_name(name)
    body = {"namespace": namespace, "flowId": flow_id, "triggerId": trigger_id, "disabled": disabled}
    with Client() as client:
        state = client.call("PUT", "triggers/set-disabled", body=body)
    _tell(name, state, as_json=as_json)


def _tell(name: str, state: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(state)
    else:
        print(clean(f"{name} {_word({}, state)}"))
