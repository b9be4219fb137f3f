"""The table of polling triggers that workers can look at."""

from collections.abc import Mapping
from typing import Any, Final

from segue.tasks.http_trigger import POLLS as HTTP_POLLS
from segue.tasks.kind import TaskKind
from segue.tasks.plugins.jdbc import POLLS as JDBC_POLLS
from segue.tasks.plugins.local_files import POLLS as LOCAL_FILE_POLLS
from segue.tasks.plugins.s3 import POLLS as S3_POLLS
from segue.tasks.plugins.sftp import POLLS as SFTP_POLLS
from segue.tasks.polling import PollKind
from segue.tasks.scripts.triggers import POLLS as SCRIPT_POLLS

POLLS: Final[tuple[PollKind[Any], ...]] = (
    *HTTP_POLLS,
    *JDBC_POLLS,
    *LOCAL_FILE_POLLS,
    *SFTP_POLLS,
    *S3_POLLS,
    *SCRIPT_POLLS,
)

ERRANDS: Final[Mapping[str, TaskKind[Any]]] = {poll.name: poll.as_errand() for poll in POLLS}
