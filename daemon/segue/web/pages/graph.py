"""A flow as a drawing: where each task stands, what frames it, which lines lead to it. Pure: a flow in, places out, the
same places for the same flow. `templates/graph.html` makes SVG of it.

Read from the top: triggers, then the tasks in their order; a flowable is a frame around its tasks, its branches are
lanes with their names, what runs at once stands side by side. What runs for errors or at the end stands apart, in
dashed lanes without lines: no task leads there.

Every piece is laid out by itself, from (0, 0), with its way in at the middle of its top and its way out at the middle
of its bottom; whoever puts it somewhere moves all that is in it. Widths are even, so that middles are whole.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from msgspec import Struct
from msgspec.structs import replace

from segue.model.flow import Flow
from segue.model.task import (
    Body,
    Dag,
    EachItem,
    ForEach,
    ForEachItem,
    If,
    LoopUntil,
    Parallel,
    Subflow,
    Switch,
    Task,
    branches,
)
from segue.model.trigger import Trigger
from segue.web.pages.layers import Layers, Stop, layers

BOX_WIDTH: Final = 192
BOX_HEIGHT: Final = 46
DOWN: Final = 26  # between what follows each other: room for a line with its head
DAG_DOWN: Final = 44  # between the rows of a Dag: lines turn aside there
BESIDE: Final = 18
PADDING: Final = 14
HEAD: Final = 48  # of a frame: its task
LABEL: Final = 26  # of a lane: its name
WAY: Final = 12  # where a line passes by
ROW_WIDTH: Final = 4 * BOX_WIDTH + 3 * BESIDE  # what stands side by side is broken into rows of about this
PHONE_WIDTH: Final = 340  # what is shown of a drawing at once, there
TASKS_MAX: Final = 400  # a drawing of more tells nobody anything, and costs the daemon's loop a tenth of a second
_APART: Final = frozenset({"errors", "finally", "afterExecution"})


class Box(Struct, frozen=True, kw_only=True):
    """A task without tasks inside, or a trigger. `note` says in a word what makes it special."""

    kind: ClassVar = "box"
    of: Task | Trigger
    x: int = 0
    y: int = 0
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT
    note: str = ""

    @property
    def is_trigger(self) -> bool:
        return isinstance(self.of, Trigger)


class Frame(Struct, frozen=True, kw_only=True):
    """A flowable around what it steers; its own name is in its head."""

    kind: ClassVar = "frame"
    of: Task
    x: int = 0
    y: int = 0
    width: int
    height: int
    note: str = ""


class Lane(Struct, frozen=True, kw_only=True):
    """One branch, with its name. `is_apart`: nothing leads to it but an error, or the end."""

    kind: ClassVar = "lane"
    name: str
    is_apart: bool
    x: int = 0
    y: int = 0
    width: int
    height: int


class Line(Struct, frozen=True):
    """Through these points, downwards; with a head at its last one if `is_arrow`."""

    kind: ClassVar = "line"
    points: tuple[tuple[int, int], ...]
    is_arrow: bool = True

    @property
    def path(self) -> str:
        """For SVG: straight down, and in a curve to what stands aside."""
        (x, y), *others = self.points
        drawn = [f"M{x} {y}"]
        for to_x, to_y in others:
            middle = (y + to_y) // 2
            drawn.append(f"V{to_y}" if x == to_x else f"C{x} {middle} {to_x} {middle} {to_x} {to_y}")
            x, y = to_x, to_y
        return "".join([*drawn, "m-4-6l4 6l4-6" if self.is_arrow else ""])


Part = Box | Frame | Lane | Line


class Piece(Struct, frozen=True):
    """Parts of the drawing that are put somewhere together."""

    width: int
    height: int
    parts: tuple[Part, ...] = ()

    def at(self, x: int, y: int) -> tuple[Part, ...]:
        return tuple(_moved(part, x, y) for part in self.parts)


class Graph(Struct, frozen=True):
    """`parts` in the order to read them in, which is one to draw them in as well: what surrounds comes before what is
    inside."""

    width: int
    height: int
    parts: tuple[Part, ...]


def graphs_of(flow: Flow) -> tuple[Graph, ...]:
    """The drawing; where it is wider than a phone, a second one that puts below each other what stands side by side."""
    graph = graph_of(flow)
    if graph is None:
        return ()
    narrow = graph_of(flow, row_width=BOX_WIDTH) if graph.width > PHONE_WIDTH else None
    return (graph,) if narrow is None or narrow.width >= graph.width else (graph, narrow)


def graph_of(flow: Flow, row_width: int = ROW_WIDTH) -> Graph | None:
    """None of a flow with more tasks than a drawing can show."""
    if sum(1 for _ in flow.all_tasks()) > TASKS_MAX:
        return None
    main = _column([*_triggers(flow, row_width), _column(_pieces(flow.tasks, row_width))])
    apart = [
        _lane(name, tasks, row_width)
        for name, tasks in (
            ("errors", flow.errors),
            ("finally", flow.finally_),
            ("afterExecution", flow.after_execution),
        )
        if tasks
    ]
    whole = _stacked([main, _shelf(apart, row_width)] if apart else [main], DOWN)
    return Graph(whole.width + 2 * PADDING, whole.height + 2 * PADDING, whole.at(PADDING, PADDING))


def _triggers(flow: Flow, row_width: int) -> list[Piece]:
    return [_shelf([_box(each) for each in flow.triggers], row_width)] if flow.triggers else []


def _box(of: Task | Trigger, note: str = "") -> Piece:
    return Piece(BOX_WIDTH, BOX_HEIGHT, (Box(of=of, note=note),))


def _pieces(tasks: Sequence[Task], row_width: int) -> list[Piece]:
    return [_piece(task, row_width) for task in tasks]


def _piece(task: Task, row_width: int) -> Piece:
    lists = [(name, tasks) for name, tasks in branches(task.body) if tasks]
    note = _note(task.body)
    if not lists:
        return _box(task, note)
    steered = [(name, tasks) for name, tasks in lists if name not in _APART]
    apart = [_lane(name, tasks, row_width) for name, tasks in lists if name in _APART]
    rows = [_inside(task.body, steered, row_width)] if steered else []
    inner = _stacked([*rows, _shelf(apart, row_width)] if apart else rows, BESIDE)
    width = max(inner.width + 2 * PADDING, BOX_WIDTH)
    height = HEAD + inner.height + PADDING
    frame = Frame(of=task, width=width, height=height, note=note)
    return Piece(width, height, (frame, *inner.at((width - inner.width) // 2, HEAD)))


def _inside(body: Body, lists: Sequence[tuple[str, Sequence[Task]]], row_width: int) -> Piece:
    match body:
        case Dag(tasks=tasks, depends_on=depends_on):
            pieces = {task.id: _piece(task, row_width) for task in tasks}
            return _woven(pieces, layers([task.id for task in tasks], depends_on))
        case Parallel(tasks=tasks):
            return _shelf(_pieces(tasks, row_width), row_width)
        case If() | Switch():
            return _shelf([_lane(name.removeprefix("cases."), tasks, row_width) for name, tasks in lists], row_width)
        case _ if len(lists) == 1 and lists[0][0] == "tasks":
            return _column(_pieces(lists[0][1], row_width))
    return _stacked([_lane(name, tasks, row_width) for name, tasks in lists], BESIDE)


def _note(body: Body) -> str:
    match body:
        case ForEach() | ForEachItem() | EachItem():
            return "for each"
        case LoopUntil():
            return "again and again"
        case Parallel() | Dag() if body.concurrent:
            return f"{body.concurrent} at once"
        case Parallel():
            return "at once"
        case Subflow(call=call):
            return f"→ {call.flow_id}"
    return ""


# Putting pieces together.


def _stacked(pieces: Sequence[Piece], gap: int) -> Piece:
    """One below the other, their middles in line."""
    width = max((piece.width for piece in pieces), default=0)
    parts: list[Part] = []
    y = 0
    for piece in pieces:
        parts += piece.at((width - piece.width) // 2, y)
        y += piece.height + gap
    return Piece(width, max(y - gap, 0), tuple(parts))


def _column(pieces: Sequence[Piece]) -> Piece:
    """One after another, each with a line to the next."""
    stack = _stacked(pieces, DOWN)
    lines: list[Part] = []
    y = 0
    for piece in pieces[:-1]:
        y += piece.height
        lines.append(Line(((stack.width // 2, y), (stack.width // 2, y + DOWN))))
        y += DOWN
    return Piece(stack.width, stack.height, (*stack.parts, *lines))


def _beside(pieces: Sequence[Piece]) -> Piece:
    parts: list[Part] = []
    x = 0
    for piece in pieces:
        parts += piece.at(x, 0)
        x += piece.width + BESIDE
    return Piece(max(x - BESIDE, 0), max((piece.height for piece in pieces), default=0), tuple(parts))


def _shelf(pieces: Iterable[Piece], row_width: int) -> Piece:
    """Side by side, in as many rows as it takes."""
    rows: list[list[Piece]] = []
    room = 0
    for piece in pieces:
        if room < piece.width:
            rows.append([])
            room = row_width
        rows[-1].append(piece)
        room -= piece.width + BESIDE
    return _stacked([_beside(row) for row in rows], BESIDE)


def _lane(name: str, tasks: Sequence[Task], row_width: int) -> Piece:
    inner = _column(_pieces(tasks, row_width))
    width = inner.width + 2 * PADDING
    height = LABEL + inner.height + PADDING
    lane = Lane(name=name, is_apart=name in _APART, width=width, height=height)
    return Piece(width, height, (lane, *inner.at(PADDING, LABEL)))


def _woven(pieces: dict[str, Piece], woven: Layers) -> Piece:
    """Rows of tasks with a line for each dependency. Lines turn aside only between rows."""
    rows = [_beside([_piece_of(stop, pieces) for stop in row]) for row in woven.rows]
    width = max((row.width for row in rows), default=0)
    parts: list[Part] = []
    tops: dict[Stop, tuple[int, int]] = {}
    floors: dict[Stop, int] = {}
    y = 0
    for row, placed in zip(woven.rows, rows, strict=True):
        x = (width - placed.width) // 2
        parts += placed.at(x, y)
        for stop in row:
            piece = _piece_of(stop, pieces)
            tops[stop], floors[stop] = (x + piece.width // 2, y), y + placed.height
            x += piece.width + BESIDE
        y += placed.height + DAG_DOWN
    for source, target in woven.links:
        x, top = tops[source]
        bottom = (x, top + _piece_of(source, pieces).height)
        points = dict.fromkeys((bottom, (x, floors[source]), tops[target]))
        parts.append(Line(tuple(points), is_arrow=isinstance(target, str)))
    return Piece(width, max(y - DAG_DOWN, 0), tuple(parts))


def _piece_of(stop: Stop, pieces: dict[str, Piece]) -> Piece:
    return pieces[stop] if isinstance(stop, str) else Piece(WAY, 0)


def _moved(part: Part, x: int, y: int) -> Part:
    if isinstance(part, Line):
        return Line(tuple((to_x + x, to_y + y) for to_x, to_y in part.points), part.is_arrow)
    return replace(part, x=part.x + x, y=part.y + y)
