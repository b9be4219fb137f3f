"""Sample data for the web's daemon of tests: a company's flows in every state, for the eye and for the browser's tests.

`python -m tests.support.web_samples 8099` serves it.
"""

import asyncio
import random
import sys
from datetime import UTC, datetime, timedelta

import uvicorn
from msgspec.structs import replace
from segue.model.execution import Attempt, Execution, Failure, Moved, Progress, TriggeredBy
from segue.model.flow import Flow, Input
from segue.model.names import TaskRunId
from segue.model.order import LogLevel
from segue.model.problem import Problem, Severity
from segue.model.revision import Author, Commit, FlowKey
from segue.model.state import State
from segue.model.task import CommentRequired, ForEach, Parallel, Runnable, Task
from segue.model.trigger import Files, Schedule, Trigger, Webhook
from segue.web.actions import ChangeStatus, Kill, Restart, SetTaskRunState
from segue.web.ports.git import Sync
from segue.web.ports.keys import KeyValue
from segue.web.ports.reviews import OpenReview
from segue.web.ports.sources import ChangedFile
from segue.web.ports.triggers import TriggerKey

from tests.support.web import ADA, HEAD, OLD, MemoryDaemon, app_of

GRACE = Author("Grace Hopper", "grace@example.org")
SCHEDULE = "io.kestra.plugin.core.trigger.Schedule"
TEXT = """id: nightly-orders
namespace: company.shop
description: Yesterday's orders, from the shop to the warehouse.

labels:
  team: data
  tier: gold

inputs:
  - id: day
    type: DATE
    defaults: "{{ now() | dateAdd(-1, 'DAYS') | date('yyyy-MM-dd') }}"
  - id: regions
    type: MULTISELECT
    values: [north, south, east, west]

tasks:
  - id: fetch
    type: io.kestra.plugin.core.http.Download
    uri: "https://shop.example.org/orders/{{ inputs.day }}.csv"
    retry:
      type: exponential
      interval: PT2S   # the shop is slow to wake
      maxAttempts: 3

  - id: regions
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ inputs.regions }}"
    concurrencyLimit: 2
    tasks:
      - id: transform
        type: io.kestra.plugin.scripts.python.Script
        script: |
          import csv, sys
          print('rows', 4211)
      - id: load
        type: io.kestra.plugin.core.log.Log
        message: "loaded {{ taskrun.value }}"

triggers:
  - id: night
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "15 2 * * *"
    timezone: Europe/Berlin
"""


def task(task_id: str, kind: str = "io.kestra.plugin.core.log.Log") -> Task:
    return Task(id=task_id, type=kind, body=Runnable(properties={}))


