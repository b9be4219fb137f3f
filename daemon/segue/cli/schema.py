"""`segue schema`: the JSON Schemas that editors complete and check flows and flow tests with."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from segue.cli.errors import CommandFailed
from segue.spec.catalogue import BUILT_IN
from segue.spec.schema import flow_schema, suite_schema
from segue.tasks import packages


class Of(StrEnum):
    FLOW = "flow"
    TEST = "test"


def schema(
    of: Annotated[Of, typer.Option("--for", help="What the files hold. Example: --for test")] = Of.FLOW,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; default: print it. Example: -o schemas/flow.schema.json"),
    ] = None,
    with_installed: Annotated[
        bool,
        typer.Option("--with-installed", help="With the task types of installed packages. Example: --with-installed"),
    ] = False,
) -> None:
    """Write the JSON Schema (draft 7) of flow files, or of files with flow tests.

    Example: segue schema -o schemas/flow.schema.json
    """
    catalogue = packages.catalogue() if with_installed else BUILT_IN
    text = schema_text(flow_schema(catalogue) if of is Of.FLOW else suite_schema())
    if output is None:
        print(text, end="")
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"cannot write {output}: {error.strerror}") from error


def schema_text(content: dict[str, object]) -> str:
    """The schema as it is written to a file."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
