"""One flow with a webhook, an input and a trigger, in a daemon that lives in memory."""

from collections.abc import Iterator

import pytest
from segue.model.flow import Flow, Input
from segue.model.revision import FlowKey
from segue.model.trigger import Schedule, Trigger, Webhook
from starlette.testclient import TestClient

from tests.support.web import MemoryDaemon, app_of, log_task

KEY = FlowKey("company.team", "hello")
SOURCE = "id: hello\nnamespace: company.team\n"


@pytest.fixture
def daemon() -> MemoryDaemon:
    daemon = MemoryDaemon()
    hook = Trigger(id="hook", type="io.kestra.plugin.core.trigger.Webhook", body=Webhook(key="s3cret-key"))
    night = Trigger(id="night", type="io.kestra.plugin.core.trigger.Schedule", body=Schedule(cron="0 2 * * *"))
    daemon.add_flow(
        Flow(
            namespace=KEY.namespace,
            id=KEY.flow_id,
            tasks=(log_task("greet"), log_task("part")),
            inputs=(Input(id="name", type="STRING"), Input(id="data", type="FILE", required=False)),
            labels={"team": "web"},
            triggers=(hook, night),
        ),
        SOURCE,
    )
    return daemon


@pytest.fixture
def client(daemon: MemoryDaemon) -> Iterator[TestClient]:
    with TestClient(app_of(daemon), base_url="http://localhost:8080", raise_server_exceptions=True) as client:
        yield client
