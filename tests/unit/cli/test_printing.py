"""What a terminal or a pipe gets to see."""

import io
from datetime import timedelta

import pytest
from segue.cli.printing import clean, one_line, plain_table, print_table, span_text, time_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain\n\tühm 数", "plain\n\tühm 数", id="letters-lines-tabs"),
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b[2J\x1b[1;1Htop", "top", id="cursor"),
        pytest.param("\x1b]0;title\x07x", "x", id="title"),
        pytest.param("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link", id="link"),
        pytest.param("\x1b]52;c;c2VjcmV0", "", id="clipboard-unended"),
        pytest.param("a\x1bcb", "ab", id="reset"),
        pytest.param("100%\rdone\r\nnext\x07\x08\x00", "100%done\nnext", id="carriage-returns-and-bells"),
        pytest.param("\x9b31mC1", "31mC1", id="c1"),
        pytest.param("user\u202etxt.exe", "usertxt.exe", id="direction"),
        pytest.param("lone \ud800 surrogate", "lone  surrogate", id="surrogate"),
    ],
)
def test_a_terminal_is_shown_text_and_never_told_what_to_do(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_cell_is_one_line_and_never_empty() -> None:
    assert [one_line(each) for each in ("a\n  b", "", None, 0, "\x1b[0m")] == ["a b", "-", "-", "0", "-"]


def test_a_plain_table_is_aligned_and_not_cut() -> None:
    long = "x" * 300
    assert plain_table(("id", "state"), [["1", "RUNNING"], [long, "-"]]).splitlines() == [
        "ID".ljust(300) + "  STATE",
        "1".ljust(300) + "  RUNNING",
        long + "  -",
    ]


def test_without_a_terminal_there_is_no_colour() -> None:
    stream = io.StringIO()
    print_table(("state",), [["FAILED"]], stream=stream)
    assert stream.getvalue() == "STATE\nFAILED\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_state_has_its_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    print_table(("state",), [["FAILED"]], stream=stream)
    assert "\x1b[1;31mFAILED\x1b[0m" in stream.getvalue()


def test_a_narrow_terminal_folds_names_and_dates_and_cuts_prose_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    columns = ("trigger", "state", "next", "description")
    print_table(columns, [["a.b/c/every-day", "disabled", "2026-11-26 14:39:00", "word " * 9]], stream=stream)
    head, row, *_ = stream.getvalue().splitlines()
    assert head.split() == ["TRIGGER", "STATE", "NEXT", "DESCRIPTION"]
    assert row.split()[:4] == ["a.b/c/every-day", "disabled", "2026-11-26", "14:39:00"]
    assert row.rstrip().endswith("…")
    stream = Terminal()
    print_table(("id", "flow", "took"), [["i" * 22, "n" * 41, "2.06s"]], stream=stream)
    assert "2.06s" in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.00s"), (0.256, "0.26s"), (12.34, "12.3s"), (245, "4m05s"), (7380, "2h03m"), (273600, "3d04h")],
)
def test_a_span_is_short(seconds: float, text: str) -> None:
    assert span_text(timedelta(seconds=seconds)) == text


def test_what_is_no_date_is_shown_as_nothing() -> None:
    assert (time_text(None), time_text("soon")) == ("", "")
