"""The folders of `examples/` that are flow repositories: committed as they are, followed, and run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import Daemon, running, segue
from tests.support.http_server import HttpServer, http_server
from tests.support.repositories import Repository

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "etl-repository"
ORDERS: Final = "id,country,amount\n1,FR,10\n2,XX,10\n3,DE,zero\n4,DE,5.5\n"


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with http_server() as server:
        yield server


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, server: HttpServer) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("examples")
    repository = Repository(folder / "repository")
    repository.commit(
        {str(path.relative_to(EXAMPLE)): path.read_bytes() for path in EXAMPLE.rglob("*") if path.is_file()}
    )
    orders = {"orders_url": server.serve("/orders.csv", ORDERS, "text/csv")}
    environment = {"SEGUE_VARIABLES_GLOBALS": json.dumps(orders)}
    with running(folder, source=repository, environment=environment) as daemon:
        yield daemon


def test_its_flows_are_valid() -> None:
    done = segue("validate", str(EXAMPLE))
    assert (done.returncode, done.stdout) == (0, "")


def test_its_tests_pass() -> None:
    done = segue("test", str(EXAMPLE))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "3 passed"), done


def test_its_flows_are_live_and_what_is_ignored_is_not(daemon: Daemon) -> None:
    assert daemon.flow_ids("company.sales") == ["import", "report"]
    assert daemon.problems() == []


def test_a_file_that_is_given_is_cleaned_and_reported(daemon: Daemon) -> None:
    execution = daemon.run("company.sales/import", files={"orders": ("orders.csv", ORDERS.encode())})
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert execution.outputs["rows"] == 2
    assert daemon.file(execution, execution.outputs["good"]).split() == [b"id,country,amount", b"1,FR,10", b"4,DE,5.5"]
    assert daemon.logs(execution, "complain") == ["2 rows were left out, see bad.csv"]
    assert daemon.logs(daemon.only_execution("company.sales/report")) == ["2 rows are in"]


def test_without_a_file_the_orders_are_fetched(daemon: Daemon, server: HttpServer) -> None:
    execution = daemon.run("company.sales/import")
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert server.asked == ["GET /orders.csv"]
    assert execution.outputs["rows"] == 2
