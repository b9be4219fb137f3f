"""The pages: each answers, says what it should, and lets nobody's text become markup."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace
from segue.model.execution import Attempt, Execution, Failure, Moved, Progress
from segue.model.flow import Flow, Input
from segue.model.names import TaskRunId
from segue.model.order import LogLevel
from segue.model.problem import Problem
from segue.model.revision import Commit, FlowKey
from segue.model.state import State
from segue.model.task import Call, Subflow, Switch, Task
from segue.model.trigger import Trigger, Webhook
from segue.web import actions
from segue.web.pages import executions as executions_page
from segue.web.pages import words
from segue.web.pages.source import coloured
from segue.web.pages.timeline import timeline
from segue.web.ports.logs import LogEntry, LogSearch
from segue.web.ports.metrics import MetricEntry
from segue.web.ports.sources import ChangedFile
from segue.web.ports.starts import Start
from starlette.testclient import TestClient

from tests.support.web import ADA, HEAD, NOW, OLD, MemoryDaemon, app_of, log_task
from tests.support.web_samples import sample
from tests.unit.web.conftest import KEY

FLOW = "/flows/company.team/hello"
PAGES = [
    "/",
    "/flows",
    "/executions",
    "/triggers",
    "/logs",
    "/git",
    FLOW,
    "/namespaces/company.team/keys",
    *(f"{FLOW}/{tab}" for tab in ("topology", "source", "revisions", "triggers", "start")),
]
XSS = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'`{{7777*7+6027}}"


class Markup(HTMLParser):
    """What a browser would run or style, and where links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if (tag == "script" and not (given.get("src") or "").startswith("/static/")) or tag in {
            "style",
            "img",
            "iframe",
        }:
            self.inline.append(tag)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        for name in ("href", "src", "action"):
            if re.match(r"(\w+:)?//|javascript:", given.get(name) or ""):
                self.outside.append(given[name] or "")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_even_where_nothing_ever_ran(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_the_first_page_of_an_empty_repository_says_what_to_do() -> None:
    from_nothing = _client(MemoryDaemon())
    assert "Commit one to" in from_nothing.get("/").text
    assert "No flows yet" in from_nothing.get("/flows").text


def _client(daemon: MemoryDaemon) -> TestClient:
    return TestClient(app_of(daemon), base_url="http://localhost")


def test_nothing_on_a_page_runs_inline_or_comes_from_elsewhere() -> None:
    daemon = sample(NOW)
    client = _client(daemon)
    pages = [*(path.replace("company.team/hello", "company.shop/nightly-orders") for path in PAGES)]
    pages += [f"/executions/{each}" for each in daemon.executions]
    for path in pages[:40]:
        markup = Markup(client.get(path).text)
        assert (markup.inline, markup.outside) == ([], []), path


def test_nobodys_text_becomes_markup() -> None:
    daemon = MemoryDaemon()
    field = Input(id="name", type="STRING", defaults=XSS, description=XSS, display_name=XSS)
    lanes = Switch(value=XSS, cases={XSS: (log_task("u"),)}, errors=(log_task(f"e{XSS}"),))
    calls = Subflow(call=Call(namespace="a", flow_id=XSS))
    flow = Flow(
        namespace="a",
        id="b",
        tasks=(log_task("t"), Task(id=XSS, type=XSS, body=lanes), Task(id="calls", type=XSS, body=calls)),
        description=XSS,
        labels={"k": XSS},
        inputs=(field,),
        triggers=(Trigger(id=XSS, type=XSS, body=Webhook(key=XSS)),),
    )
    daemon.add_flow(flow, f"id: b # {XSS}\n")
    daemon.problems = (Problem(path=f"flows/{XSS}", line=1, column=1, code="x", message=XSS, hint=XSS),)
    daemon.repository_texts = {f"flows/{XSS}": XSS}
    key = FlowKey("a", "b")
    failed = [Attempt(number=1, history=[Moved(State.FAILED, NOW)], failure=Failure(message=XSS), worker=XSS)]
    values = {XSS: XSS, "deep": [{XSS: XSS}], "file": f"kestra:///{XSS}"}
    execution = daemon.add_execution(key, [(State.FAILED, 0)], labels={XSS: XSS}, inputs=values, outputs=values)
    daemon.add_run(execution, "t", [(State.FAILED, 0)], value=XSS, attempts=failed, outputs=values)
    daemon.add_log(execution, XSS, task_id="t", task_run_id=XSS)
    client = _client(daemon)
    pages = [
        "/",
        "/flows",
        "/executions",
        "/git",
        *(f"/flows/a/b{tab}" for tab in ("", "/topology", "/source", "/revisions", "/triggers", "/start")),
    ]
    pages += [f"/executions/{execution.id}", f"/executions?q={XSS}&namespace={XSS}&labels={XSS}", f"/flows?q={XSS}"]
    daemon.changed_files = (ChangedFile(XSS, "M"),)
    daemon.repository_texts[XSS] = XSS
    pages += [
        f"/executions/{execution.id}?view=topology&task={XSS}",
        "/logs",
        f"/logs?q={XSS}&namespace={XSS}&startDate={XSS}",
    ]
    pages += [f"/git/changes?from={XSS}&to={XSS}", f"/executions?startDate={XSS}&triggerId={XSS}&done={XSS}"]
    pages += [f"/executions/{execution.id}?find={XSS}&run={XSS}", f"/executions/{execution.id}/lines?after=0"]
    for path in pages:
        text = client.get(path).text
        assert Markup(text).inline == [], path
        assert "<script>alert" not in text, path
        assert "60466" not in text, path


def test_escapes_of_terminals_do_not_reach_the_page(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    daemon.add_log(execution, "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x00tab\there")
    line = client.get(f"/executions/{execution.id}/lines?after=0").text
    assert "red  tab\there" in line
    assert "\x1b" not in line


def test_the_execution_page_tells_what_happened(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0), (State.FAILED, 2.5)], outputs={"a": "kestra:///x/y.csv"})
    daemon.add_run(execution, "greet", [(State.FAILED, 1)])
    daemon.add_log(execution, "it broke", level=LogLevel.ERROR)
    text = client.get(f"/executions/{execution.id}").text
    for told in ("Failed", "2.5 s", "greet", "it broke", "y.csv", "Restart from failure", HEAD[:10]):
        assert told in text


