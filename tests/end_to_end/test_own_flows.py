"""The flows that this repository serves out of the box, committed to a repository and run by the real daemon."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import Daemon, running
from tests.support.http_server import http_server
from tests.support.repositories import Repository
from tests.support.waiting import wait_until

FLOWS: Final = Path(__file__).parents[2] / "flows"
ORDERS: Final = "id,country,amount\n1,FR,10.50\n2,DE,4.25\n3,FR,1.00\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("own-flows")
    (folder / "inbox").mkdir()
    files = {f"flows/{path.relative_to(FLOWS)}": path.read_bytes() for path in FLOWS.rglob("*") if path.is_file()}
    repository = Repository(folder / "repository")
    repository.commit({name: content for name, content in files.items() if "__pycache__" not in name})
    with running(folder, source=repository) as daemon:
        yield daemon


def test_every_flow_is_live_and_none_has_an_error(daemon: Daemon) -> None:
    # The overview's example gives an optional input a default, which is worth a warning.
    assert {each["code"] for each in daemon.problems()} <= {"default-of-optional"}
    assert daemon.flow_ids() == [
        "after-orders",
        "deploy-hook",
        "disk-space",
        "fan-out",
        "guarded-import",
        "inbox",
        "nightly-orders",
        "release",
        "samples",
    ]


def test_the_first_example_of_the_overview_gives_back_its_line(daemon: Daemon) -> None:
    execution = daemon.run("samples")
    assert execution.state == "SUCCESS"
    assert execution.inputs == {"my-value": "default value"}
    assert {"env": "prd", "team": "engineering"}.items() <= execution.labels.items()
    started = execution.run_of("date").json["state"]["startDate"]
    value = execution.run_of("date").outputs["value"]
    assert value.startswith(f"A log line content with a contextual date variable {started[:10]}")


def test_orders_are_fetched_summed_up_and_kept_as_a_file_and_then_announced(daemon: Daemon) -> None:
    with http_server() as server:
        execution = daemon.run("nightly-orders", {"url": server.serve("/orders.csv", ORDERS, "text/csv")})
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert execution.outputs["orders"] == 3
    assert daemon.file(execution, execution.outputs["totals"]).split() == [b"country,amount", b"FR,11.5", b"DE,4.25"]
    assert "3 orders from 2 countries" in daemon.logs(execution, "report")
    followed = daemon.only_execution("after-orders")
    assert daemon.logs(followed) == [f"Orders are in: 3 of them, by {execution.id}"]


def test_a_server_that_answers_at_the_second_try_costs_one_more_attempt(daemon: Daemon) -> None:
    before = len(daemon.executions("after-orders"))
    with http_server() as server:
        execution = daemon.run("nightly-orders", {"url": server.serve("/orders.csv", ORDERS, failures=1)})
    assert execution.run_of("fetch").attempts == ["FAILED", "SUCCESS"]
    assert daemon.only_execution("after-orders", before + 1).state == "SUCCESS"


def test_a_text_is_worked_on_a_word_at_a_time_and_gathered(daemon: Daemon) -> None:
    execution = daemon.run("fan-out", {"words": "one three"})
    assert execution.state == "SUCCESS", daemon.logs(execution)
    words = {run.outputs["vars"]["word"]: run.outputs["vars"]["length"] for run in execution.runs_of("measure")}
    assert words == {"one": 3, "three": 5}
    lengths = execution.run_of("gathered").outputs["values"]["lengths"]
    assert "three" in str(lengths)


@pytest.mark.parametrize(("rows", "branch"), [(10, "small"), (1001, "big")])
def test_an_import_takes_the_branch_for_its_size_and_cleans_up(daemon: Daemon, rows: int, branch: str) -> None:
    execution = daemon.run("guarded-import", {"rows": rows})
    assert execution.state == "SUCCESS"
    assert execution.task_ids == ["check", "load", branch, "clean-up"]


def test_an_empty_import_fails_reports_and_cleans_up_all_the_same(daemon: Daemon) -> None:
    execution = daemon.run("guarded-import", {"rows": 0})
    assert execution.state == "FAILED"
    assert execution.task_ids == ["check", "alert", "clean-up"]
    assert daemon.logs(execution, "alert") == [f"company.team.guarded-import failed; see execution {execution.id}"]
    assert daemon.logs(execution, "clean-up") == ["Removing the staging table"]
    assert "The import is empty" in " ".join(execution.run_of("check").failures)


@pytest.mark.parametrize(
    ("body", "state", "task", "said"),
    [
        pytest.param(
            {"service": "shop", "version": "1.4.2"}, "SUCCESS", "shop", "Rolling out the shop, version 1.4.2", id="shop"
        ),
        pytest.param({"service": "billing"}, "SUCCESS", "billing", "Billing latest waits for a person", id="billing"),
        pytest.param({"service": "nobody"}, "FAILED", "refuse", "There is no service nobody", id="unknown"),
        pytest.param({}, "FAILED", "refuse", "There is no service without a name", id="nameless"),
    ],
)
def test_a_build_calls_the_hook_and_its_service_decides(
    daemon: Daemon, body: dict[str, str], state: str, task: str, said: str
) -> None:
    answer = daemon.webhook("deploy-hook", "deploy-2c6b", body)
    execution = daemon.ended(answer["id"])
    assert execution.state == state
    assert execution.task_ids == ["plan", task]
    assert said in " ".join(daemon.logs(execution, task))


def test_the_disk_is_measured_and_the_next_time_is_known(daemon: Daemon) -> None:
    execution = daemon.run("disk-space")
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert 0 <= execution.run_of("measure").outputs["vars"]["used"] <= 100
    (trigger,) = daemon.triggers("disk-space")
    assert trigger["state"]["nextExecutionDate"][14:] in {f"{minute}:00.000000Z" for minute in ("00", "15", "30", "45")}


def test_a_batch_of_files_starts_one_execution_once_it_has_settled(daemon: Daemon) -> None:
    inbox = daemon.folder / "inbox"
    (inbox / "monday").mkdir()
    for number in range(5):
        (inbox / "monday" / f"orders-{number}.csv").write_text("a\n" * number)
    (inbox / "monday" / "notes.txt").write_text("not for us")
    execution = daemon.only_execution("inbox")
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert sorted(run.outputs["vars"]["lines"] for run in execution.runs_of("count")) == [0, 1, 2, 3, 4]
    (inbox / "tuesday.csv").write_text("a\n")
    second = daemon.only_execution("inbox", 2)
    assert [run.outputs["vars"]["lines"] for run in second.runs_of("count")] == [1]


def test_the_page_shows_every_flow(daemon: Daemon) -> None:
    page = wait_until(lambda: daemon.http.get("/flows").text, what="the page of flows")
    assert all(flow_id in page for flow_id in daemon.flow_ids())


def test_a_release_ships_once_it_is_approved_and_not_otherwise(daemon: Daemon) -> None:
    shipped, held = (daemon.until(daemon.start("release"), "PAUSED") for _ in range(2))
    daemon.act(shipped, "review", decision="APPROVE")
    daemon.act(held, "review", decision="DENY", comment="not on a Friday")

    assert daemon.logs(daemon.ended(shipped), "ship") == ["shop-2.4.1.tar.gz goes to 10 % of users"]
    assert (daemon.ended(held).state, daemon.logs(held, "ship")) == ("CANCELLED", [])
    assert daemon.logs(held, "keep") == ["Held by somebody: not on a Friday"]
