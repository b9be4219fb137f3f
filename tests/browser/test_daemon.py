"""The page of a real daemon: commit, start from the form, watch it run, kill it, fix what is broken."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import checks
from tests.support.daemon import Daemon, running

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

COUNTS = """\
id: counts
namespace: company.team
description: Counts until told to stop.
inputs:
  - id: upto
    type: INT
    defaults: 3
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "to {{ inputs.upto }}"
  - id: count
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - for i in $(seq 1 {{ inputs.upto }}); do echo "line $i of {{ inputs.upto }}"; sleep 0.3; done
triggers:
  - id: hourly
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 * * * *"
"""
ASKS = """\
id: asks
namespace: company.team
tasks:
  - id: approve
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - id: count
        type: INT
        min: 3
      - id: proof
        type: FILE
        required: false
  - id: tell
    type: io.kestra.plugin.core.log.Log
    message: "{{ outputs.approve.onResume.count }} is {{ read(outputs.approve.onResume.proof) }}"
"""
PATH = "flows/company.team/counts.yaml"
FLOW = "/flows/company.team/counts"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("browsed"), {PATH: COUNTS, "flows/company.team/asks.yaml": ASKS}) as daemon:
        yield daemon


@pytest.fixture
def page(browser: Browser, daemon: Daemon) -> Iterator[Page]:
    context = browser.new_context(base_url=daemon.url, viewport={"width": 1280, "height": 860})
    yield context.new_page()
    context.close()


def start(page: Page, upto: int) -> None:
    page.goto(f"{FLOW}/start")
    page.get_by_label("upto").fill(str(upto))
    page.get_by_role("button", name="Start counts").click()
    expect(page).to_have_url(re.compile(r"/executions/\w{22}$"))


def test_an_execution_is_watched_to_its_end(page: Page) -> None:
    start(page, 4)
    expect(page.locator(".lines")).to_contain_text("line 4 of 4", timeout=60_000)
    expect(page.locator("h1")).to_contain_text("Success", timeout=60_000)
    expect(page.locator("details.run")).to_have_count(2)
    expect(page.locator(".lines li", has_text=re.compile(r"line \d of 4"))).to_have_count(4)


def test_a_running_execution_is_killed_by_its_button_and_its_drawing_shows_it(page: Page) -> None:
    start(page, 600)
    expect(page.locator(".lines")).to_contain_text("line 1 of 600", timeout=60_000)
    page.get_by_role("link", name="Topology").click()
    expect(page.locator(".topology a[aria-label^='say, core.log.Log, Success']")).to_have_count(1)
    expect(page.locator(".topology a[aria-label^='count, '].s-running")).to_have_count(1)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Kill").click()
    expect(page.locator("h1")).to_contain_text("Killed", timeout=60_000)
    page.goto(f"{page.url}?view=topology")
    expect(page.locator(".topology a[aria-label^='count, '].s-killed")).to_have_count(1)


def test_a_pause_is_answered_and_what_was_wrong_with_the_answer_stands_at_its_field(page: Page) -> None:
    page.goto("/flows/company.team/asks/start")
    page.get_by_role("button", name="Start asks").click()
    page.get_by_label("count").fill("2", timeout=60_000)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".field.wrong .error")).to_contain_text("3")
    page.get_by_label("count").fill("4")
    page.get_by_label("proof").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"enough"})
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".lines")).to_contain_text("4 is enough", timeout=60_000)
    page.get_by_label("Expression").fill("{{ outputs.approve.onResume.count + 1 }}")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.locator("#answer pre")).to_have_text("5", timeout=60_000)
    page.get_by_label("Expression").fill("{{ secret('X') }}")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.locator("#answer")).to_contain_text("its value would be shown")


def test_a_commit_shows_by_itself_and_so_does_what_is_wrong_with_it(page: Page, daemon: Daemon) -> None:
    page.goto("/git")
    expect(page.locator("[data-pulse]")).to_be_visible()
    broken = daemon.repository.commit({PATH: COUNTS + "lables: {}\n"}, "Try labels")
    expect(page.locator("#problems")).to_contain_text("lables", timeout=60_000)
    expect(page.locator("#problems .place").first).to_contain_text(f"{PATH}:{COUNTS.count(chr(10)) + 1}:1")
    fixed = daemon.repository.commit({PATH: COUNTS + "labels: {team: web}\n"}, "Say labels")
    expect(page.locator("#problems .problem")).to_have_count(0, timeout=60_000)
    expect(page.locator("#changes")).to_contain_text("Say labels", timeout=60_000)
    page.goto(f"{FLOW}/revisions")
    expect(page.locator("#diff")).to_contain_text("+labels: {team: web}")
    page.goto(f"/git/changes?from={broken}&to={fixed}")
    expect(page.locator(".d-removed")).to_have_text("-lables: {}")
    expect(page.locator(".d-added")).to_have_text("+labels: {team: web}")


def test_its_pages_run_clean(page: Page, daemon: Daemon) -> None:
    heard = checks.listen(page, daemon.url)
    tabs = ["", "/topology", "/source", "/revisions", "/triggers", "/start"]
    for path in ("/", "/flows", "/executions", "/logs", "/triggers", "/git", *(f"{FLOW}{tab}" for tab in tabs)):
        page.goto(path)
        checks.check_ran_clean(heard, page)
        checks.check_named(page)
        checks.check_fits(page, 390)
    page.goto(FLOW)
    expect(page.locator("#month")).to_contain_text(re.compile(r"\d+ runs"))
    page.goto("/logs?namespace=company&flowId=counts")
    expect(page.locator(".lines li").first).to_be_visible()
