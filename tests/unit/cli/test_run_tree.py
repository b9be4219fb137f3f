"""An execution as a tree of lines, and as plain lines."""

import io
from datetime import timedelta

from segue.cli.run_tree import Row, rows_of, title_of
from segue.cli.run_view import LinesView
from segue.model.flow import Flow
from segue.model.state import State
from segue.model.task import ForEach, Retry
from segue.runtime.local import News, Seen

from tests.support.engine import FAILS, SUCCEEDS, Player, flow, task


def played(flow: Flow, **keys: object) -> Player:
    return Player(flow, **keys).run()


def rows(player: Player, rows_max: int = 100) -> list[Row]:
    return rows_of(player.execution, player.now, rows_max=rows_max)


def each(values: int) -> Flow:
    return flow(task("each", ForEach(values=tuple(range(values)), tasks=(task("work"),))), "last")
