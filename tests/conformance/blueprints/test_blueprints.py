"""Each flow of `flows/` loads without an error, and does on a real daemon what its row says, or says why it cannot here.
What they call in the web is a server of this machine."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import holidays
import pytest

from tests.conformance.play import Play
from tests.support.daemon import Daemon, running
from tests.support.http_server import HttpServer, http_server
from tests.support.needs import need_program

pytestmark = pytest.mark.xdist_group("conformance-blueprints")

HERE: Final = Path(__file__).parent
FLOWS: Final = HERE / "flows"
ROWS: Final = [json.loads(line) for line in (HERE / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
PLAYERS: Final = 16

NAMES: Final = (HERE / "names.txt").read_text(encoding="utf-8").split()
PARTS: Final = "company.shop.parts", "stock"

NEEDS: Final = {
    "dlt-google-analytics-to-duckdb": "a container engine, dlt, and an account at Google Analytics",
    "dlt-pipedrive-to-bigquery": "a container engine, dlt, and accounts at Pipedrive and BigQuery",
    "dlt-zendesk-to-duckdb": "a container engine, dlt, and an account at Zendesk",
    "dlt-zendesk-to-weaviate": "a container engine, dlt, and accounts at Zendesk and Weaviate",
    "manage-aiven-resources-from-cli": "a container engine, Aiven's client, and an account at Aiven",
    "orchestrate-zenml": "the package zenml and a server of it",
    "papermill-notebook": "the packages papermill and ipykernel from the package index",
}

SECRETS: Final = {
    "CARD_KEY": "card-key",
    "FORGE_HOOK": "forge-hook",
    "FORGE_TOKEN": "forge-token",
    "INSTANCE_TOKEN": "instance-token",
    "SHEETS_TOKEN": "sheets-token",
    "MAILS_TOKEN": "mails-token",
    "BOARD_TOKEN": "board-token",
    "STORE_KEY": "store-key",
}
NEWS: Final = "".join(
    f"<item><guid>{guid}</guid><title>{title}</title><link>http://bakery/{guid}</link></item>"
    for guid, title in (("n2", "Plum cake"), ("n1", "New ovens"))
)

Played = dict[str, Future[list[str]]]


@pytest.fixture(scope="module")
def web() -> Iterator[HttpServer]:
    with http_server() as server:
        server.serve("/notes/by-hand", "thanks")
        server.serve("/notes/by-forge", "thanks")
        server.serve("/api/v1/main/flows/export/by-query", "a zip", "application/zip", failures=1)
        server.serve("/api/v1/staging/flows/import", "[]", "application/json")
        for name, rating in (("ada", 2100), ("grace", 2400), ("mary", 2500)):
            server.serve(f"/members/{name}.json", json.dumps({"name": name, "rating": rating}), "application/json")
        goods = [{"title": "roll", "price": 0.9}, {"title": "cake", "price": 3.2}]
        server.serve("/goods.json", json.dumps({"goods": goods}), "application/json")
        server.serve("/forms/chromium/convert/url", "%PDF-1.7 invoice", "application/pdf")
        guests = {"values": [["address", "name"], ["ada@example.com", "Ada"], [], ["none"], ["grace@example.com"]]}
        server.serve("/v4/spreadsheets/guests/values/Guests!A:B", json.dumps(guests), "application/json")
        server.serve("/3.0/lists/news/members", "{}", "application/json")
        server.serve("/prices.txt", "roll 0.90", headers={"Last-Modified": "Wed, 01 May 2024 06:00:00 GMT"})
        server.serve("/rolls.csv", "day,sold\n1,4\n2,5\n", "text/csv")
        server.serve("/cakes.csv", "day,sold\n1,4\n", "text/csv")
        server.serve("/news.xml", f"<rss><channel>{NEWS}</channel></rss>", "application/rss+xml")
        server.serve("/api/v1/statuses", "{}", "application/json")
        yield server


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, web: HttpServer) -> Iterator[Daemon]:
    files: dict[str, str | bytes | None] = {
        f"flows/{path.relative_to(FLOWS)}": path.read_bytes() for path in FLOWS.rglob("*") if path.is_file()
    }
    secrets = {f"SECRET_{name}": base64.b64encode(value.encode()).decode() for name, value in SECRETS.items()}
    environment = {"ENV_STAND_IN": web.url, **secrets}
    with running(tmp_path_factory.mktemp("blueprints"), files, environment=environment) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def played(daemon: Daemon, web: HttpServer) -> Iterator[Played]:
    with ThreadPoolExecutor(PLAYERS) as players:
        rows = {row["case"]: _with_server(row, web) for row in ROWS}
        yield {case: players.submit(Play(daemon, row).mismatches) for case, row in rows.items()}


def _with_server(row: Any, web: HttpServer) -> Any:
    """`{"$server": path}` is the address of a page, `{"$json": value}` the value as text."""
    match row:
        case {"$server": path}:
            return f"{web.url}{path}"
        case {"$json": value}:
            return json.dumps(_with_server(value, web))
        case dict():
            return {key: _with_server(value, web) for key, value in row.items()}
        case list():
            return [_with_server(each, web) for each in row]
        case _:
            return row


def test_there_is_one_for_each_name_and_each_runs_or_says_what_it_needs() -> None:
    assert sorted(path.stem for path in FLOWS.rglob("*.yaml") if path.parent.name not in PARTS) == sorted(NAMES)
    run = {row["flow_file"].partition("/")[2].removesuffix(".yaml") for row in ROWS} | {"webhook-xml-response"}
    assert sorted([*run, *NEEDS]) == sorted(NAMES)


def test_none_has_an_error(daemon: Daemon) -> None:
    assert {each["code"] for each in daemon.problems()} <= {
        "deprecated",
        "replaced-type",
        "ignored-key",
        "unknown-secret",
    }
    assert {*daemon.flow_ids("company.shop"), *daemon.flow_ids("system")} == set(NAMES)


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_one_does_what_its_row_says(played: Played, row: dict[str, Any]) -> None:
    if row["case"] == "generate-pdf-with-gotenberg":
        need_program("curl")
    assert played[row["case"]].result() == []


def test_what_is_sent_arrives_with_its_keys(played: Played, web: HttpServer) -> None:
    for future in played.values():
        future.result()
    sent = {(each.line, each.headers.get("authorization")): each.body for each in web.received}
    assert sent["POST /notes/by-forge", "token forge-token"] == b'{"note": "looked at by ci-cd-github-webhook"}'
    assert b'filename="all.zip"' in sent["POST /api/v1/staging/flows/import", "Bearer instance-token"]
    assert b"a zip" in sent["POST /api/v1/staging/flows/import", "Bearer instance-token"]
    assert ("GET /v4/spreadsheets/guests/values/Guests!A:B", "Bearer sheets-token") in sent
    members = {each.body.strip() for each in web.received if each.line == "POST /3.0/lists/news/members"}
    assert {json.loads(each)["email_address"] for each in members} == {"ada@example.com", "grace@example.com"}
    posted = [json.loads(each.body)["status"] for each in web.received if each.line == "POST /api/v1/statuses"]
    assert posted == ["Plum cake http://bakery/n2", "New ovens http://bakery/n1"]


def test_a_webhook_waits_and_gives_back_the_text_that_the_flow_has_made(daemon: Daemon) -> None:
    answer = daemon.http.post("/api/v1/main/executions/webhook/company.shop/webhook-xml-response/card-key")
    assert answer.text == "<card><roll>0.90</roll><cake>3.20</cake></card>"
    assert answer.headers["content-type"].startswith("text/plain")


# When those with a schedule are due: the next date is held against what their conditions say of it.


def _is_last_tuesday(day: date) -> bool:
    return day.weekday() == 1 and (day + timedelta(days=7)).month != day.month


DUE: Final[dict[str, Callable[[datetime], bool]]] = {
    "every-monday": lambda at: _local(at, "Europe/Vienna") == (6, 45) and at.weekday() == 0 and at.day <= 7,
    "schedule-condition-datetimebetween": lambda at: (at.hour, at.minute) == (8, 30),
    "schedule-condition-dayweek": lambda at: at.weekday() == 4,
    "schedule-condition-dayweekinmonth": lambda at: _is_last_tuesday(at.date()),
    "schedule-condition-not": lambda at: at.weekday() != 6,
    "schedule-condition-or": lambda at: at.weekday() in {1, 5},
    "schedule-condition-publicholiday": lambda at: at.date() in holidays.country_holidays("AT", years=at.year),
    "schedule-condition-timebetween": lambda at: at.hour in {9, 10, 11},
    "schedule-condition-weekend": lambda at: at.weekday() >= 5,
}


def _local(at: datetime, zone: str) -> tuple[int, int]:
    local = at.astimezone(ZoneInfo(zone))
    return local.hour, local.minute


@pytest.mark.parametrize("name", DUE)
def test_a_schedule_is_next_due_when_its_condition_holds(daemon: Daemon, name: str) -> None:
    (trigger,) = daemon.triggers(f"company.shop/{name}")
    assert DUE[name](datetime.fromisoformat(trigger["triggerContext"]["nextExecutionDate"])), trigger
