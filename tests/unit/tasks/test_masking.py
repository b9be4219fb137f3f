"""Secrets never show: in whole texts, in pieces, in their encoded forms."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.tasks.masking import Masker

SECRET = 'p"ä ss/wörd+1'
FORMS = {
    "as it is": SECRET,
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "base64 without padding": base64.b64encode(SECRET.encode()).decode().rstrip("="),
    "url": quote(SECRET, safe=""),
    "url with slashes": quote(SECRET),
    "form": quote_plus(SECRET),
    "json": json.dumps(SECRET)[1:-1],
    "json in letters": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "hex": SECRET.encode().hex(),
}


def masker(*values: str) -> Masker:
    made = Masker()
    for value in values:
        made.hide(value)
    return made


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_form_is_hidden(form: str) -> None:
    assert masker(SECRET).mask(f"before {form} after") == f"before {'*' * len(form)} after"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
def test_base64_of_a_text_with_the_secret_in_it_is_hidden(before: str, after: str) -> None:
    secret = "correct horse battery"
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    shown = masker(secret).mask(encoded)
    assert "*" * 20 in shown
    assert len(shown.replace("*", "").rstrip("=")) <= 8


def test_the_lines_of_a_secret_of_many_lines_are_hidden_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
    shown = masker(key).mask("1: MIIEvQIBADANBgkq\n2: hkiG9w0BAQEFAASC")
    assert shown == f"1: {'*' * 16}\n2: {'*' * 16}"


def test_short_values_are_left() -> None:
    assert masker("abc", "   ", "").mask("abcdef") == "abcdef"


def test_of_two_that_begin_alike_the_longer_is_hidden_whole() -> None:
    assert masker("pass", "password").mask("password pass") == "******** ****"


def test_the_first_long_row_of_stars_in_a_message_says_what_it_is_once_for_each_value() -> None:
    hiding = masker("correct horse", "battery staple", "pass")
    assert hiding.mask_message("pass: nothing") == "****: nothing"
    assert hiding.mask_message("correct horse, correct horse") == "**masked*****, *************"
    assert hiding.mask_message("correct horse, battery staple") == "**masked*****, **masked******"
    assert hiding.mask_message("********** was printed") == "********** was printed"


PARTS = st.text("ab", min_size=4, max_size=7)


class Stream:
    """Text that comes in pieces, shown as soon as it may be."""

    def __init__(self, masker: Masker) -> None:
        self.masker = masker
        self.rest = ""

    def feed(self, piece: str) -> str:
        text = self.rest + piece
        cut = self.masker.cut_of(text)
        self.rest = text[cut:]
        return self.masker.mask(text[:cut])


@given(st.lists(PARTS, min_size=1, max_size=3), st.lists(st.text("abc", max_size=6), max_size=8))
def test_a_stream_shows_what_the_whole_text_would_show(secrets: list[str], pieces: list[str]) -> None:
    hiding = masker(*secrets)
    stream = Stream(hiding)
    shown = "".join(stream.feed(piece) for piece in pieces) + hiding.mask(stream.rest)
    assert shown == hiding.mask("".join(pieces))


def test_a_stream_holds_back_only_what_could_become_a_secret() -> None:
    stream = Stream(masker("hunter22"))
    assert stream.feed("a line\n") == "a line\n"
    assert stream.feed("hunt") == ""
    assert stream.feed("ing\n") == "hunting\n"
    assert [stream.feed(letter) for letter in "hunter22"][-1] == "********"