def sample(now: datetime) -> MemoryDaemon:
    daemon = MemoryDaemon(now)
    python = "io.kestra.plugin.scripts.python.Script"
    loop = ForEach(values="{{ inputs.regions }}", tasks=(task("transform", python), task("load")), concurrency_limit=2)
    nightly = Flow(
        namespace="company.shop",
        id="nightly-orders",
        description="Yesterday's **orders**, from the shop to the `warehouse`.",
        labels={"team": "data", "tier": "gold"},
        inputs=(
            Input(id="day", type="DATE", required=True, description="The day whose orders are fetched."),
            Input(
                id="regions",
                type="MULTISELECT",
                options={"values": ("north", "south", "east", "west")},
                defaults=["north"],
            ),
            Input(id="limit", type="INT", required=False, defaults=10000),
            Input(id="mode", type="SELECT", defaults="full", options={"values": ("full", "delta")}),
            Input(id="dry-run", type="BOOL", required=False),
            Input(id="mapping", type="JSON", required=False, display_name="Column mapping"),
            Input(id="corrections", type="FILE", required=False, options={"allowedFileExtensions": (".csv",)}),
        ),
        tasks=(
            task("fetch", "io.kestra.plugin.core.http.Download"),
            Task(id="regions", type="io.kestra.plugin.core.flow.ForEach", body=loop),
            task("report"),
        ),
        errors=(task("alert"),),
        triggers=(Trigger(id="night", type=SCHEDULE, body=Schedule(cron="15 2 * * *", timezone="Europe/Berlin")),),
    )
    daemon.add_flow(nightly, TEXT.replace("maxAttempts: 3", "maxAttempts: 2"), number=3, commit=OLD)
    live = daemon.add_flow(nightly, TEXT, number=4)
    night = TriggerKey(live.key, "night")
    daemon.live[live.key] = replace(live, next_fire_at=now + timedelta(hours=11, minutes=44))
    daemon.trigger_states[night] = replace(
        daemon.trigger_states[night],
        next_fire_at=now + timedelta(hours=11, minutes=44),
        last_fired_at=now - timedelta(hours=12),
    )
    others = [
        ("company.shop", "deploy-hook", "Rolls out what CI built.", Webhook(key="k7Hq2w9Zp"), "hook", None),
        ("company.data", "disk-space", "Warns before the disks are full.", Schedule(cron="*/15 * * * *"), "often", 7),
        ("company.data", "inbox", "Files that partners drop, as they come.", Files(path="/srv/inbox"), "dropped", None),
        ("company.data", "fan-out", "", Schedule(cron="0 * * * *"), "hourly", 31),
        (
            "company.finance.reporting",
            "month-end-close",
            "Closes the books.",
            Schedule(cron="0 6 1 * *"),
            "monthly",
            12000,
        ),
        ("tutorial", "hello-world", "The first one.", None, "", None),
    ]
    for namespace, name, about, body, trigger_id, minutes in others:
        triggers = () if body is None else (Trigger(id=trigger_id, type=SCHEDULE, body=body),)
        flow = Flow(
            namespace=namespace,
            id=name,
            description=about,
            tasks=(
                task("first"),
                Task(
                    id="both",
                    type="io.kestra.plugin.core.flow.Parallel",
                    body=Parallel(tasks=(task("left"), task("right"))),
                ),
            ),
            triggers=triggers,
            labels={"team": namespace.split(".")[-1]} if "." in namespace else {},
            disabled=name == "month-end-close",
        )
        made = daemon.add_flow(flow, f"id: {name}\nnamespace: {namespace}\n", commit=OLD if name == "inbox" else HEAD)
        if minutes is not None:
            due = now + timedelta(minutes=minutes)
            daemon.live[made.key] = replace(made, next_fire_at=due)
            key = TriggerKey(made.key, trigger_id)
            daemon.trigger_states[key] = replace(
                daemon.trigger_states[key], next_fire_at=due, last_fired_at=now - timedelta(minutes=15 - minutes % 15)
            )
    hook = TriggerKey(FlowKey("company.shop", "deploy-hook"), "hook")
    daemon.trigger_states[hook] = replace(daemon.trigger_states[hook], is_disabled=True)
    problems = (
        Problem(
            path="flows/company.data/inbox.yaml",
            line=14,
            column=5,
            code="unknown-key",
            message="`mesage` is not a key of core.log.Log",
            hint="Did you mean `message`?",
        ),
        Problem(
            path="flows/company.finance/rates.yml",
            line=3,
            column=1,
            code="duplicate-key",
            message="`tasks` stands here a second time; the first is in line 2",
        ),
        Problem(
            path="flows/company.data/fan-out.yaml",
            line=1,
            column=1,
            code="namespace-differs",
            message="The text says `company.data`, the folder `company.dat`",
            severity=Severity.WARNING,
        ),
    )
    daemon.problems = problems
    daemon.repository_texts = {
        "flows/company.data/inbox.yaml": "\n" * 11
        + "  - id: told\n    type: core.log.Log\n    mesage: new file {{ trigger.uri }}, to be put where the others are\n    level: INFO\n",
        "flows/company.finance/rates.yml": "id: rates\ntasks: []\ntasks:\n  - id: a\n",
    }
    inbox = FlowKey("company.data", "inbox")
    daemon.live[inbox] = replace(daemon.live[inbox], problems=problems[:1])
    for each, author, message in (
        (HEAD, ADA, "Try the shop three times before giving up\n\nIt wakes slowly."),
        (OLD, GRACE, "First flows of the data team"),
    ):
        daemon.commits[each] = Commit(
            commit_id=each,
            parents=(),
            author=author,
            authored_at=now,
            committed_at=now - timedelta(hours=3),
            message=message,
        )
    daemon.all_revisions = [
        replace(each, author=GRACE, committed_at=now - timedelta(days=4)) if each.commit_id == OLD else each
        for each in daemon.all_revisions
    ]
    daemon.all_syncs = [
        Sync(
            started_at=now - timedelta(minutes=3),
            ended_at=now - timedelta(minutes=3) + timedelta(milliseconds=84),
            cause="watch",
            commit=HEAD,
            previous_commit=OLD,
            changed=(live.key,),
            problems=3,
        ),
        Sync(
            started_at=now - timedelta(hours=2),
            ended_at=now - timedelta(hours=2),
            cause="poll",
            commit=OLD,
            error="could not reach git@example.org: connection timed out after 10 s",
        ),
        Sync(
            started_at=now - timedelta(days=4),
            ended_at=now - timedelta(days=4) + timedelta(seconds=1.2),
            cause="start",
            commit=OLD,
            changed=tuple(daemon.live),
        ),
    ]
    daemon.changed_files = (ChangedFile("flows/company.data/inbox.yaml", "A"), ChangedFile("gone.sql", "D"))
    add_past(daemon, now)
    add_failed(daemon, live.key, now)
    add_running(daemon, live.key, now)
    return daemon


