"""The answerer itself: an answer for every question, and a crash is never taken for a refusal."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.answer import answer

SCHEDULE = "io.kestra.plugin.core.trigger.Schedule"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            {"table": "expressions", "template": "{{ a }}-{{ b }}", "variables": {"a": 1, "b": {"$float32": 0.1}}},
            "1-0.1",
        ),
        (
            {
                "table": "inputs",
                "inputs": [{"id": "n.m", "type": "INT"}],
                "given": {"n.m": "5"},
                "ask": {"inputs": True},
            },
            {"n": {"m": 5}},
        ),
        (
            {
                "table": "triggers",
                "kind": "schedule_next",
                "type": SCHEDULE,
                "properties": {"cron": "0 9 * * *", "timezone": "Europe/Berlin"},
                "now": "2024-05-15T10:00:00Z",
            },
            {"next": "2024-05-16T07:00:00Z"},
        ),
        ({"table": "misc", "kind": "kv_key", "given": {"key": "a.b"}}, {"ok": True}),
    ],
    ids=["expressions", "inputs", "triggers", "misc"],
)
def test_a_question_of_each_table_is_answered_with_a_value(question: dict[str, Any], expected: Any) -> None:
    assert answer({"case": "x", **question}) == {"case": "x", "value": expected, **_beside(question)}


def _beside(question: dict[str, Any]) -> dict[str, Any]:
    return {"stored": {}} if question["table"] == "inputs" else {}


def test_what_the_library_refuses_is_an_error_in_its_words() -> None:
    found = answer({"case": "x", "table": "expressions", "template": "{{ nothing }}"})
    assert "Unable to find `nothing`" in found["error"]


@pytest.mark.parametrize(
    "question",
    [{"table": "nowhere"}, {"table": "triggers", "kind": "nothing"}, {"table": "inputs"}],
    ids=["table", "kind", "crash"],
)
def test_what_is_not_built_or_crashes_is_unsupported(question: dict[str, Any]) -> None:
    assert "unsupported" in answer({"case": "x", **question})


def test_questions_come_and_answers_go_as_json_lines() -> None:
    questions = "".join(
        json.dumps({"table": "expressions", "case": str(at), "template": f"{{{{ {at} }}}}"}) + "\n" for at in range(3)
    )
    run = subprocess.run(
        [sys.executable, "-m", "tests.conformance.answer"],
        input=questions,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert [json.loads(line) for line in run.stdout.splitlines()] == [
        {"case": str(at), "value": str(at)} for at in range(3)
    ]
