"""`segue kv`: the keys and values of a namespace."""

import sys
from typing import Annotated

import typer

from segue.cli.client import Client, path_of
from segue.cli.printing import print_json, print_table, time_text, value_text
from segue.cli.subcommands import subcommands

app = subcommands("Read and write the keys and values of a namespace.", "segue kv list company.team")

_Namespace = Annotated[str, typer.Argument(metavar="NAMESPACE", help="The namespace. Example: company.team")]
_Key = Annotated[str, typer.Argument(metavar="KEY", help="The key. Example: last-import")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the API's field names. Example: --json")]


@app.command("list")
def list_keys(namespace: _Namespace, as_json: _Json = False) -> None:
    """List the keys of a namespace.

    Example: segue kv list company.team
    """
    with Client() as client:
        found = client.get(path_of("namespaces", namespace, "kv"))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["key"],
            each["type"],
            value_text(each["value"]),
            time_text(each["updateDate"]),
            time_text(each["expirationDate"]),
            each.get("description"),
        )
        for each in found
    ]
    print_table(("key", "type", "value", "written", "expires", "description"), rows)


@app.command("get")
def get_key(namespace: _Namespace, key: _Key, as_json: _Json = False) -> None:
    """Print the value of a key.

    Example: segue kv get company.team last-import
    """
    with Client() as client:
        entry = client.get(path_of("namespaces", namespace, "kv", key))
    if as_json:
        print_json(entry)
    else:
        print(value_text(entry["value"]))


@app.command("set")
def set_key(
    namespace: _Namespace,
    key: _Key,
    value: Annotated[
        str,
        typer.Argument(
            metavar="VALUE", help="JSON, a date, a duration, or else a text; - reads it from stdin. Example: 2026-01-31"
        ),
    ],
    ttl: Annotated[
        str | None, typer.Option("--ttl", help="It expires after this ISO 8601 duration. Example: --ttl PT24H")
    ] = None,
    description: Annotated[
        str | None, typer.Option("--description", "-d", help='What it is for. Example: -d "day of the last import"')
    ] = None,
) -> None:
    """Write the value of a key.

    Example: segue kv set company.team last-import 2026-01-31 --ttl P7D
    """
    text = sys.stdin.read() if value == "-" else value
    with Client() as client:
        path = path_of("namespaces", namespace, "kv", key)
        client.call("PUT", path, {"ttl": ttl, "description": description}, text=text)


@app.command("delete")
def delete_key(namespace: _Namespace, key: _Key) -> None:
    """Delete a key; one that is not there is as good.

    Example: segue kv delete company.team last-import
    """
    with Client() as client:
        client.call("DELETE", path_of("namespaces", namespace, "kv", key))
