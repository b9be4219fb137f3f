"""A flow's page: its drawing, what it is tied to, and its last thirty days; and the drawing of an execution."""

import re
from datetime import timedelta

from segue.model.execution import Progress
from segue.model.flow import Flow
from segue.model.state import State
from segue.model.task import Call, ForEach, Subflow, Task
from segue.model.trigger import FlowEnds, Trigger, UpstreamFlow
from segue.web.pages.month import month_of
from segue.web.pages.source import lines_of_tasks
from segue.web.pages.task_states import TaskStates
from segue.web.ports.executions import FlowTally
from starlette.testclient import TestClient

from tests.support.web import NOW, MemoryDaemon, app_of, log_task
from tests.unit.web.conftest import KEY

FLOW = "/flows/company.team/hello"
TEXT = """\
inputs:
  - id: greet
    type: STRING
tasks:
  - id: greet
    type: io.kestra.plugin.core.log.Log
  - id: all
    type: io.kestra.plugin.core.flow.Dag
    tasks:
      - dependsOn: []
        task:
          type: io.kestra.plugin.core.log.Log
          id: part
"""


def test_each_task_of_the_drawing_leads_to_its_text(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.texts[KEY, 1] = TEXT
    text = client.get(f"{FLOW}/topology").text
    links = dict(re.findall(r'href="(/flows[^"]+)" aria-label="(?:Trigger )?(\w+),', text))
    assert links == {
        f"{FLOW}/source#L5": "greet",
        f"{FLOW}/source#L12": "part",
        f"{FLOW}/triggers": "night",
    }
    assert text.count("<b>greet</b>") == 1  # as a list


def test_the_line_of_a_task_is_not_that_of_an_input_with_its_name() -> None:
    assert lines_of_tasks(TEXT, 0) == {"greet": 5, "all": 7, "part": 12}
    assert lines_of_tasks("tasks: [", 0) == {}


def test_an_execution_is_drawn_in_the_colours_of_what_runs_and_loops_are_counted() -> None:
    daemon = MemoryDaemon()
    loop = Task(id="each", type="x.ForEach", body=ForEach(values="[1]", tasks=(log_task("work"),)))
    key = daemon.add_flow(Flow(namespace="a", id="b", tasks=(loop, log_task("after")))).key
    execution = daemon.add_execution(key, [(State.RUNNING, 0)])
    parent = daemon.add_run(execution, "each", [(State.RUNNING, 0)], progress=Progress())
    for state in (State.SUCCESS, State.SUCCESS, State.FAILED):
        daemon.add_run(execution, "work", [(state, 1)], parent_id=parent.id)
    text = TestClient(app_of(daemon), base_url="http://localhost").get(f"/executions/{execution.id}?view=topology").text
    looks = {
        name: (look, said)
        for look, name, said in re.findall(r'<a class="([^"]+)" href="[^"]+" aria-label="(\w+), ([^"]+)"', text)
    }
    assert looks["each"] == ("g-frame s-running", "x.ForEach, Running")
    assert looks["work"] == ("g-box s-failed", "core.log.Log, 1 failed, 2 success")
    assert looks["after"] == ("g-box g-idle", "core.log.Log")


def test_of_many_runs_what_still_moves_tells_most() -> None:
    states = TaskStates({State.SUCCESS: 480, State.FAILED: 2, State.RUNNING: 18})
    assert states.state is State.RUNNING
    assert states.words == "18 running, 2 failed, 480 success"
    assert (states.shares[0].state, states.shares[0].x) == (State.SUCCESS, 0.0)
    assert sum(share.width for share in states.shares) == 1


def test_flows_that_call_each_other_say_so(client: TestClient, daemon: MemoryDaemon) -> None:
    calls = Task(id="calls", type="x", body=Subflow(call=Call(namespace="{{ flow.namespace }}", flow_id="hello")))
    gone = Task(id="gone", type="x", body=Subflow(call=Call(namespace="company.team", flow_id="gone")))
    after = FlowEnds(depends_on=(UpstreamFlow(namespace="company.team", flow_id="hello"),))
    trigger = Trigger(id="after", type="io.kestra.plugin.core.trigger.Flow", body=after)
    daemon.add_flow(Flow(namespace="company.team", id="caller", tasks=(calls, gone)))
    daemon.add_flow(Flow(namespace="company.team", id="follower", tasks=(log_task("a"),), triggers=(trigger,)))
    text = client.get(FLOW).text
    assert re.search(r"Called by</dt>.*?<b>caller</b>", text, re.DOTALL)
    assert re.search(r"Its end may start</dt>.*?<b>follower</b>", text, re.DOTALL)
    of_caller = client.get("/flows/company.team/caller").text
    assert re.search(r"<b>gone</b></span> <span class=\"tag bad\">not there", of_caller)
    assert re.search(
        r"Starts when these end</dt>.*?<b>hello</b>", client.get("/flows/company.team/follower").text, re.DOTALL
    )


def test_thirty_days_are_bars_that_lead_to_the_executions_of_their_day(
    client: TestClient, daemon: MemoryDaemon
) -> None:
    daemon.add_execution(KEY, [(State.FAILED, 1)], started=NOW - timedelta(days=3))
    daemon.add_execution(KEY, [(State.SUCCESS, 1)], started=NOW - timedelta(days=40))
    text = client.get(FLOW).text
    day = f"{NOW - timedelta(days=3):%Y-%m-%d}"
    (link,) = re.findall(rf'href="(/executions\?[^"]+)" aria-label="{day}: 1 runs, 1 failed', text)
    assert ">1 execution<" in client.get(link.replace("&amp;", "&")).text


def test_a_month_has_a_bar_for_each_day_and_says_where_it_did_not_count_on() -> None:
    today = NOW.replace(hour=0, minute=0)
    busy = FlowTally(today, {State.SUCCESS: 9, State.FAILED: 1}, timedelta(seconds=2), is_exact=False)
    month = month_of([busy], NOW)
    assert (len(month.days), month.total, month.failed, month.is_exact) == (30, 10, 1, False)
    assert [day.total for day in month.days[:-1]] == [0] * 29
    assert [block.layer for block in month.days[-1].blocks] == ["failed", "success"]
    assert month.longest == timedelta(seconds=2)
