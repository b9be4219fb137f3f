"""Deadlines: flow triggers with `onMiss`, whose windows must not end before what they wait for has come (2.0)."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from msgspec import Struct, field

from segue.engine.gathering import Gathering, gatherings_of, zone_in
from segue.engine.windows import Bounds, Fixed, ending_after
from segue.model.trigger import FlowEnds, Trigger


class Deadline(Struct, frozen=True, kw_only=True):
    """What is held to its window. `labels` are for the execution that says that it was missed."""

    gathering: Gathering
    labels: Mapping[str, str] = field(default_factory=dict)

    def window_after(self, moment: datetime, zone: tzinfo) -> Bounds | None:
        """The first window that ends later than that; None: it has none that ends by itself."""
        return ending_after(self.gathering.window, moment, zone_in(self.gathering, zone))

    def last_ended(self, since: datetime, now: datetime, zone: tzinfo) -> Bounds | None:
        """The last window that has ended after `since`. Looks at no more than two, however long ago that is."""
        window = self.gathering.window
        length = window.every if isinstance(window, Fixed) else timedelta(days=1)
        ended, following = None, self.window_after(max(since, now - 2 * length), zone)
        while following is not None and following.end is not None and following.end <= now:
            ended, following = following, self.window_after(following.end, zone)
        return ended


def deadline_of(trigger: Trigger) -> Deadline | None:
    """That of the trigger, if missing it is to be told."""
    if not isinstance(trigger.body, FlowEnds):
        return None
    wanted = trigger.body.options.get("onMiss")
    gathering = next((each for each in gatherings_of(trigger) if each.id == "dependsOn"), None)
    if wanted is None or gathering is None or wanted.get("behavior", "FAIL") != "FAIL":
        return None
    return Deadline(gathering=gathering, labels=_labels(wanted.get("labels") or {}))


def _labels(given: object) -> dict[str, str]:
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    assert isinstance(given, list)
    return {str(each["key"]): str(each["value"]) for each in given}


def is_missed(window: Bounds, fired_at: datetime | None) -> bool:
    """Has the trigger not fired in it."""
    return fired_at is None or not window.holds(fired_at)
