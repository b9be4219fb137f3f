"""What is given on a command line."""

from pathlib import Path
from typing import Any

import pytest
from segue.cli import given
from segue.cli.errors import USAGE, CommandFailed
from segue.cli.given import Given


def test_inputs_of_one_name_stand_together() -> None:
    assert given.inputs(["a=1", "b=x=y", "a=2", "c="]) == [
        Given("a", ("1", "2")),
        Given("b", ("x=y",)),
        Given("c", ("",)),
    ]


def test_an_at_sign_is_a_file_and_two_are_text(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.touch()
    assert given.inputs([f"table=@{file}", "to=@@all"]) == [Given("table", (file,)), Given("to", ("@all",))]


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        pytest.param(None, {}, id="nothing"),
        pytest.param("2h", {"timeRange": "PT2H"}, id="hours"),
        pytest.param("7D", {"timeRange": "P7D"}, id="days"),
        pytest.param("pt30m", {"timeRange": "PT30M"}, id="iso"),
        pytest.param("2026-01-31T10:00:00+02:00", {"startDate": "2026-01-31T08:00:00+00:00"}, id="date"),
    ],
)
def test_since_is_a_span_or_a_date(text: str | None, parameters: dict[str, str]) -> None:
    assert given.since(text) == parameters


def test_labels_are_written_with_a_colon_or_an_equals_sign() -> None:
    assert given.labels(["team:data", "a=b", "url:x=y"]) == ["team:data", "a:b", "url:x=y"]


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        pytest.param(given.flow_name, "hello", id="flow"),
        pytest.param(given.flow_name, "a/b/c", id="flow-of-three"),
        pytest.param(given.trigger_name, "a/b", id="trigger"),
        pytest.param(lambda text: given.inputs([text]), "name", id="input"),
        pytest.param(lambda text: given.inputs([text]), "f=@/no/such/file", id="file"),
        pytest.param(lambda text: given.labels([text]), "team", id="label"),
        pytest.param(given.since, "yesterday", id="since"),
    ],
)
def test_what_is_wrong_is_wrong_usage(read: Any, wrong: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        read(wrong)
    assert failed.value.code == USAGE
