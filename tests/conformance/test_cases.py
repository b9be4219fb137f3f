"""Cases of our own, put to the answerer: `cases/*.jsonl`, a question with what is `expected`, or the `error` (`{}`: any).

Written from the rules, not read off the answers. A map that is expected has at least these keys where it is encrypted.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.answer import answer

CASES = [
    json.loads(line)
    for file in sorted((Path(__file__).parent / "cases").glob("*.jsonl"))
    for line in file.read_text(encoding="utf-8").splitlines()
]
LEAST = {"expressions": 159, "inputs": 40, "triggers": 80, "misc": 89}
_EXPECTATIONS = ("expected", "error")


@pytest.mark.parametrize("case", CASES, ids=[f"{case['table']}-{case['case']}" for case in CASES])
def test_the_library_answers_as_the_case_says(case: dict[str, Any]) -> None:
    told = answer({key: value for key, value in case.items() if key not in _EXPECTATIONS})
    found = json.loads(json.dumps(told))  # as it is printed
    if "error" in case:
        assert "error" in found, found
        assert says(found["error"], case["error"]), found["error"]
    else:
        assert "value" in found, found
        assert fits(found["value"], case["expected"]), found["value"]


def says(message: str, wanted: dict[str, str]) -> bool:
    tests = {"contains": message.__contains__, "startsWith": message.startswith, "equals": message.__eq__}
    return all(tests[name](text) for name, text in wanted.items())


def fits(value: Any, expected: Any) -> bool:
    if isinstance(expected, dict) and expected.get("type") == "io.kestra.datatype:aes_encrypted":
        return isinstance(value, dict) and value["type"] == expected["type"] and bool(value["value"])
    if isinstance(expected, dict) and isinstance(value, dict):
        return value.keys() == expected.keys() and all(fits(value[key], expected[key]) for key in expected)
    return type(value) is type(expected) and value == expected


def test_there_are_as_many_of_our_own_as_the_shared_tables_have() -> None:
    counts = Counter(case["table"] for case in CASES)
    assert {table: counts[table] for table in LEAST if counts[table] < LEAST[table]} == {}
    assert len({(case["table"], case["case"]) for case in CASES}) == len(CASES)