def test_metrics_of_an_execution_are_shown_and_more_than_a_page_of_them_are_a_link(
    client: TestClient, daemon: MemoryDaemon
) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    assert "<h2>Metrics</h2>" not in client.get(f"/executions/{execution.id}").text
    figure = MetricEntry(at=NOW, name="rows", kind="counter", value=4211.0, tags={"table": XSS}, task_id="load")
    daemon.figures = [figure]
    text = client.get(f"/executions/{execution.id}").text
    assert "4\u2009211" in text
    assert Markup(text).inline == []
    assert f"/metrics/{execution.id}" not in text
    daemon.figures = [figure] * 101
    assert f"/metrics/{execution.id}" in client.get(f"/executions/{execution.id}").text


def test_a_flow_shows_its_problems_and_warnings_in_its_text(client: TestClient, daemon: MemoryDaemon) -> None:
    path = daemon.live[KEY].revision.path
    problem = Problem(path=path, line=2, column=3, code="unknown-key", message="`tsaks` is no key", where="tsaks")
    daemon.live[KEY] = replace(
        daemon.live[KEY], problems=(problem,), warnings=(replace(problem, message="an old word"),)
    )
    daemon.repository_texts = {path: "id: x\ntsaks: []\n"}
    text = client.get(FLOW).text
    assert text.count('<span class="y-key">tsaks</span>') == 2
    assert "1 warning about its text" in text
    assert "unknown-key · tsaks" in text


def test_an_execution_that_ends_while_its_page_is_made_is_followed_to_its_last_line(
    client: TestClient, daemon: MemoryDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live execution is not a copy: it ends under the page's hands, after the lines were read."""
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    read = daemon.logs

    def logs(search: LogSearch) -> tuple[LogEntry, ...]:
        found = read(search)
        daemon.move(execution, State.SUCCESS)
        return found

    async def live_execution(execution_id: str) -> Execution | None:
        return daemon.executions[execution_id]

    monkeypatch.setattr(daemon, "logs", logs)
    monkeypatch.setattr(daemon, "live_execution", live_execution)
    assert f'data-execution="{execution.id}"' in client.get(f"/executions/{execution.id}").text


def test_labels_of_the_system_are_not_shown_nor_is_there_a_heading_for_them(
    client: TestClient, daemon: MemoryDaemon
) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)], labels={"system.correlationId": "x"})
    assert "<dt>Labels</dt>" not in client.get(f"/executions/{execution.id}").text
    execution.labels["team"] = "web"
    assert "<dt>Labels</dt>" in client.get(f"/executions/{execution.id}").text