def add_past(daemon: MemoryDaemon, now: datetime) -> None:
    dice = random.Random(7)
    keys = [key for key in daemon.live if key.flow_id not in {"hello-world", "month-end-close"}]
    for _ in range(320):
        key = dice.choice(keys)
        started = now - timedelta(seconds=dice.triangular(60, 86000 * 1.2, 20000))
        end = dice.choices(
            [State.SUCCESS, State.FAILED, State.WARNING, State.KILLED, State.CANCELLED], [86, 6, 4, 2, 2]
        )[0]
        took = dice.lognormvariate(1.2, 1.3)
        by = (
            None
            if dice.random() < 0.2
            else TriggeredBy(id="night" if key.flow_id == "nightly-orders" else "hourly", type=SCHEDULE)
        )
        daemon.add_execution(
            key,
            [(State.CREATED, 0), (State.RUNNING, 0.01), (end, took)],
            started=started,
            trigger=by,
            labels={"team": "data"} if dice.random() < 0.3 else {},
        )


def attempts(start: datetime, *spans: tuple[State, float, float], message: str = "") -> list[Attempt]:
    return [
        Attempt(
            number=number,
            worker=f"worker-{number}",
            history=[
                Moved(State.RUNNING, start + timedelta(seconds=since)),
                *([] if state is State.RUNNING else [Moved(state, start + timedelta(seconds=until))]),
            ],
            failure=Failure(message=message) if state is State.FAILED else None,
        )
        for number, (state, since, until) in enumerate(spans, 1)
    ]


