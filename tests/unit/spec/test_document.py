"""YAML texts: what they stand for, where things are, and what is refused."""

import time
from typing import Any

import pytest
from segue.spec.document import BYTES_MAX, DEPTH_MAX, read_documents


def value_of(text: str) -> Any:
    (document,) = read_documents(text)
    assert not document.findings
    return document.value


def finding_of(text: str | bytes) -> tuple[str, tuple[int, int] | None]:
    finding = read_documents(text)[-1].findings[0]
    return finding.code, finding.at


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("False", False),
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("0755", "0755"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("2026-03-01", "2026-03-01"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 101, "9" * 101),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ('"true"', "true"),
    ],
)
def test_words_follow_yaml_1_2_and_never_surprise(word: str, value: object) -> None:
    found = value_of(f"key: {word}")["key"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_texts() -> None:
    assert value_of("on: 1\n1: 2\ntrue: 3\n") == {"on": 1, "1": 2, "true": 3}


def test_a_merge_key_takes_the_keys_that_are_not_given() -> None:
    assert value_of("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n")["b"] == {"x": 1, "y": 3}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert value_of("\ufeffa: 1") == {"a": 1}
    assert read_documents(b"\xef\xbb\xbfa: 1")[0].value == {"a": 1}


def test_documents_keep_their_number_and_empty_ones_are_left_out() -> None:
    documents = read_documents("---\n---\na: 1\n---\nb: 2\n...\n")
    assert [(each.index, each.value) for each in documents] == [(1, {"a": 1}), (2, {"b": 2})]


def test_an_empty_text_has_no_document() -> None:
    assert read_documents("# nothing\n") == ()


def test_every_value_and_key_has_its_place() -> None:
    (document,) = read_documents("tasks:\n  - id: x\n    message:\n      - ä {{ y }}\n      - b\n")
    assert document.place(("tasks", 0, "message", 1)) == (5, 9)
    assert document.place(("tasks", 0, "message"), at_key=True) == (3, 5)


def test_what_is_not_written_has_the_place_of_what_is_around_it() -> None:
    (document,) = read_documents("tasks:\n  - id: x\n")
    assert document.place(("tasks", 0, "message")) == (2, 5)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        pytest.param("a: 1\na: 2\n", "duplicate-key", (2, 1), id="duplicate key"),
        pytest.param("a: {b: 1, b: 2}\n", "duplicate-key", (1, 11), id="duplicate key inside"),
        pytest.param("a: 1\n\tb: 2\n", "yaml-syntax", (2, 1), id="tab"),
        pytest.param("a: b: c\n", "yaml-syntax", (1, 5), id="colon in a text"),
        pytest.param('a: "x\n', "yaml-syntax", (2, 1), id="open quote"),
        pytest.param("a: {{ x }} y\n", "yaml-syntax", (1, 12), id="unquoted expression and text"),
        pytest.param("a: {{ x }}\n", "yaml-key", (1, 5), id="unquoted expression"),
        pytest.param("a: *nope\n", "yaml-syntax", (1, 4), id="unknown alias"),
        pytest.param("a: !!python/object:os.system x\n", "yaml-tag", (1, 4), id="tag"),
        pytest.param("a: 1\nb: \x00\n", "yaml-syntax", (2, 4), id="control character"),
        pytest.param(b"a: 1\nb: \xff\n", "not-utf-8", (2, 4), id="not utf-8"),
        pytest.param("a: \ud800", "not-utf-8", None, id="surrogate"),
        pytest.param("x" * (BYTES_MAX + 1), "file-too-large", None, id="one byte too large"),
        pytest.param("ä" * BYTES_MAX, "file-too-large", None, id="two mebibytes of umlauts"),
        pytest.param("[" * 900, "too-deep", (1, DEPTH_MAX), id="nine hundred brackets"),
        pytest.param("[" * 20_000, "too-deep", None, id="twenty thousand brackets"),
        pytest.param("- " * 20_000, "too-deep", None, id="twenty thousand dashes"),
        pytest.param("&a [*a]", "too-deep", (1, 1), id="list in itself"),
        pytest.param(BOMB, "too-many-nodes", None, id="alias bomb"),
        pytest.param("[" + "1," * 300_000 + "1]", "too-many-nodes", None, id="endless list"),
    ],
)
def test_what_cannot_be_read_says_why_and_where(text: str | bytes, code: str, at: tuple[int, int] | None) -> None:
    found, place = finding_of(text)
    assert found == code
    assert at is None or place == at


def test_an_alias_bomb_is_refused_at_once() -> None:
    started = time.perf_counter()
    read_documents(BOMB)
    assert time.perf_counter() - started < 1


def test_documents_before_a_broken_one_are_kept() -> None:
    good, broken = read_documents("a: 1\n---\n]\n")
    assert good.value == {"a": 1}
    assert broken.findings[0].at == (3, 1)