def test_a_row_shows_some_labels_and_counts_the_others(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.add_execution(KEY, [(State.SUCCESS, 0)], labels={f"k{number}": "v" for number in range(5)} | {"team": "web"})
    assert ">+3</li>" in client.get("/executions").text
    assert ">+2</li>" in client.get(FLOW).text  # without those that the flow has itself


def test_log_lines_after_one_are_a_piece_of_the_page(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    for number in range(5):
        daemon.add_log(execution, f"line {number}", level=LogLevel.INFO if number % 2 else LogLevel.DEBUG)
    text = client.get(f"/executions/{execution.id}/lines?after=2&level=INFO").text
    assert ("line 3" in text, "line 4" in text, "line 1" in text) == (True, False, False)
    assert "<html" not in text


def test_an_execution_of_ten_thousand_task_runs_shows_a_page_of_them(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    loop = daemon.add_run(execution, "each", [(State.RUNNING, 0)], progress=Progress())
    for number in range(10_000):
        daemon.add_run(execution, "part", [(State.SUCCESS, 1)], parent_id=loop.id, value=str(number))
    text = client.get(f"/executions/{execution.id}?page=2").text
    assert text.count('class="run"') == 200
    assert "201–400 of 10 001" in text.replace("\u2009", " ")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("kill", actions.Kill()),
        ("pause", actions.Pause()),
        ("resume", actions.Resume()),
        ("resume-from-breakpoint", actions.PassBreakpoint()),
        ("restart", actions.Restart()),
        ("replay", actions.Replay()),
        ("force-run", actions.ForceRun()),
        ("change-status", actions.ChangeStatus(State.FAILED)),
        ("state", actions.SetTaskRunState(TaskRunId("run-1"), State.SUCCESS)),
        ("labels", actions.SetLabels({"team": "data", "reason": "test"})),
    ],
)
def test_a_button_does_its_act_and_shows_the_execution(
    client: TestClient, daemon: MemoryDaemon, act: str, expected: Any
) -> None:
    execution = daemon.add_execution(KEY, [(State.PAUSED, 0)])
    sent = {
        "change-status": {"status": "FAILED"},
        "state": {"taskRunId": "run-1", "state": "SUCCESS"},
        "labels": {"labels": "team:data, reason:test"},
    }
    answer = client.post(f"/executions/{execution.id}/acts/{act}", data=sent.get(act), follow_redirects=False)
    assert answer.status_code == 303
    assert daemon.asked[-1] == (execution.id, expected)
    shown = answer.headers["location"].rpartition("/")[2]
    assert (shown != execution.id) is (act == "replay")


@pytest.mark.parametrize(
    ("state", "possible", "acts"),
    [
        (State.RUNNING, {actions.Kill, actions.Pause}, ["pause", "kill"]),
        (State.PAUSED, {actions.Kill, actions.Resume, actions.ForceRun}, ["resume", "kill"]),
        (State.QUEUED, {actions.Kill, actions.ForceRun, actions.Unqueue}, ["force-run", "kill"]),
        (State.FAILED, {actions.Restart, actions.Replay, actions.Delete}, ["restart", "replay", "delete"]),
        (State.SUCCESS, {actions.ChangeStatus, actions.SetLabels}, ["labels", "change-status"]),
        (State.KILLING, set(), []),
    ],
)
def test_what_is_possible_has_a_button(
    client: TestClient, daemon: MemoryDaemon, state: State, possible: set[type[actions.Action]], acts: list[str]
) -> None:
    execution = daemon.add_execution(KEY, [(state, 0)])
    daemon.possible[execution.id] = frozenset(possible)
    text = client.get(f"/executions/{execution.id}").text
    assert re.findall(rf'action="/executions/{execution.id}/acts/([a-z-]+)"', text) == acts


def test_many_are_chosen_and_killed_from_the_list_which_tells_it(client: TestClient, daemon: MemoryDaemon) -> None:
    ids = [daemon.add_execution(KEY, [(State.RUNNING, 0)]).id for _ in range(3)]
    form = {"id": ids[:2], "act": "kill", "back": "/executions?state=RUNNING&done=delete&count=9"}
    answer = client.post("/executions/acts", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/executions?state=RUNNING&done=kill&count=2"
    assert [each.state for each in daemon.executions.values()] == [State.KILLED, State.KILLED, State.RUNNING]
    assert "2 executions told to stop." in client.get(answer.headers["location"]).text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"act": "kill"}, "No execution is chosen"),
        ({"act": "explode", "id": "running"}, "There is no such act"),
        ({"act": "labels", "id": "running"}, "No label is given"),
        ({"act": "labels", "id": "running", "labels": "nonsense"}, "expected <code>key:value</code>"),
        ({"act": "kill", "id": "nobody"}, "Nothing was done to any of the 1 chosen"),
    ],
    ids=["nothing chosen", "no act", "no label", "bad label", "unknown"],
)
def test_what_cannot_be_done_to_many_is_told_on_the_list(
    client: TestClient, daemon: MemoryDaemon, form: dict[str, str], said: str
) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    form |= {"back": "//evil.org?state=RUNNING"} | ({"id": execution.id} if form.get("id") == "running" else {})
    answer = client.post("/executions/acts", data=form, follow_redirects=False)
    assert answer.status_code in {404, 422}
    assert said in answer.text
    assert execution.id in answer.text
    assert execution.state is State.RUNNING


