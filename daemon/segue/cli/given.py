"""What is given on a command line: names of flows, inputs, labels, stretches of time. Wrong ones are wrong usage."""

import difflib
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct

from segue.cli.errors import USAGE, CommandFailed

_INPUTS_HELP: Final = (
    "An input, as key=value; key=@path sends a file, key=@@text a text that begins with @; "
    "may be given several times. Example: -i name=Ada -i table=@orders.csv"
)
Inputs = Annotated[list[str] | None, typer.Option("--input", "-i", metavar="KEY=VALUE", help=_INPUTS_HELP)]
"""The option of every command that takes inputs; `inputs` reads what it was given."""

_SPAN: Final = re.compile(r"(\d+)([smhdw])")
_UNITS: Final = {"s": "PT{}S", "m": "PT{}M", "h": "PT{}H", "d": "P{}D", "w": "P{}W"}


class Given(Struct, frozen=True):
    """The values given for one input: texts, and files. More than one makes a list."""

    name: str
    values: tuple[str | Path, ...]


def flow_name(text: str) -> tuple[str, str]:
    """Namespace and id out of `company.team/hello`."""
    namespace, slash, flow_id = text.strip().partition("/")
    if not slash or not namespace or not flow_id or "/" in flow_id:
        raise CommandFailed(f"{text!r} is no flow: expected NAMESPACE/FLOW, as company.team/hello", code=USAGE)
    return namespace, flow_id


def trigger_name(text: str) -> tuple[str, str, str]:
    """Namespace, flow id and trigger id out of `company.team/hello/every-day`."""
    parts = text.strip().split("/")
    if len(parts) != 3 or not all(parts):
        raise CommandFailed(
            f"{text!r} is no trigger: expected NAMESPACE/FLOW/TRIGGER, as company.team/hello/every-day", code=USAGE
        )
    return parts[0], parts[1], parts[2]


def inputs(texts: Sequence[str]) -> list[Given]:
    """From `key=value` texts; those of one key stand together."""
    found: dict[str, tuple[str | Path, ...]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandFailed(f"{text!r} is no input: expected key=value, as name=Ada", code=USAGE)
        found[name] = (*found.get(name, ()), _value(name, value))
    return [Given(name, values) for name, values in found.items()]


def refuse_unknown(given: Sequence[Given], declared: Collection[str], flow: str) -> None:
    """An input that the flow does not have is misspelt: the daemon passes over it, as Kestra does."""
    for each in given:
        if each.name not in declared:
            close = difflib.get_close_matches(each.name, declared, n=1)
            has = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(declared) or 'none'}"
            raise CommandFailed(f"{flow} has no input {each.name!r}: {has}", code=USAGE)


def _value(name: str, text: str) -> str | Path:
    if text.startswith("@@"):
        return text[1:]
    if not text.startswith("@"):
        return text
    path = Path(text[1:]).expanduser()
    if not path.is_file():
        raise CommandFailed(
            f"input {name}: there is no file {path}; for a text that begins with @ write @@", code=USAGE
        )
    return path


def labels(texts: Sequence[str]) -> list[str]:
    """`key:value` texts, also written `key=value`."""
    found = []
    for text in texts:
        key, sign, value = text.partition("=") if "=" in text and ":" not in text else text.partition(":")
        if not sign or not key:
            raise CommandFailed(f"{text!r} is no label: expected key:value, as team:data", code=USAGE)
        found.append(f"{key}:{value}")
    return found


def since(text: str | None) -> dict[str, str]:
    """The parameter of a search for what started lately: `2h`, `7d`, `PT30M`, or a date."""
    if text is None:
        return {}
    short = _SPAN.fullmatch(text.lower())
    if short:
        return {"timeRange": _UNITS[short[2]].format(short[1])}
    if text.upper().startswith("P"):
        return {"timeRange": text.upper()}
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(f"{text!r} is no time: expected 2h, 7d or a date as 2026-01-31", code=USAGE) from error
    return {"startDate": at.astimezone(UTC).isoformat()}
