"""Executions of our own: each row of `executions.jsonl` on a real daemon, all at once, with the flows of `flows/`."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.play import NAMESPACE, Play
from tests.support.client import API
from tests.support.daemon import Daemon, running

pytestmark = pytest.mark.xdist_group("conformance-executions")

HERE = Path(__file__).parent
FLOWS = HERE / "flows"
ROWS = [json.loads(line) for line in (HERE / "executions.jsonl").read_text(encoding="utf-8").splitlines()]
PLAYERS = 24

Played = dict[str, Future[list[str]]]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    files: dict[str, str | bytes | None] = {
        str(path.relative_to(HERE)): path.read_bytes() for path in FLOWS.rglob("*") if path.is_file()
    }
    environment = {"SEGUE_KILL_GRACE": "1"}
    with running(tmp_path_factory.mktemp("executions"), files, environment=environment) as daemon:
        daemon.sync()
        yield daemon


@pytest.fixture(scope="module")
def played(daemon: Daemon) -> Iterator[Played]:
    with ThreadPoolExecutor(PLAYERS) as players:
        yield {row["case"]: players.submit(Play(daemon, row).mismatches) for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_an_execution_goes_as_the_row_says(played: Played, row: dict[str, Any]) -> None:
    assert played[row["case"]].result() == []


def test_every_flow_and_what_became_of_it_can_be_looked_at(daemon: Daemon, played: Played) -> None:
    for future in played.values():
        future.result()
    paths = [f"{API}/flows/{NAMESPACE}/{flow_id}/graph" for flow_id in daemon.flow_ids(NAMESPACE)]
    last = {each["flowId"]: each["id"] for each in daemon.get("/executions/search", size=1000)["results"]}
    paths += [f"/executions/{execution_id}" for execution_id in last.values()]
    assert {path: code for path in paths if (code := daemon.http.get(path).status_code) != 200} == {}


def test_every_case_has_a_name_of_its_own_and_every_flow_is_played() -> None:
    assert len({row["case"] for row in ROWS}) == len(ROWS)
    text = (HERE / "executions.jsonl").read_text(encoding="utf-8")
    helpers = {"downstream", "downstream-of-failure", "child", "batch"}
    assert [p.stem for p in (FLOWS / NAMESPACE).glob("*.yaml") if p.stem not in helpers and p.stem not in text] == []
