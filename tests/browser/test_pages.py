"""The pages in a real browser: they run clean, fit a phone, can be read by day and night, and keep themselves fresh."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import checks

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FLOW = "/flows/company.shop/nightly-orders"
PATHS = [
    "/",
    "/flows",
    "/executions",
    "/triggers",
    "/logs",
    "/git",
    "/git/changes?from=1d2c&to=8c1f",
    "/namespaces/company.shop/keys?key=limit",
    *(f"{FLOW}{tab}" for tab in ("", "/topology", "/source", "/revisions", "/triggers", "/start")),
    "/flows/company.shop/deploy-hook/triggers",
    "/flows/company.data/inbox",
]


def executions(base_url: str, state: str) -> list[str]:
    query = f"{base_url}/api/v1/main/executions/search?flowId=nightly-orders&state={state}&size=100"
    with urllib.request.urlopen(query) as answer:
        found = json.load(answer)["results"]
    return [each["id"] for each in found if each["inputs"]]


@pytest.fixture(scope="session")
def running(base_url: str) -> str:
    return f"/executions/{executions(base_url, 'RUNNING')[0]}"


@pytest.fixture(scope="session")
def failed(base_url: str) -> str:
    return f"/executions/{executions(base_url, 'FAILED')[0]}"


@pytest.fixture(scope="session")
def paused(base_url: str) -> str:
    """One that asks for inputs before it goes on."""
    with urllib.request.urlopen(f"{base_url}/api/v1/main/executions/search?flowId=inbox&state=PAUSED") as answer:
        return f"/executions/{json.load(answer)['results'][0]['id']}"


@pytest.fixture(scope="session")
def asking(base_url: str) -> str:
    """One that waits for a decision."""
    with urllib.request.urlopen(f"{base_url}/api/v1/main/executions/search?flowId=fan-out&state=PAUSED") as answer:
        return f"/executions/{json.load(answer)['results'][0]['id']}"


@pytest.fixture(scope="session")
def paths(running: str, failed: str, paused: str, asking: str) -> list[str]:
    return [*PATHS, running, failed, f"{failed}?view=topology", paused, asking]


def test_every_page_runs_clean_fits_and_can_be_read(page: Page, base_url: str, paths: list[str]) -> None:
    """One walk over the pages for all that holds of each: opening them is what takes the time."""
    heard = checks.listen(page, base_url)
    for path in paths:
        page.goto(path)
        checks.check_ran_clean(heard, page)
        checks.check_named(page)
        checks.check_readable(page, "light")
        checks.check_readable(page, "dark")
        for width in (390, 768, 1280):
            checks.check_fits(page, width)


def test_the_tab_that_one_is_on_is_seen_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{FLOW}/start")
    expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=0.9)


def test_log_lines_come_by_themselves(page: Page, running: str) -> None:
    page.goto(running)
    last = page.locator(".lines li").last
    before = last.get_attribute("data-id")
    expect(page.locator(f".lines li[data-id='{int(before or 0) + 2}']")).to_have_count(1, timeout=60_000)


def test_a_list_shows_a_new_execution_by_itself(page: Page, base_url: str) -> None:
    page.goto("/executions")
    expect(page.locator("[data-pulse]")).to_be_visible()
    request = urllib.request.Request(f"{base_url}/api/v1/main/executions/tutorial/hello-world", method="POST")
    with urllib.request.urlopen(request) as answer:
        made = json.load(answer)["id"]
    expect(page.locator(f"a[href='/executions/{made}']").first).to_be_visible(timeout=60_000)


def test_an_open_task_run_stays_open_while_the_page_renews_itself(page: Page, running: str) -> None:
    page.goto(running)
    run = page.locator("details.run").first
    run.locator("summary").click()
    heading = page.locator("#head").element_handle()
    assert heading is not None
    with page.expect_response(lambda response: response.url.endswith(running), timeout=60_000):
        pass
    expect(run).to_have_attribute("open", "")


def test_where_one_stands_in_a_drawing_stays_while_it_is_renewed(page: Page, running: str) -> None:
    page.set_viewport_size({"width": 240, "height": 844})
    page.goto(f"{running}?view=topology")
    page.wait_for_function(
        "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 7)(document.querySelector('.graph'))"
    )
    page.locator(".topology").evaluate("(each) => { each.dataset.old = ''; each.parentElement.scrollLeft = 7; }")
    page.locator(".topology a").last.evaluate("(each) => each.focus({ preventScroll: true })")
    expect(page.locator(".topology:not([data-old])")).to_have_count(1, timeout=60_000)
    page.wait_for_function("document.querySelector('.graph').scrollLeft == 7")
    expect(page.locator(".topology a").last).to_be_focused()


def test_a_flow_is_started_from_its_form(page: Page) -> None:
    page.goto(f"{FLOW}/start")
    page.get_by_label("day").fill("2026-11-21")
    page.get_by_label("limit").fill("5")
    page.get_by_role("button", name="Start nightly-orders").click()
    expect(page).to_have_url(re.compile(r"/executions/\w{22}$"))
    expect(page.locator("h1")).to_contain_text("Created")
    expect(page.locator("#data")).to_contain_text("2026-11-21")


def test_killing_asks_first(page: Page) -> None:
    page.goto(f"{FLOW}/start")
    page.get_by_label("day").fill("2026-11-20")
    page.get_by_role("button", name="Start nightly-orders").click()
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Kill").click()
    expect(page.locator("h1")).to_contain_text("Created")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Kill").click()
    expect(page.locator("h1")).to_contain_text("Killed")


def test_an_expression_is_answered_in_its_place(page: Page, failed: str) -> None:
    page.goto(failed)
    page.get_by_label("Expression").fill("{{ inputs }}")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#answer pre")).to_have_text("{{ INPUTS }}")
    page.get_by_label("Expression").fill("{{ nope }}")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.locator("#answer")).to_contain_text("Unable to find nope")
    assert page.url.endswith(failed)


def test_a_paused_execution_is_answered_and_a_half_filled_form_is_left_alone(
    page: Page, base_url: str, paused: str
) -> None:
    page.goto(paused)
    expect(page.locator("#resume h2")).to_have_text("It waits for an answer")
    expect(page.locator("[data-pulse]")).to_be_visible()
    page.get_by_label("reason").fill("seen by me")
    page.get_by_label("reason").blur()
    moves = page.locator(".history li")
    before = moves.count()
    address = f"{base_url}/api/v1/main{paused}/actions/change-status?status=PAUSED"
    urllib.request.urlopen(urllib.request.Request(address, method="POST")).close()
    expect(moves).to_have_count(before + 1, timeout=60_000)
    expect(page.get_by_label("reason")).to_have_value("seen by me")
    page.get_by_label("approved").select_option("true")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("h1")).to_contain_text("Restarted")
    expect(page.locator("#resume form")).to_have_count(0)


def test_a_decision_is_made_by_its_button_and_what_is_wrong_with_it_stays_to_be_read(page: Page, asking: str) -> None:
    page.goto(asking)
    page.get_by_label("Comment").fill("half of them first")
    page.get_by_role("button", name="Ship it").click()
    assert page.url.endswith(asking), "the browser asks for what is required"
    page.get_by_role("button", name="Hold").click()  # which asks for no inputs, but the sample daemon does
    expect(page.locator("#reviews [role=alert]")).to_contain_text("Invalid input for percent")
    expect(page.get_by_label("Comment")).to_have_value("half of them first")
    page.get_by_label("Share of users").fill("50")
    page.get_by_role("button", name="Ship it").click()
    expect(page.locator("h1")).to_contain_text("Restarted")
    expect(page.locator("#reviews form")).to_have_count(0)


def test_a_task_of_the_drawing_is_reached_by_keys_and_leads_to_its_lines(page: Page) -> None:
    page.goto(f"{FLOW}/topology")
    page.locator(".topology a[aria-label^='fetch,']").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".topology a:focus")).to_have_attribute("aria-label", re.compile("^regions, "))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/source#L\d+$"))
    expect(page.locator(".yaml li:target")).to_contain_text("regions")


def test_a_failure_leads_to_its_log_line(page: Page, failed: str) -> None:
    page.goto(failed)
    expect(page.locator(".cause")).to_contain_text("Failed at transform")
    expect(page.locator(".cause")).to_contain_text("ValueError: row 3811")
    page.locator(".why-lines a").last.click()
    expect(page.locator(".lines li:target")).to_contain_text("Traceback")
    expect(page.locator(".lines li:target")).to_be_in_viewport()


def test_a_task_run_tells_its_type_and_outputs_at_a_press_on_its_bar(page: Page, failed: str) -> None:
    page.goto(failed)
    page.locator("details.run", has_text="fetch").first.locator(".track").click()
    body = page.locator("details.run[open] .run-body")
    expect(body).to_contain_text("core.http.Download")
    expect(body).to_contain_text("1048576")


def test_lines_that_come_while_one_reads_further_up_wait_behind_a_button(page: Page, running: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(running)
    lines = page.locator(".lines")
    lines.evaluate("(each) => { each.style.maxHeight = '3rem'; each.scrollTop = 0; }")
    more = page.get_by_role("button", name="New lines")
    expect(more).to_be_visible(timeout=60_000)
    assert lines.evaluate("(each) => each.scrollTop") == 0
    more.click()
    expect(more).to_be_hidden()
    assert lines.evaluate("(each) => each.scrollHeight - each.scrollTop - each.clientHeight") < 40


def test_the_call_of_a_form_tells_what_is_typed(page: Page) -> None:
    page.goto(f"{FLOW}/start")
    page.get_by_label("day").fill("2026-11-21")
    page.get_by_label("Column mapping").fill('{"it\'s": 1}; x')
    page.get_by_text("Labels, a later start").click()
    page.get_by_label("Labels", exact=True).fill("team:data")
    curl = page.locator("#curl")
    expect(curl).to_contain_text("-F day=2026-11-21")
    expect(curl).to_contain_text("""--form-string 'mapping={"it'"'"'s": 1}; x'""")
    expect(curl).to_contain_text("?labels=team%3Adata")
    expect(curl).not_to_contain_text("limit")


def test_the_address_of_a_webhook_is_copied(page: Page, base_url: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/flows/company.shop/deploy-hook/triggers")
    page.get_by_role("button", name="Copy URL").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address = f"{base_url}/api/v1/main/executions/webhook/company.shop/deploy-hook/k7Hq2w9Zp"
    assert page.evaluate("navigator.clipboard.readText()") == address


def test_what_is_done_to_those_chosen_is_told(page: Page) -> None:
    page.goto("/executions?namespace=company.data&state=SUCCESS")
    page.get_by_label("Choose all on this page").check()
    expect(page.locator("[data-chosen]")).to_have_text("25")
    page.get_by_role("textbox", name="Labels").fill("seen:yes")
    page.get_by_role("button", name="Set labels").click()
    expect(page.get_by_role("status")).to_have_text("25 executions labelled.")
    expect(page).to_have_url(re.compile("namespace=company.data&state=SUCCESS"))


def test_a_state_is_chosen_by_its_chip(page: Page) -> None:
    page.goto("/executions")
    chip = page.locator(".chip", has_text="Cancelled")
    number = int(chip.locator(".count").inner_text())
    chip.click()
    expect(page).to_have_url(re.compile("state=CANCELLED"))
    expect(page.locator(".pager")).to_contain_text(f"{number} executions")


def test_logs_are_searched_and_lead_to_their_execution(page: Page, failed: str) -> None:
    page.goto("/logs")
    page.get_by_label("Level").select_option("ERROR")
    expect(page).to_have_url(re.compile("level=ERROR"))
    page.get_by_placeholder("Text in the lines").fill("row 3811")
    page.keyboard.press("Enter")
    expect(page.locator(".lines li")).to_have_count(1)
    page.locator(".lines .from a").click()
    expect(page).to_have_url(re.compile(f"{failed}\\?run="))


def test_a_schedule_is_backfilled_from_the_list(page: Page) -> None:
    page.goto("/triggers?q=nightly")
    page.locator(".backfill summary").click()
    page.get_by_label("From").fill("2026-11-01T00:00")
    page.get_by_role("button", name="Start backfill").click()
    page.goto("/triggers?q=nightly")
    expect(page.locator("tbody")).to_contain_text("Backfill 2026-11-01 00:00:00 UTC")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="End backfill").click()
    expect(page.locator("tbody")).not_to_contain_text("Backfill 2026")


def test_slash_goes_to_the_search(page: Page) -> None:
    page.goto("/executions")
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("inbox")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=inbox"))
    expect(page.locator("tbody tr .flow-link b").first).to_have_text("inbox")


def test_a_chosen_theme_stays(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/flows")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_pages_work_without_scripts(browser: Browser, base_url: str, paths: list[str]) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=base_url)
    page = context.new_page()
    for path in paths:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
    page.goto("/executions?state=FAILED")
    expect(page.locator("tbody .state").first).to_have_text("Failed")
    page.get_by_label(re.compile("Choose execution")).first.check()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_have_text("1 execution replayed.")
    expect(page.locator("tbody .state").first).to_have_text("Failed")
    context.close()
