"""When files that move have come to rest."""

from segue.triggers.settling import BATCH_FILES_MAX, WAIT_MAX, FileEvent, Settling
from segue.triggers.snapshots import FileMark, plain_snapshot, read_snapshot

ONE, TWO = FileMark(1_000, 1), FileMark(2_000, 2)


def told(settling: Settling, at: float) -> list[tuple[str, str]]:
    return [(change.path, change.event.value) for change in settling.settled(at)]


def test_a_new_file_is_told_once_it_rests() -> None:
    settling = Settling({}, 0.5)
    settling.see("a", ONE, 0)
    assert told(settling, 0.4) == []
    assert told(settling, 0.5) == [("a", "CREATE")]
    assert told(settling, 9) == []
    assert settling.snapshot == {"a": ONE}


def test_a_file_that_is_still_written_begins_to_rest_anew() -> None:
    settling = Settling({}, 0.5)
    settling.see("a", ONE, 0)
    settling.see("a", TWO, 0.4)
    settling.see("a", TWO, 0.6)
    assert told(settling, 0.8) == []
    assert told(settling, 0.9) == [("a", "CREATE")]


def test_a_changed_file_is_an_update_and_a_gone_one_a_delete_with_its_last_mark() -> None:
    settling = Settling({"a": ONE, "b": ONE}, 0.5)
    settling.see("a", TWO, 0)
    settling.see("b", None, 0)
    changes = settling.settled(1)
    assert [(each.path, each.event, each.mark) for each in changes] == [
        ("b", FileEvent.DELETE, ONE),
        ("a", FileEvent.UPDATE, TWO),
    ]


def test_what_ends_where_it_began_is_no_news() -> None:
    settling = Settling({"a": ONE}, 0.5)
    settling.see("temporary", ONE, 0)
    settling.see("a", TWO, 0)
    settling.see("temporary", None, 0.1)
    settling.see("a", ONE, 0.1)
    assert told(settling, 5) == []
    assert settling.look_again_at() is None


def test_a_batch_waits_for_all_that_moves() -> None:
    settling = Settling({}, 0.5)
    settling.see("a", ONE, 0)
    settling.see("b", ONE, 0.4)
    assert told(settling, 0.6) == []
    assert told(settling, 0.9) == [("a", "CREATE"), ("b", "CREATE")]


def test_a_file_that_never_rests_does_not_hold_up_the_others() -> None:
    settling = Settling({}, 0.5)
    settling.see("a", ONE, 0)
    for step in range(200):
        settling.see("busy", FileMark(step, step), step / 10)
        if found := told(settling, step / 10):
            assert found == [("a", "CREATE")]
            assert WAIT_MAX <= step / 10 <= WAIT_MAX + 1
            return
    raise AssertionError("never told")


def test_batches_are_bounded_and_the_rest_follows_with_its_own_snapshot() -> None:
    settling = Settling({}, 0.5)
    for number in range(BATCH_FILES_MAX + 10):
        settling.see(f"{number:05}", FileMark(number, 0), 0)
    assert len(settling.settled(1)) == BATCH_FILES_MAX
    assert len(settling.snapshot) == BATCH_FILES_MAX
    assert [each.path for each in settling.settled(1)] == [f"{BATCH_FILES_MAX + number:05}" for number in range(10)]


def test_it_says_when_to_look_again() -> None:
    settling = Settling({}, 0.5)
    assert settling.look_again_at() is None
    settling.see("a", ONE, 3)
    assert settling.look_again_at() == 3.5


def test_a_snapshot_survives_being_kept() -> None:
    assert read_snapshot(plain_snapshot({"a/b": ONE})) == {"a/b": ONE}
