"""Dates: what is read as one, how patterns and named formats print, how units move."""

# ruff: noqa: DTZ001 - local date-times are values too

from datetime import UTC, date, datetime, timedelta

import pytest
from segue.expression import iso
from segue.expression.dates import zone_named
from segue.expression.errors import ExpressionError

from tests.unit.expression.rendering import render

WEDNESDAY = "2024-05-15T08:05:09.123456+02:00"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy-MM-dd", "2024-05-15"),
        ("yy/M/d", "24/5/15"),
        ("uuuu", "2024"),
        ("MMM d, EEE", "May 15, Wed"),
        ("MMMM, EEEE", "May, Wednesday"),
        ("MMMMM EEEEE", "M W"),
        ("LLLL", "May"),
        ("DDD", "136"),
        ("e c", "4 4"),
        ("h:mm a", "8:05 AM"),
        ("K k H", "8 8 8"),
        ("HH:mm:ss.S", "08:05:09.1"),
        ("SSS SSSSSS SSSSSSSSS", "123 123456 123456000"),
        ("n", "123456000"),
        ("A", "29109123"),
        ("X XX XXX", "+02 +0200 +02:00"),
        ("x xx xxx", "+02 +0200 +02:00"),
        ("Z ZZZZ ZZZZZ", "+0200 GMT+02:00 +02:00"),
        ("O OOOO", "GMT+2 GMT+02:00"),
        ("VV", "Europe/Paris"),
        ("z", "CEST"),
        ("Q QQQ", "2 Q2"),
        ("w W YYYY", "20 3 2024"),
        ("G", "AD"),
        ("'at' h 'o''clock'", "at 8 o'clock"),
        ("yyyy[-MM]", "2024-05"),
        ("iso", "2024-05-15T08:05:09.123456+02:00"),
        ("iso_sec", "2024-05-15T08:05:09+02:00"),
        ("sql", "2024-05-15 08:05:09.123456"),
        ("sql_seq", "2024-05-15 08:05:09"),
        ("iso_date", "2024-05-15+02:00"),
        ("iso_time", "08:05:09.123456+02:00"),
        ("iso_local_date", "2024-05-15"),
        ("iso_local_time", "08:05:09.123456"),
        ("iso_local_date_time", "2024-05-15T08:05:09.123456"),
        ("iso_offset_time", "08:05:09.123456+02:00"),
        ("iso_instant", "2024-05-15T06:05:09.123456Z"),
        ("iso_ordinal_date", "2024-136+02:00"),
        ("iso_week_date", "2024-W20-3+02:00"),
        ("iso_date_time", "2024-05-15T08:05:09.123456+02:00[Europe/Paris]"),
        ("iso_zoned_date_time", "2024-05-15T08:05:09.123456+02:00[Europe/Paris]"),
        ("rfc_1123_date_time", "Wed, 15 May 2024 08:05:09 +0200"),
    ],
)
def test_a_format_prints(pattern, expected):
    assert render("{{ x | date(p, timeZone='Europe/Paris') }}", x=WEDNESDAY, p=pattern) == expected


@pytest.mark.parametrize("style", ["full", "long", "medium", "short"])
def test_a_style_names_the_day_in_its_own_way(style):
    assert "24" in render("{{ x | date(p) }}", x=WEDNESDAY, p=style)


