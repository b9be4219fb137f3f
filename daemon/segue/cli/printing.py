"""What a terminal or a pipe gets to see: tables, times, states and JSON. Text that tasks wrote is cleaned here first.

On a terminal tables have colours and fit its width; anywhere else they are plain, aligned and never cut.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Terminal commands: CSI (colours, cursor), OSC (titles, links, the clipboard), and other two-character escapes.
_TERMINAL_COMMANDS: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?")
_KEPT: Final = frozenset("\n\t")
# Control characters, invisible directions of writing (they can make text read as something else), lone surrogates.
_HIDDEN: Final = frozenset({"Cc", "Cs"})
_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_STYLES: Final = {
    "SUCCESS": "green",
    "WARNING": "yellow",
    "FAILED": "bold red",
    "KILLED": "red",
    "KILLING": "red",
    "CANCELLED": "red",
    "RUNNING": "cyan",
    "PAUSED": "magenta",
    "BREAKPOINT": "magenta",
    "RETRYING": "yellow",
    "QUEUED": "blue",
    "SKIPPED": "dim",
}
_LEVEL_STYLES: Final = {"ERROR": "bold red", "WARN": "yellow", "DEBUG": "dim", "TRACE": "dim"}
_NOTHING: Final = "-"
_GAP: Final = "  "
_NAME_WIDTH_MAX: Final = 40  # or half of the terminal
_WORD_WIDTH_MAX: Final = 10  # a state, a number; a date is two words
_PROSE: Final = "description"  # the column that gives way; what has no place is left out of it on a terminal: all of it is told by `show`


def clean(text: str) -> str:
    """The text without anything that a terminal would obey rather than show; line ends and tabs stay."""
    text = _TERMINAL_COMMANDS.sub("", text.replace("\r\n", "\n"))
    if text.isprintable():
        return text
    return "".join(each for each in text if each in _KEPT or not _is_hidden(each))


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN or character in _DIRECTIONS


def one_line(value: object) -> str:
    """A value for a cell of a table."""
    text = " ".join(clean(str(value)).split()) if value not in (None, "") else ""
    return text or _NOTHING


def style_of(word: str) -> str:
    """The colour of a state or of a log level."""
    return _STYLES.get(word) or _LEVEL_STYLES.get(word) or ""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, stream: TextIO | None = None) -> None:
    """Rows under their columns' names; a cell that is a state is coloured."""
    stream = stream or sys.stdout
    texts = [[one_line(cell) for cell in row] for row in rows]
    if not texts:
        print("Nothing found.", file=sys.stderr)
    if not stream.isatty():
        print(plain_table(columns, texts), file=stream)
        return
    if not texts:
        return
    console = Console(file=stream, highlight=False)
    console.print(_table(columns, texts, console.width))


def _table(columns: Sequence[str], texts: Sequence[Sequence[str]], width: int) -> Table:
    """What is too wide for the terminal is cut from the prose, and then folded; short words stay whole."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    widths = [max(cell_len(line[index]) for line in (columns, *texts)) for index in range(len(columns))]
    room = width - len(_GAP) * (len(columns) - 1)
    # What others are typed after, the name in front, is kept in one piece, as far as there is room beside it.
    beside = sum(min(each, _WORD_WIDTH_MAX) for each in widths[1:])
    widths[0] = min(widths[0], max(_NAME_WIDTH_MAX, width // 2), max(room - beside, _WORD_WIDTH_MAX))
    for index, column in enumerate(columns):
        if column == _PROSE:
            left = max(room - sum(widths) + widths[index], _WORD_WIDTH_MAX)
            table.add_column(column.upper(), overflow="ellipsis", no_wrap=True, max_width=left)
        else:
            is_whole = index == 0 or widths[index] <= _WORD_WIDTH_MAX
            table.add_column(column.upper(), overflow="fold", width=widths[index] if is_whole else None)
    for row in texts:
        table.add_row(*(Text(cell, style_of(cell)) for cell in row))
    return table


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same without colours, each column as wide as its widest cell."""
    lines = [[column.upper() for column in columns], *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def print_fields(fields: Mapping[str, object]) -> None:
    """Names and values, a line each; those without a value are left out."""
    shown = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    width = max(map(len, shown), default=0)
    console = Console(highlight=False, soft_wrap=True) if sys.stdout.isatty() else None
    for name, value in shown.items():
        text = value_text(value).strip().replace("\n", "\n" + " " * (width + 2))
        if console is None:
            print(f"{name.ljust(width)}  {text}")
        else:
            console.print(Text.assemble((name.ljust(width), "bold"), "  ", (text, style_of(text))))


def value_text(value: object) -> str:
    """A value of a flow for people: a text as it is, anything else as JSON."""
    return clean(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def input_text(declared: Mapping[str, Any]) -> str:
    """An input of the API in brief: its type, and whether it may be left out."""
    is_needed = declared.get("required", True) and declared.get("defaults") is None
    return f"{declared['id']} ({declared['type']}{'' if is_needed else ', optional'})"


def print_json(value: Any) -> None:
    """For programs: indented, field names as the API has them."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_json_line(value: Any) -> None:
    """One of many values, on a line of its own, at once."""
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str), flush=True)


def print_log(entry: Mapping[str, Any]) -> None:
    """A log line of the API."""
    at = moment(str(entry.get("timestamp") or ""))
    level, task = str(entry.get("level") or ""), one_line(entry.get("taskId"))
    message = clean(str(entry.get("message") or ""))
    if not sys.stdout.isatty():
        print(log_text(at, level, task, message), flush=True)
        return
    head = f"{clock_text(at)} "
    text = Text.assemble((head, "dim"), (f"{level:5}", style_of(level)), " ", (task, "cyan"), " ", message)
    Console(highlight=False, soft_wrap=True).print(text)


def log_text(at: datetime | None, level: str, task: str, message: str) -> str:
    """A log line without colours."""
    return f"{clock_text(at)} {level:5} {task} {message}".rstrip()


def clock_text(at: datetime | None) -> str:
    """A moment to the millisecond, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if at else _NOTHING


# Times.


def moment(text: str) -> datetime | None:
    """The moment that a date of the API says."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def time_text(text: object) -> str:
    """A date of the API for people: seconds are enough, in the zone of whoever reads."""
    at = moment(text) if isinstance(text, str) else None
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""


def span_text(span: timedelta) -> str:
    """`0.25s`, `12.3s`, `4m05s`, `2h03m`, `3d04h`."""
    seconds = max(span.total_seconds(), 0.0)
    if seconds < 60:
        return f"{seconds:.2f}s" if seconds < 10 else f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02}h"


def duration_of(state: Mapping[str, Any]) -> str:
    """How long something took, or takes by now, from its state in the API."""
    start, end = moment(str(state.get("startDate") or "")), moment(str(state.get("endDate") or ""))
    return span_text((end or datetime.now(UTC)) - start) if start else ""
