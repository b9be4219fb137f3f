"""What is said of a cron line that is none."""

import pytest
from pydantic_core import PydanticCustomError
from segue.spec.cron import check_cron

FIVE = "5: minute hour day-of-month month day-of-week"
SIX = "6 with `withSeconds: true`: second minute hour day-of-month month day-of-week"


@pytest.mark.parametrize(
    ("line", "with_seconds", "why"),
    [
        ("* 24 * * *", False, "the hour is '24', expected 0-23"),
        ("0 0 31 2 *", False, "the day-of-month is '31', expected 1-31 or L, and a day that the month has"),
        ("* * * 13 *", False, "the month is '13', expected 1-12 or JAN-DEC"),
        ("* * * * mun", False, "the day-of-week is 'mun', expected 0-7 or SUN-SAT"),
        ("61 * * * * *", True, "the second is '61', expected 0-59"),
        ("every day", False, f"found 2 fields, expected {FIVE}"),
        ("", False, f"found 0 fields, expected {FIVE}"),
        ("0 * * * * *", False, f"found 6 fields, expected {FIVE} (6 with `withSeconds: true`)"),
        ("* * * * * * *", True, f"found 7 fields, expected {SIX}"),
        ("* * * * *", True, f"found 5 fields, expected {SIX}"),
    ],
)
def test_the_field_that_is_wrong_is_named(line: str, with_seconds: bool, why: str) -> None:
    with pytest.raises(PydanticCustomError) as told:
        check_cron(line, with_seconds=with_seconds)
    assert told.value.message() == f"invalid cron expression '{line}': {why}"


@pytest.mark.parametrize("line", ["*/5 * * * *", " 0 9 * * mon-fri ", "@daily", "0 0 L * *", "0 0 * * 7"])
def test_a_line_of_five_fields_or_a_nickname_is_taken(line: str) -> None:
    check_cron(line, with_seconds=False)
