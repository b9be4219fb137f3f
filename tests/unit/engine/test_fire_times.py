"""Fire times against brute force over the local clock, and the days on which zones jump."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st
from segue.engine.fire_times import BadCron, DateTimes, cron_times
from segue.engine.zones import zone_of

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: tzinfo = UTC) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def slots(line: str, zone: tzinfo, start: str, end: str) -> list[str]:
    times, moment, found = cron_times(line, zone), at(start, zone), []
    while (moment := times.after(moment)) and moment < at(end, zone):
        found.append(moment.isoformat())
    return found


@pytest.mark.parametrize(
    ("line", "start", "expected"),
    [
        pytest.param("0 0 * * 0", "2024-05-15T00:00", "2024-05-19T00:00:00+00:00", id="0-is-sunday"),
        pytest.param("0 0 * * 7", "2024-05-15T00:00", "2024-05-19T00:00:00+00:00", id="7-is-sunday"),
        pytest.param("0 0 * * 5-7", "2024-05-18T12:00", "2024-05-19T00:00:00+00:00", id="range-to-7"),
        pytest.param("0 0 * * MON-FRI", "2024-05-18T12:00", "2024-05-20T00:00:00+00:00", id="names"),
        pytest.param("0 0 1 JAN *", "2024-05-18T12:00", "2025-01-01T00:00:00+00:00", id="month-name"),
        pytest.param("0 0 13 * 5", "2024-05-14T00:00", "2024-05-17T00:00:00+00:00", id="day-of-month-or-day-of-week"),
        pytest.param("*/10 * * * * *", "2024-05-15T00:00:05", "2024-05-15T00:00:10+00:00", id="seconds-first"),
        pytest.param("@daily", "2024-05-15T10:00", "2024-05-16T00:00:00+00:00", id="daily"),
        pytest.param("@Weekly", "2024-05-15T10:00", "2024-05-19T00:00:00+00:00", id="weekly"),
        pytest.param("0 0 29 2 *", "2024-03-01T00:00", "2028-02-29T00:00:00+00:00", id="leap-day"),
        pytest.param("  0   12 * *  * ", "2024-05-15T10:00", "2024-05-15T12:00:00+00:00", id="spaces"),
    ],
)
def test_a_line_reads_as_unix_cron_does(line: str, start: str, expected: str) -> None:
    assert cron_times(line, UTC).after(at(start)).isoformat() == expected


@pytest.mark.parametrize("line", ["", "* * * *", "61 * * * *", "a b c d e", "@reboot", "* * * * * * *", "0 0 31 2 *"])
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(BadCron, match="invalid cron expression"):
        cron_times(line, UTC)


def test_a_fixed_time_that_the_clock_skips_fires_at_the_end_of_the_gap() -> None:
    found = slots("30 2 * * *", BERLIN, "2024-03-30T12:00", "2024-04-01T12:00")
    assert found == ["2024-03-31T03:00:00+02:00", "2024-04-01T02:30:00+02:00"]


def test_several_skipped_times_fire_once_together() -> None:
    found = slots("0,15,30,45 2,3 * * *", BERLIN, "2024-03-31T00:00", "2024-03-31T12:00")
    assert found == [f"2024-03-31T03:{minute:02}:00+02:00" for minute in (0, 15, 30, 45)]


def test_a_fixed_time_that_comes_twice_fires_the_first_time() -> None:
    found = slots("30 2 * * *", BERLIN, "2024-10-26T12:00", "2024-10-28T12:00")
    assert found == ["2024-10-27T02:30:00+02:00", "2024-10-28T02:30:00+01:00"]


def test_a_fixed_time_with_seconds_obeys_the_same_rules() -> None:
    assert slots("5 30 2 * * *", BERLIN, "2024-03-31T00:00", "2024-03-31T12:00") == ["2024-03-31T03:00:00+02:00"]
    assert slots("5 30 2 * * *", BERLIN, "2024-10-27T00:00", "2024-10-27T12:00") == ["2024-10-27T02:30:05+02:00"]


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)], ids=["spring", "autumn"])
def test_an_hourly_line_fires_every_hour_of_a_day_that_changes(day: str, hours: int) -> None:
    before, after = at(f"{day}T00:00", BERLIN) - timedelta(seconds=1), at(f"{day}T00:00", BERLIN) + timedelta(days=1)
    assert len(slots("0 * * * *", BERLIN, before.isoformat(), after.isoformat())) == hours


def test_a_half_hour_shift_leaves_no_slot_out() -> None:
    """Lord Howe Island moves by thirty minutes: a walk by whole hours would come out at half past."""
    zone = ZoneInfo("Australia/Lord_Howe")
    assert slots("*/15 3 * * *", zone, "2024-04-07T00:00", "2024-04-07T12:00") == [
        f"2024-04-07T03:{minute:02}:00+10:30" for minute in (0, 15, 30, 45)
    ]


def test_a_day_that_a_zone_leaves_out_is_made_up_for_at_its_end() -> None:
    found = slots("0 12 * * *", ZoneInfo("Pacific/Apia"), "2011-12-28T13:00", "2012-01-01T00:00")
    assert found == ["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]


def test_a_date_beyond_ten_years_is_none() -> None:
    assert cron_times("0 0 * 2 MON#5", UTC).after(at("2024-03-01T00:00")) is None


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Beirut",
    "Africa/Casablanca",
]
CHANGES = [
    "2011-12-30",
    "2018-11-04",
    "2018-02-18",
    "2024-03-31",
    "2024-04-07",
    "2024-10-06",
    "2024-10-27",
    "2024-06-15",
]
CLOCK_LINES = ["0 * * * *", "*/15 * * * *", "*/30 3 * * *", "* 0 * * *", "7 */2 * * *", "*/20 1,2 * * 0"]


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    line=st.sampled_from(CLOCK_LINES),
    minutes=st.integers(-2000, 2000),
)
def test_a_line_that_follows_the_clock_fires_whenever_the_local_time_fits(
    zone: str, day: str, line: str, minutes: int
) -> None:
    region = zone_of(zone)
    start = at(f"{day}T00:00") + timedelta(minutes=minutes)
    fits = CronSim(line, datetime(2000, 1, 1))  # noqa: DTZ001 - local time
    brute = None
    for minute in range(1, 60 * 24 * 9):
        local = (start + timedelta(minutes=minute)).astimezone(region)
        if local.minute in fits.minutes and local.hour in fits.hours and fits.match_day(local.date()):
            brute = local
            break
    times = cron_times(line, region)
    assert times.after(start) == brute
    assert times.before(brute + timedelta(seconds=1)) == brute
    assert times.before(brute) <= start


LINES = [
    *CLOCK_LINES,
    "30 2 * * *",
    "0 0 * * *",
    "15,45 1-3 * * *",
    "0 30 2 * * *",
    "*/7 0 2 * * *",
    "0 12 30 12 *",
    "0 3 1 * 1",
]


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    line=st.sampled_from(LINES),
    minutes=st.integers(-2000, 2000),
    micros=st.sampled_from([0, 1, 500_000]),
)
def test_next_and_previous_agree_and_no_slot_comes_twice(
    zone: str, day: str, line: str, minutes: int, micros: int
) -> None:
    times = cron_times(line, zone_of(zone))
    moment = start = at(f"{day}T00:00") + timedelta(minutes=minutes, microseconds=micros)
    seen: list[datetime] = []
    for _ in range(6):
        moment = times.after(moment)
        # In UTC: times of one zone compare by what its clocks show, which in a fold is the same twice.
        assert moment.astimezone(UTC) > (seen[-1] if seen else start).astimezone(UTC)
        seen.append(moment)
    back = seen[-1]
    for expected in reversed(seen[:-1]):
        back = times.before(back)
        assert back.astimezone(UTC) == expected.astimezone(UTC)
    assert times.before(back) <= start


def test_listed_dates_come_in_order() -> None:
    times = DateTimes((at("2024-05-15T10:00"), at("2024-05-15T11:00")), BERLIN)
    assert times.after(at("2024-05-15T10:00")).isoformat() == "2024-05-15T13:00:00+02:00"
    assert times.after(at("2024-05-15T11:00")) is None
    assert times.before(at("2024-05-15T11:00")) == at("2024-05-15T10:00")
    assert times.before(at("2024-05-15T10:00")) is None
