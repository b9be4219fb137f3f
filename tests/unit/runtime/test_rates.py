"""How often something may be asked for."""

from segue.runtime.rates import Rates

NOON = 12 * 3600.0


def test_a_minutes_calls_may_come_at_once_and_then_one_in_its_time() -> None:
    rates = Rates(6)
    assert [rates.seconds_to_wait("key", NOON) for _ in range(8)] == [0] * 6 + [10, 10]
    assert [rates.seconds_to_wait("key", NOON + 9), rates.seconds_to_wait("key", NOON + 10)] == [1, 0]
    assert rates.seconds_to_wait("key", NOON + 10) == 10


def test_what_was_refused_does_not_count() -> None:
    rates = Rates(1)
    assert [rates.seconds_to_wait("key", NOON + second) for second in (0, 20, 40, 60, 61)] == [0, 40, 20, 0, 59]


def test_each_key_has_its_own() -> None:
    rates = Rates(1)
    assert [rates.seconds_to_wait(key, NOON) for key in ("a", "b", "a")] == [0, 0, 60]


def test_what_is_over_is_forgotten() -> None:
    rates = Rates(60)
    for number in range(1000):
        assert rates.seconds_to_wait(number, NOON + number) == 0
    assert len(rates._full_at) <= 2
