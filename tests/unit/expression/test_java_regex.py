"""Java's regular expressions: what differs from Python's, and the bound on time in every place that runs one."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from segue.engine.inputs import Owner, resolve
from segue.expression import java_regex
from segue.expression.errors import ExpressionError
from segue.expression.template import Scope, compile_template
from segue.model.flow import Input
from segue.model.names import ExecutionId

CATASTROPHE = "(a+)+$"
VICTIM = "a" * 5_000 + "b"
SLACK_SECONDS = 5.0  # what a busy machine adds


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\p{Lu}\p{L}+", "Éa", True),
        (r"\P{L}+", "12-", True),
        (r"\p{IsAlphabetic}", "é", True),
        (r"\p{Punct}", "!", True),
        (r"\w", "é", False),
        (r"[a-z&&[^aeiou]]+", "xyz", True),
        (r"[a-z&&[^aeiou]]+", "xyza", False),
        (r"[a-c[x-z]]+", "abxz", True),
        (r"[^a[b]]", "b", False),
        (r"a++a", "aaa", False),
        (r"(?>a+)b", "aab", True),
        (r"a(?i)b", "aB", True),
        (r"a(?i)b", "AB", False),
        (r"(a(?i)b)c", "aBC", False),
        (r"(?<year>\d{4})-\k<year>", "2024-2024", True),
        (r"\Qa.b\E+", "a.bbb", True),
        (r"\h\R", "\t\r\n", True),
        (r"\x{e9}\u00e9", "éé", True),
        (r"[\h-]", "-", True),
        (r"[--/]", ".", True),
    ],
)
def test_a_pattern_of_java_matches_as_in_java(pattern: str, text: str, expected: bool) -> None:
    assert java_regex.is_full_match(pattern, text) is expected


@pytest.mark.parametrize(
    "pattern", ["(", "a{x}", "a{e<=1}", "(?R)", "(?|a)", r"\m", r"\K", "[a", "a" * 5000], ids=lambda text: text[:8]
)
def test_what_java_would_refuse_is_refused(pattern: str) -> None:
    with pytest.raises(ExpressionError):
        java_regex.compiled(pattern)


def seconds_of(act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


PLACES: dict[str, Callable[[], Any]] = {
    "whole match": lambda: java_regex.is_full_match(CATASTROPHE, VICTIM),
    "search": lambda: java_regex.found_in(CATASTROPHE, VICTIM),
    "replacement": lambda: java_regex.replaced(CATASTROPHE, "", VICTIM),
    "all places": lambda: list(java_regex.all_in(CATASTROPHE, VICTIM)),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_pattern_that_backtracks_for_ever_ends_in_an_error_in_time(place: str) -> None:
    def act() -> None:
        with pytest.raises(java_regex.TooSlow, match=r"takes longer than 0\.05 s"):
            PLACES[place]()

    assert seconds_of(act) < java_regex.MATCH_SECONDS_MAX + SLACK_SECONDS


@pytest.mark.parametrize(
    "expression",
    [
        "text | regexMatch(pattern)",
        "text | regexExtract(pattern)",
        "text | regexReplace(pattern, '')",
        "text | replace({pattern: ''}, regexp=true)",
        "text | split(pattern)",
    ],
)
def test_a_template_with_such_a_pattern_ends_and_is_for_a_worker(expression: str) -> None:
    template = compile_template("{{ " + expression + " }}")
    scope = Scope(variables={"text": VICTIM, "pattern": CATASTROPHE})

    def act() -> None:
        with pytest.raises(java_regex.TooSlow):
            template.render(scope)

    assert seconds_of(act) < java_regex.TEMPLATE_MATCH_SECONDS_MAX + SLACK_SECONDS
    assert template.effects


def test_an_input_that_its_pattern_cannot_judge_in_time_is_refused_with_words() -> None:
    declared = Input(id="name", type="STRING", options={"validator": CATASTROPHE})
    owner = Owner(namespace="company.team", flow_id="flow", execution_id=ExecutionId("execution"))
    resolved = resolve([declared], {"name": VICTIM}, scope=Scope(), owner=owner)
    assert "takes longer than 0.05 s" in resolved.errors[0]


def test_a_match_that_finds_no_group_says_which() -> None:
    with pytest.raises(ExpressionError, match="No group 3"):
        compile_template("{{ 'abc' | regexExtract('(b)', 3) }}").render(Scope())