def add_failed(daemon: MemoryDaemon, key: FlowKey, now: datetime) -> Execution:
    start = now - timedelta(minutes=42)
    execution = daemon.add_execution(
        key,
        [(State.CREATED, 0), (State.RUNNING, 0.02), (State.FAILED, 21.4)],
        started=start,
        labels={"team": "data", "tier": "gold"},
        inputs={
            "day": "2026-11-21",
            "regions": ["north", "south"],
            "limit": 10000,
            "corrections": "kestra:///company/shop/nightly-orders/corrections.csv",
        },
        trigger=TriggeredBy(
            id="night",
            type=SCHEDULE,
            variables={"date": "2026-11-22T02:15:00+01:00", "next": "2026-11-23T02:15:00+01:00"},
        ),
    )
    wrong = "HTTP 503 from https://shop.example.org/orders/2026-11-21.csv: upstream is waking up"
    daemon.add_run(
        execution,
        "fetch",
        [(State.CREATED, 0.02), (State.RUNNING, 0.1), (State.SUCCESS, 9.3)],
        attempts=attempts(start, (State.FAILED, 0.1, 2.2), (State.SUCCESS, 4.4, 9.3), message=wrong),
        outputs={
            "uri": "kestra:///company/shop/nightly-orders/executions/x/tasks/fetch/orders.csv",
            "code": 200,
            "length": 1048576,
        },
    )
    loop = daemon.add_run(
        execution, "regions", [(State.CREATED, 9.3), (State.RUNNING, 9.31), (State.FAILED, 21.2)], progress=Progress()
    )
    for index, (value, until, state) in enumerate((("north", 15.1, State.SUCCESS), ("south", 20.8, State.FAILED))):
        since = 9.4 + index * 0.4
        daemon.add_run(
            execution,
            "transform",
            [(State.CREATED, since), (State.RUNNING, since + 0.1), (state, until)],
            parent_id=loop.id,
            value=value,
            iteration=index,
            attempts=attempts(
                start,
                (state, since + 0.1, until),
                message="exit code 1\nValueError: row 3811 has 7 columns, expected 9",
            ),
            outputs={"rows": 4211, "files": {"clean.csv": "kestra:///company/shop/nightly-orders/clean.csv"}}
            if state is State.SUCCESS
            else None,
        )
        if state is State.SUCCESS:
            daemon.add_run(
                execution,
                "load",
                [(State.CREATED, until), (State.SUCCESS, until + 0.03)],
                parent_id=loop.id,
                value=value,
                iteration=index,
                attempts=attempts(start, (State.SUCCESS, until, until + 0.03)),
            )
    daemon.add_run(
        execution,
        "alert",
        [(State.CREATED, 21.2), (State.SUCCESS, 21.38)],
        attempts=attempts(start, (State.SUCCESS, 21.21, 21.38)),
    )
    runs = list(execution.task_runs.values())
    lines = [
        (0, LogLevel.INFO, "GET https://shop.example.org/orders/2026-11-21.csv", 0.11, 1),
        (0, LogLevel.ERROR, wrong, 2.2, 1),
        (0, LogLevel.WARN, "Attempt 1 failed; the next one begins in PT2S", 2.21, 1),
        (0, LogLevel.INFO, "200 OK, 1 MiB in 4.9 s", 9.2, 2),
        *((2, LogLevel.DEBUG, f"chunk {number}: 421 rows, all good", 9.6 + number * 0.5, 1) for number in range(9)),
        (4, LogLevel.INFO, "chunk 1: 421 rows", 10.4, 1),
        (
            4,
            LogLevel.ERROR,
            'Traceback (most recent call last):\n  File "script.py", line 12, in <module>\n    row = parse(line)\nValueError: row 3811 has 7 columns, expected 9',
            20.7,
            1,
        ),
        (5, LogLevel.INFO, "Told #data-alerts: nightly-orders failed", 21.3, 1),
    ]
    for index, level, message, after, attempt in lines:
        run = runs[min(index, len(runs) - 1)]
        daemon.add_log(
            execution,
            message,
            level=level,
            at=start + timedelta(seconds=after),
            task_id=run.task_id,
            task_run_id=run.id,
            attempt=attempt,
        )
    return execution


