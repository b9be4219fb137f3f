"""Schedules whose times passed while the daemon was away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

EVERY_SECOND: Final = """\
id: {recover}
namespace: company.team
tasks:
  - id: at
    type: io.kestra.plugin.core.log.Log
    message: "{{{{ trigger.date }}}}"
triggers:
  - id: second
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "* * * * * *"
    withSeconds: true
    allowConcurrent: true
    recoverMissedSchedules: {recover}
"""
POLICIES: Final = ("ALL", "LAST", "NONE")


class Returned:
    """A daemon that was away for some seconds, from `left` until somewhere between `called` and `ready`."""

    def __init__(self, daemon: Daemon) -> None:
        for policy in POLICIES:
            wait_until(lambda policy=policy: times(daemon, policy), what=f"{policy} to fire", seen=daemon.output)  # type: ignore[misc]
        daemon.stop()
        self.left = now()
        wait_until(lambda: now() > self.left + timedelta(seconds=2.5), what="time to pass")
        self.called = now()
        daemon.start_process()
        self.ready = now()
        self.fired = {policy: self._fired(daemon, policy) for policy in POLICIES}

    def _fired(self, daemon: Daemon, policy: str) -> list[datetime]:
        """All times that fired up to the first after the return."""
        wait_until(
            lambda: max(times(daemon, policy)) > self.ready,
            what=f"{policy} to fire after the return",
            seen=lambda: f"{times(daemon, policy)}{daemon.output()}",
        )
        return times(daemon, policy)

    @property
    def missed(self) -> set[datetime]:
        """The times that passed for certain while it was away."""
        first = self.left.replace(microsecond=0) + timedelta(seconds=1)
        return {first + timedelta(seconds=each) for each in range(int((self.called - first).total_seconds()) + 1)}


def now() -> datetime:
    return datetime.now(UTC)


def times(daemon: Daemon, flow: str) -> list[datetime]:
    """The times that executions of a flow were for."""
    return [datetime.fromisoformat(each.json["scheduleDate"]) for each in daemon.executions(flow)]


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Returned]:
    files = {f"flows/company.team/{each}.yaml": EVERY_SECOND.format(recover=each) for each in POLICIES}
    with running(tmp_path_factory.mktemp("away"), files) as daemon:
        yield Returned(daemon)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_time_fires_twice(returned: Returned, policy: str) -> None:
    fired = returned.fired[policy]
    assert len(fired) == len(set(fired))


def test_all_makes_up_for_every_time_that_was_missed(returned: Returned) -> None:
    assert returned.missed <= set(returned.fired["ALL"])
    assert len(returned.missed) >= 2


def test_last_makes_up_for_the_last_of_them_alone(returned: Returned) -> None:
    fired = {each for each in returned.fired["LAST"] if returned.left < each <= returned.ready}
    assert fired
    assert len(fired & returned.missed) <= 1


def test_none_makes_up_for_none(returned: Returned) -> None:
    assert not returned.missed & set(returned.fired["NONE"])