def test_names_follow_the_locale():
    assert render("{{ x | date('EEEE d MMMM', locale='fr_FR') }}", x=WEDNESDAY) == "mercredi 15 mai"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2024-05-15", "2024-05-15T00:00:00Z"),
        ("2024-05-15T10:00", "2024-05-15T10:00:00Z"),
        ("2024-05-15T10:00:00Z", "2024-05-15T10:00:00Z"),
        ("2024-05-15T10:00:00+02:00[Europe/Paris]", "2024-05-15T08:00:00Z"),
        (1715769045, "2024-05-15T10:30:45Z"),
        (datetime(2024, 5, 15, 10, tzinfo=UTC), "2024-05-15T10:00:00Z"),
        (datetime(2024, 5, 15, 10), "2024-05-15T10:00:00Z"),
        (date(2024, 5, 15), "2024-05-15T00:00:00Z"),
        (iso.Instant(2024, 5, 15, 10, tzinfo=UTC), "2024-05-15T10:00:00Z"),
    ],
    ids=str,
)
def test_a_date_is_read_from(given, expected):
    assert render("{{ x | date('iso_sec') }}", x=given) == expected


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("15/05/2024", "dd/MM/yyyy", "2024-05-15T00:00:00Z"),
        ("5/1/24", "M/d/yy", "2024-05-01T00:00:00Z"),
        ("20240515103045", "yyyyMMddHHmmss", "2024-05-15T10:30:45Z"),
        ("May 15, 2024 1:30 PM", "MMM d, yyyy h:mm a", "2024-05-15T13:30:00Z"),
        ("Wed, 15 May 2024 10:30:45 GMT", "rfc_1123_date_time", "2024-05-15T10:30:45Z"),
        ("2024-05-15 10:30 +0200", "yyyy-MM-dd HH:mm Z", "2024-05-15T08:30:00Z"),
        ("2024-05-15 10:30 Europe/Paris", "yyyy-MM-dd HH:mm VV", "2024-05-15T08:30:00Z"),
        ("2024-05-15 10:30:45.5", "yyyy-MM-dd HH:mm:ss.S", "2024-05-15T10:30:45Z"),
        ("2024-136", "yyyy-DDD", "2024-05-15T00:00:00Z"),
    ],
)
def test_an_existing_format_reads(text, pattern, expected):
    assert render("{{ x | date('iso_sec', existingFormat=p) }}", x=text, p=pattern) == expected


@pytest.mark.parametrize(
    ("start", "amount", "unit", "expected"),
    [
        ("2024-05-15T00:00:00Z", -1, "DAYS", "2024-05-14T00:00:00Z"),
        ("2024-05-15T00:00:00Z", 2, "WEEKS", "2024-05-29T00:00:00Z"),
        ("2024-01-31T00:00:00Z", 1, "MONTHS", "2024-02-29T00:00:00Z"),
        ("2024-02-29T00:00:00Z", 1, "YEARS", "2025-02-28T00:00:00Z"),
        ("2024-05-15T00:00:00Z", 36, "HOURS", "2024-05-16T12:00:00Z"),
        ("2024-05-15T00:00:00Z", 90, "SECONDS", "2024-05-15T00:01:30Z"),
        ("2024-05-15T00:00:00Z", 1, "HALF_DAYS", "2024-05-15T12:00:00Z"),
        ("2024-05-15T00:00:00Z", -1, "DECADES", "2014-05-15T00:00:00Z"),
    ],
)
def test_a_unit_moves(start, amount, unit, expected):
    assert render("{{ x | dateAdd(n, u, format='iso_sec') }}", x=start, n=amount, u=unit) == expected


def test_hours_are_real_and_days_are_the_calendars_over_a_clock_change():
    # Clocks in Paris went from 02:00 to 03:00 on 31 March 2024.
    moved = "{{ '2024-03-30T12:00:00' | dateAdd(n, u, format='iso_sec', timeZone='Europe/Paris') }}"
    assert render(moved, n=1, u="DAYS") == "2024-03-31T12:00:00+02:00"
    assert render(moved, n=24, u="HOURS") == "2024-03-31T13:00:00+02:00"


@pytest.mark.parametrize("name", ["UTC", "Z", "GMT", "+02:00", "+2", "-0530", "GMT+2", "UTC-05:00", "Europe/Paris"])
def test_a_zone_can_be_named_as(name):
    assert zone_named(name).utcoffset(datetime(2024, 1, 1)) is not None


@pytest.mark.parametrize("name", ["", "Nowhere", "../etc/passwd", "/etc/localtime", "+99:00", "GMT+x"])
def test_what_names_no_zone_is_an_error(name):
    with pytest.raises(ExpressionError, match="Invalid time zone"):
        zone_named(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT1H30M", timedelta(hours=1, minutes=30)),
        ("P1DT2S", timedelta(days=1, seconds=2)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("-PT5M", timedelta(minutes=-5)),
        ("PT-5M", timedelta(minutes=-5)),
        ("pt5s", timedelta(seconds=5)),
        ("P1Y", None),
        ("PT", None),
        ("5m", None),
        ("", None),
    ],
)
def test_a_duration_is_read(text, expected):
    assert iso.read_duration(text) == expected