def add_running(daemon: MemoryDaemon, key: FlowKey, now: datetime) -> Execution:
    start = now - timedelta(seconds=74)
    execution = daemon.add_execution(
        key,
        [(State.CREATED, 0), (State.RUNNING, 0.02)],
        started=start,
        inputs={"day": "2026-11-22"},
        labels={"team": "data"},
    )
    daemon.add_run(
        execution,
        "fetch",
        [(State.CREATED, 0), (State.SUCCESS, 30)],
        attempts=attempts(start, (State.SUCCESS, 0.1, 30)),
    )
    loop = daemon.add_run(execution, "regions", [(State.CREATED, 30), (State.RUNNING, 30.1)], progress=Progress())
    daemon.add_run(
        execution,
        "transform",
        [(State.CREATED, 31), (State.RUNNING, 31)],
        parent_id=loop.id,
        value="north",
        attempts=attempts(start, (State.RUNNING, 31, 0)),
    )
    daemon.add_log(execution, "GET https://shop.example.org/orders", at=start, task_id="fetch")
    paused = daemon.add_execution(
        FlowKey("company.data", "inbox"),
        [(State.CREATED, 0), (State.RUNNING, 1), (State.PAUSED, 4)],
        started=start - timedelta(hours=1),
    )
    for _ in range(3):
        daemon.add_execution(
            FlowKey("company.data", "fan-out"),
            [(State.CREATED, 0), (State.RUNNING, 0.01), (State.SUCCESS, 2)],
            started=start,
            trigger=TriggeredBy(
                id="regions",
                type="io.kestra.plugin.core.flow.Subflow",
                variables={"executionId": execution.id, "namespace": key.namespace, "flowId": key.flow_id},
            ),
        )
    for name, kind, value in (
        ("limit", "NUMBER", 10_000),
        ("regions", "JSON", ["north", "south"]),
        ("note", "STRING", "x" * 400),
    ):
        daemon.entries["company.shop", name] = KeyValue(
            namespace="company.shop",
            key=name,
            kind=kind,
            value=value,
            version=3,
            updated_at=now,
            description="Of the shop",
        )
    daemon.pauses[paused.id] = (
        Input(id="approved", type="BOOL", description="May the file `orders.csv` go in?"),
        Input(id="reason", type="STRING", required=False),
    )
    daemon.add_execution(FlowKey("company.data", "fan-out"), [(State.CREATED, 0), (State.QUEUED, 0.01)], started=start)
    asks = daemon.add_execution(
        FlowKey("company.data", "fan-out"), [(State.CREATED, 0), (State.RUNNING, 1), (State.PAUSED, 2)], started=start
    )
    daemon.reviews[asks.id] = (
        OpenReview(
            task_run_id=TaskRunId(f"{asks.id}-0"),
            task_id="release",
            description="Version **2.4.1** is on staging: look at the [checks](https://example.org) first.",
            approve="Ship it",
            deny="Hold",
            comment_required=CommentRequired.ON_DENY,
            inputs=(Input(id="percent", type="INT", display_name="Share of users", description="At first."),),
            due=now + timedelta(hours=36),
        ),
    )
    daemon.possible[asks.id] = frozenset({Kill, Restart, ChangeStatus, SetTaskRunState})
    return execution


def main(port: int) -> None:
    daemon = sample(datetime.now(UTC))
    running = next(each for each in daemon.executions.values() if each.state is State.RUNNING)

    class Ticking(MemoryDaemon):
        def now(self) -> datetime:
            return datetime.now(UTC)

    daemon.__class__ = Ticking

    async def serve() -> None:
        server = uvicorn.Server(
            uvicorn.Config(app_of(daemon), port=port, log_level="warning", timeout_graceful_shutdown=2)
        )
        serving = asyncio.create_task(server.serve())
        number = 0
        while not serving.done():
            number += 1
            daemon.add_log(running, f"row {number * 421} is fine", at=datetime.now(UTC), task_id="transform")
            await asyncio.wait({serving}, timeout=3)

    asyncio.run(serve())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8099)
