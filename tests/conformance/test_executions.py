"""Executions of our own: each row of `executions.jsonl` on a real daemon, all at once, with the flows of `flows/`."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.play import NAMESPACE, Play
from tests.support.daemon import running

pytestmark = pytest.mark.xdist_group("conformance-executions")

HERE = Path(__file__).parent
FLOWS = HERE / "flows"
ROWS = [json.loads(line) for line in (HERE / "executions.jsonl").read_text(encoding="utf-8").splitlines()]
PLAYERS = 24

Played = dict[str, Future[list[str]]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    files: dict[str, str | bytes | None] = {
        str(path.relative_to(HERE)): path.read_bytes() for path in FLOWS.rglob("*") if path.is_file()
    }
    environment = {"SEGUE_KILL_GRACE": "1"}
    with running(tmp_path_factory.mktemp("executions"), files, environment=environment) as daemon:
        daemon.sync()
        with ThreadPoolExecutor(PLAYERS) as players:
            plays = {row["case"]: players.submit(Play(daemon, row).mismatches) for row in ROWS}
            yield plays


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_an_execution_goes_as_the_row_says(played: Played, row: dict[str, Any]) -> None:
    assert played[row["case"]].result() == []


def test_every_case_has_a_name_of_its_own_and_every_flow_is_played() -> None:
    assert len({row["case"] for row in ROWS}) == len(ROWS)
    text = (HERE / "executions.jsonl").read_text(encoding="utf-8")
    helpers = {"downstream", "downstream-of-failure", "child", "batch"}
    assert [p.stem for p in (FLOWS / NAMESPACE).glob("*.yaml") if p.stem not in helpers and p.stem not in text] == []
