"""Reviews: the decisions that approvals wait for."""

from datetime import datetime

from msgspec import Struct

from segue.model.flow import Input
from segue.model.names import TaskRunId
from segue.model.task import CommentRequired


class OpenReview(Struct, frozen=True, kw_only=True):
    """A decision that an approval waits for. `approve` and `deny` are what its author calls them; `value` is that of the
    loop it is in."""

    task_run_id: TaskRunId
    task_id: str
    value: str | None = None
    description: str = ""
    approve: str = "Approve"
    deny: str = "Deny"
    comment_required: CommentRequired = CommentRequired.NEVER
    inputs: tuple[Input, ...] = ()
    due: datetime | None = None
