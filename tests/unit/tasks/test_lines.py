"""Bytes into lines: however they are cut, whatever they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.tasks.masking import Masker
from segue.tasks.scripts.lines import LINE_LENGTH_MAX, Lines

CASES = {
    "newlines": (b"a\nb\n", ["a", "b"]),
    "no newline at the end": (b"a\nb", ["a", "b"]),
    "windows": (b"a\r\nb\r\n", ["a", "b"]),
    "progress bars": (b"1%\r2%\r\n", ["1%", "2%"]),
    "empty lines": (b"\n\na\n", ["", "", "a"]),
    "nothing": (b"", []),
    "other separators stay": ("a\x0bb\u2028c\n".encode(), ["a\x0bb\u2028c"]),
    "broken UTF-8": (b"\xff\xc3\n", ["\ufffd\ufffd"]),
    "cut UTF-8 at the end": ("é".encode()[:1], ["\ufffd"]),
    "nul": (b"a\0b\n", ["a\ufffdb"]),
}


def lines_of(pieces: list[bytes]) -> list[str]:
    lines = Lines(Masker())
    return [line for piece in pieces for line in lines.feed(piece)] + list(lines.flush())


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES.keys())
def test_lines_are_the_same_whole_and_byte_by_byte(data: bytes, expected: list[str]) -> None:
    assert lines_of([data]) == expected
    assert lines_of([data[at : at + 1] for at in range(len(data))]) == expected


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_any_bytes_become_lines(pieces: list[bytes]) -> None:
    assert lines_of(pieces) == lines_of([b"".join(pieces)])


def test_a_long_line_comes_in_pieces_and_no_secret_is_cut() -> None:
    masker = Masker()
    masker.hide("correct horse")
    lines = Lines(masker)
    begin = "x" * LINE_LENGTH_MAX + "correct"
    told = list(lines.feed(begin.encode())) + list(lines.feed(b" horse\n"))
    assert told == ["x" * LINE_LENGTH_MAX, "correct horse"]


def test_a_long_line_of_the_protocol_is_not_cut() -> None:
    line = "::{" + "x" * 2 * LINE_LENGTH_MAX + "}::"
    assert lines_of([line.encode()[:-5], line.encode()[-5:], b"\n"]) == [line]