def test_the_list_offers_for_many_every_act_that_it_knows(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.add_execution(KEY, [(State.RUNNING, 0)])
    offered = set(re.findall(r'name="act" value="([a-z-]+)"', client.get("/executions").text))
    assert offered == {*executions_page.MANY, "labels"}


def test_labels_are_set_on_many(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    client.post("/executions/acts", data={"id": [execution.id], "act": "labels", "labels": "team:data, why:test"})
    assert daemon.asked[-1] == (execution.id, actions.SetLabels({"team": "data", "why": "test"}))


def test_what_an_address_says_was_done_is_only_told_in_our_words(client: TestClient) -> None:
    for query in ("done=kill&count=<b>9", "done=<b>&count=2", "done=kill", "count=3", f"done=kill&count={'9' * 5000}"):
        assert 'class="told-done"' not in client.get(f"/executions?{query}").text


def test_chips_count_what_the_other_filters_find(client: TestClient, daemon: MemoryDaemon) -> None:
    for state, labels in ((State.FAILED, {"a": "1"}), (State.FAILED, {}), (State.SUCCESS, {"a": "1"})):
        daemon.add_execution(KEY, [(state, 0)], labels=labels)
    text = client.get("/executions?labels=a:1&state=SUCCESS").text
    counts = dict(re.findall(r'value="(\w+)" data-submit.*?<span class="num count">(\S+)</span>', text))
    assert (counts["FAILED"], counts["SUCCESS"], counts["KILLED"]) == ("1", "1", "0")


def test_the_list_filters_and_says_when_a_filter_makes_no_sense(client: TestClient, daemon: MemoryDaemon) -> None:
    failed = daemon.add_execution(KEY, [(State.FAILED, 0)])
    good = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    text = client.get("/executions?state=FAILED").text
    assert failed.id in text
    assert good.id not in text
    assert "expected" in client.get("/executions?labels=nonsense").text
    assert "No execution matches" in client.get("/executions?state=KILLED").text


def test_who_searches_for_an_id_is_led_to_its_execution(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    answer = client.get(f"/executions?q={execution.id}", follow_redirects=False)
    assert answer.headers["location"] == f"/executions/{execution.id}"
    assert "No execution matches" in client.get(f"/executions?q={'x' * 22}").text


def test_an_hour_of_the_day_leads_to_its_executions(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.add_execution(KEY, [(State.SUCCESS, 0)], started=NOW - timedelta(hours=3))
    (link,) = re.findall(r'href="(/executions\?startDate=[^"]+)"', client.get("/").text)
    assert ">1 execution<" in client.get(link.replace("&amp;", "&")).text


# The start form.


def test_the_form_starts_an_execution_and_shows_it(client: TestClient, daemon: MemoryDaemon) -> None:
    fields = {"name": (None, "Ada"), "data": ("a.csv", b"1"), "segue.labels": (None, "a:1, b:2")}
    answer = client.post(f"{FLOW}/start", files=fields, follow_redirects=False)
    assert answer.status_code == 303
    (execution,) = daemon.executions.values()
    assert answer.headers["location"] == f"/executions/{execution.id}"
    request = daemon.asked[-1]
    assert isinstance(request, Start)
    assert request.labels == {"a": "1", "b": "2"}
    assert daemon.uploads == {"data": b"1"}


def test_all_that_is_wrong_with_a_start_is_told_in_one_go(client: TestClient) -> None:
    answer = client.post(f"{FLOW}/start", files={"name": (None, ""), "segue.labels": (None, "none")})
    assert answer.status_code == 422
    assert "<code>none</code>" in answer.text
    assert "A value is needed." in answer.text


def test_a_refused_form_comes_back_with_what_was_given(client: TestClient) -> None:
    answer = client.post(f"{FLOW}/start", files={"name": (None, ""), "segue.labels": (None, "a:1")})
    assert answer.status_code == 422
    assert "missing required input" in answer.text
    assert "A value is needed." in answer.text
    assert 'value="a:1"' in answer.text


INPUT_TYPES = "STRING INT FLOAT BOOL BOOLEAN SELECT ENUM MULTISELECT DATETIME DATE TIME DURATION FILE JSON YAML ARRAY URI EMAIL SECRET"


@pytest.mark.parametrize("kind", INPUT_TYPES.split())
def test_every_type_of_input_has_a_field_and_a_place_in_the_curl_command(kind: str) -> None:
    daemon = MemoryDaemon()
    options = {"values": ("x", "y")} if "SELECT" in kind or kind == "ENUM" else {}
    field = Input(id="it", type=kind, required=False, options=options)
    daemon.add_flow(Flow(namespace="a", id="b", tasks=(), inputs=(field,)), "")
    text = _client(daemon).get("/flows/a/b/start").text
    assert 'name="it"' in text
    assert "it=" in text


def test_a_flow_that_git_deleted_keeps_its_page(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    del daemon.live[KEY]
    text = client.get(FLOW).text
    assert "not live" in text
    assert execution.id in text
    assert client.get(f"/executions/{execution.id}").status_code == 200


def test_problems_are_shown_with_their_lines(client: TestClient, daemon: MemoryDaemon) -> None:
    problem = Problem(path="flows/x.yaml", line=2, column=3, code="unknown-key", message="`tsaks` is no key")
    daemon.problems = (problem,)
    daemon.repository_texts = {"flows/x.yaml": "id: x\ntsaks: []\n"}
    text = client.get("/git").text
    assert "flows/x.yaml:2:3" in text
    assert '<span class="y-key">tsaks</span>' in text


@pytest.mark.parametrize(
    "path", ["/nothing", "/flows/a/b", "/executions/unknown", "/static/nothing.js", "/flows/a/b/source"]
)
def test_what_is_not_there_is_a_page_that_says_so(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<h1>Not here</h1>" in answer.text


def test_static_files_may_be_kept_for_ever_under_their_digest(client: TestClient) -> None:
    address = re.search(r'href="(/static/style\.css\?v=\w+)"', client.get("/").text)
    assert address is not None
    assert "immutable" in client.get(address[1]).headers["cache-control"]
    assert client.get("/static/style.css").headers["cache-control"] == "no-cache"


def test_a_chosen_theme_is_served_at_once(client: TestClient) -> None:
    client.cookies.set("segue_theme", "dark")
    assert '<html lang="en" data-theme="dark">' in client.get("/").text
    client.cookies.set("segue_theme", '"><x')
    assert '<html lang="en">' in client.get("/").text


def test_home_has_a_row_for_each_flow_that_went_wrong(client: TestClient, daemon: MemoryDaemon) -> None:
    other = FlowKey("company.team", "other")
    daemon.add_flow(Flow(namespace=other.namespace, id=other.flow_id, tasks=(log_task("a"),)), "id: other\n")
    daemon.add_execution(other, [(State.WARNING, 0)], started=NOW - timedelta(hours=2))
    for minutes in range(20, 0, -1):
        daemon.add_execution(KEY, [(State.FAILED, 0)], started=NOW - timedelta(minutes=minutes))
    rows = client.get("/").text.partition('id="failed"')[2]
    assert rows.count('class="cell-main"') == 2
    assert ">×20</a>" in rows
    assert "all 21</a>" in rows
    assert 'href="/flows/company.team/other"' in rows


# Small parts.


def test_children_stand_below_their_parents(daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0), (State.SUCCESS, 10)])
    first = daemon.add_run(execution, "first", [(State.SUCCESS, 0)])
    daemon.add_run(execution, "second", [(State.SUCCESS, 5)])
    daemon.add_run(execution, "child", [(State.RUNNING, 5), (State.SUCCESS, 10)], parent_id=first.id)
    rows = timeline(execution, execution.task_runs.values(), NOW).rows
    assert [(row.run.task_id, row.depth) for row in rows] == [("first", 0), ("child", 1), ("second", 0)]
    assert (rows[1].bars[0].x, rows[1].bars[0].width) == (50, 50)


def test_what_took_turns_in_a_for_each_stands_value_by_value(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0), (State.SUCCESS, 10)])
    each = daemon.add_run(execution, "each", [(State.SUCCESS, 0)])
    for task_id, iteration in (("get", 0), ("get", 1), ("put", 1), ("put", 0)):
        value = f"value-{iteration}"
        run = daemon.add_run(
            execution, task_id, [(State.SUCCESS, 0)], parent_id=each.id, iteration=iteration, value=value
        )
        daemon.add_log(execution, "done", task_id=task_id, task_run_id=run.id)
    rows = timeline(execution, execution.task_runs.values(), NOW).rows
    assert [(row.run.task_id, row.run.iteration) for row in rows[1:]] == [
        ("get", 0),
        ("put", 0),
        ("get", 1),
        ("put", 1),
    ]
    for address in (f"/executions/{execution.id}", f"/executions/{execution.id}/lines"):
        assert ">get <small>value-1</small></a>" in client.get(address).text


def test_commits_of_one_second_stand_newest_first(client: TestClient, daemon: MemoryDaemon) -> None:
    before = daemon.all_revisions[0]
    for commit_id, parent in ((OLD, ()), (HEAD, (OLD,))):
        daemon.commits[commit_id] = Commit(
            commit_id=commit_id, parents=parent, author=ADA, authored_at=NOW, committed_at=NOW, message=commit_id
        )
    daemon.all_revisions = [replace(before, commit_id=each, committed_at=NOW) for each in (OLD, HEAD)]
    text = client.get("/git").text.partition('id="changes"')[2]
    assert text.index(f"<b>{HEAD}</b>") < text.index(f"<b>{OLD}</b>")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/executions/nope", "There is no execution nope."),
        ("/git/changes", "Two commits are compared"),
        ("/nowhere", "There is nothing at this address."),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(client: TestClient, address: str, said: str) -> None:
    answer = client.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert said in answer.text


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("id: hello  # why", ["key", "comment"]),
        ("  - id: x", ["key"]),
        ('message: "a # b {{ c }}"', ["key", "string", "expression"]),
        ("message: {{ inputs.x }}", ["key", "expression"]),
        ("count: 12", ["key", "literal"]),
        ("script: |", ["key", "block"]),
        ("url: http://x#y", ["key"]),
    ],
)
def test_yaml_is_coloured_by_what_it_is(line: str, kinds: list[str]) -> None:
    html = str(coloured(line))
    assert re.findall(r'class="y-(\w+)"', html) == kinds
    assert re.sub(r"<[^>]+>", "", html).replace("&#34;", '"') == line


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "just now"), (59, "59 s ago"), (3700, "1 h ago"), (-90, "in 1 min"), (200000, "2 d ago")]
)
def test_times_are_told_as_people_do(seconds: float, said: str) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_a_day_too_busy_to_count_says_so() -> None:
    daemon = sample(NOW)
    assert "at least" not in _client(daemon).get("/").text
    daemon.tally_max = 2
    assert "at least" in _client(daemon).get("/").text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.5, "500 ms"), (2, "2 s"), (1.5, "1.5 s"), (600, "10 min"), (3600, "1 h"), (5400, "1 h 30 min")],
)
def test_marks_of_an_axis_are_round(seconds: float, said: str) -> None:
    assert words.mark(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [("short", "short"), ("exactly-ten", "exactly-t…"), ("数据数据数据", "数据数据…"), ("\x1b[1mab", "ab")],
)
def test_names_are_cut_to_their_room(text: str, said: str) -> None:
    assert words.fitted(text, 10) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0198385, "19.8 ms"),
        (0.0000412, "0.0412 ms"),
        (3.44, "3.4 s"),
        (125, "2 min 5 s"),
        (-1, "-1 s"),
        (float("inf"), "inf s"),
    ],
)
def test_measured_times_are_told_in_their_unit(seconds: float, said: str) -> None:
    assert words.timed(seconds).replace("\u2009", "") == said


@pytest.mark.parametrize(
    ("value", "said"), [(4211.0, "4\u2009211"), (0.25, "0.25"), (1 / 3, "0.333333"), (float("inf"), "inf")]
)
def test_figures_are_told_in_full_where_they_are_whole(value: float, said: str) -> None:
    assert words.figure(value) == said
