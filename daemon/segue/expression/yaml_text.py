"""YAML as Kestra's `yaml` filter writes it and its `yaml` function reads it.

Written: block style, quotes only where needed, lists one space in. Read: YAML 1.2's scalars (no `yes`, no dates), within bounds.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from segue.expression import iso
from segue.expression.budget import Meter, check_size
from segue.expression.errors import ExpressionError
from segue.expression.values import key_text, to_text

_PLAIN = re.compile(r"(?![-?:][ ]|[-?:]$|[\s&*!|>%@`'\"#\[\]{},])(?!.*(?:: |:$| #)).*\S|\S")
_RESERVED = {"", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "none"}
_PRINTABLE = re.compile(r"[\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_FLOAT = re.compile(
    r"(?:[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*|\d+)(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)


def write(value: Any, meter: Meter) -> str:
    """The value's YAML, ending in a line break. The caller has checked its size."""
    lines: list[str] = []
    if isinstance(value, dict) and value:
        _write_map(value, 0, lines, meter)
    elif isinstance(value, list) and value:
        _write_list(value, 0, lines, meter)
    else:
        lines.append(_scalar(value, 0, meter))
    return "\n".join(lines) + "\n"


def _write_map(entries: dict[Any, Any], indent: int, lines: list[str], meter: Meter) -> None:
    for key, value in entries.items():
        name = f"{' ' * indent}{_text(key_text(key), indent, block=False)}:"
        if isinstance(value, dict) and value:
            lines.append(name)
            _write_map(value, indent + 2, lines, meter)
        elif isinstance(value, list) and value:
            lines.append(name)
            _write_list(value, indent, lines, meter)
        else:
            lines.append(f"{name} {_scalar(value, indent + 2, meter)}")


def _write_list(items: list[Any], indent: int, lines: list[str], meter: Meter) -> None:
    dash = f"{' ' * (indent + 1)}-"
    for item in items:
        if isinstance(item, dict) and item:
            lines.append(dash)
            _write_map(item, indent + 2, lines, meter)
        elif isinstance(item, list) and item:
            lines.append(dash)
            _write_list(item, indent + 2, lines, meter)
        else:
            lines.append(f"{dash} {_scalar(item, indent + 2, meter)}")


def _scalar(value: Any, indent: int, meter: Meter) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, str):
        return _text(value, indent, block=True)
    if isinstance(value, bool | int | float):
        return to_text(value, meter)
    return iso.json_text(value)


def _text(text: str, indent: int, *, block: bool) -> str:
    if block and "\n" in text and _PRINTABLE.fullmatch(text.replace("\n", "")) and not text.startswith((" ", "\n")):
        chomp = "" if text.endswith("\n") and not text.endswith("\n\n") else "+" if text.endswith("\n") else "-"
        body = text.removesuffix("\n").split("\n")
        return f"|{chomp}\n" + "\n".join(f"{' ' * max(indent, 2)}{line}" if line else "" for line in body)
    if text.lower() not in _RESERVED and "\n" not in text and _PRINTABLE.fullmatch(text) and _PLAIN.fullmatch(text):
        return text
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    )
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found.group()):02x}", escaped) + '"'


class _Loader(yaml.CSafeLoader):
    """YAML 1.2's core scalars: `yes`, `12:30:45` and dates are text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's way


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|\d[\d_]*)\Z"), list("-+0123456789")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"<<\Z"), ["<"])


def read(text: str, meter: Meter) -> Any:
    """The value of a YAML text with one document."""
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - a safe loader, narrowed
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ExpressionError(f"Invalid yaml: {' '.join(str(error).split())[:300]}") from error
    check_size(value, meter)
    return _with_text_keys(value)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


def _key(key: Any) -> str:
    if isinstance(key, bool | int | float | str) or key is None:
        return key_text(key)
    raise ExpressionError("Invalid yaml: a key must be text")
