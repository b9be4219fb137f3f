"""Named queries: the SQL of `queries.sql` by name. A block begins with `-- name: <name>`; comment lines after it
say what it is for. Statements that depend on what a person filters by are composed in `reads/search.py` instead.
"""

import re
from importlib import resources
from typing import Final

_HEAD: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def parse(text: str) -> dict[str, str]:
    """Name -> statement, comments left out."""
    _, *parts = _HEAD.split(text)
    names, bodies = parts[::2], parts[1::2]
    assert len(set(names)) == len(names), "a query's name is given twice"
    return {name: _statement(body) for name, body in zip(names, bodies, strict=True)}


def _statement(body: str) -> str:
    lines = [line for line in body.splitlines() if line and not line.startswith("--")]
    return "\n".join(lines).rstrip(";")


QUERIES: Final = parse(resources.files("segue.store").joinpath("queries.sql").read_text("utf-8"))
