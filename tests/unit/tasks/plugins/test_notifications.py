"""Notifications: what is sent, to a server on this machine, and how an execution is put into words."""

import json
from typing import Any

import pytest
from segue.spec.catalogue import BUILT_IN
from segue.spec.types.plugins.notifications import (
    DiscordExecution,
    GoogleChatExecution,
    SlackExecution,
    TeamsExecution,
)
from segue.tasks.plugins import notifications
from segue.tasks.plugins.summary import Summary

from tests.unit.tasks.plugins.conftest import Chat, Workbench

WEBHOOKS = {
    "slack.notifications.SlackIncomingWebhook": "text",
    "discord.DiscordIncomingWebhook": "content",
    "microsoft365.teams.TeamsIncomingWebhook": "text",
    "googleworkspace.chat.GoogleChatIncomingWebhook": "text",
}


@pytest.mark.parametrize(("task_type", "key"), WEBHOOKS.items(), ids=WEBHOOKS.keys())
def test_a_plain_message_is_put_into_the_json_of_its_chat(
    bench: Workbench, chat: Chat, task_type: str, key: str
) -> None:
    bench.outputs(task_type, url=f"{chat.url}/hook", messageText='say "hi"\nto all')
    assert json.loads(chat.received[0].body) == {key: 'say "hi"\nto all'}
    assert chat.received[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("payload", ['{"text": "hi", "n": 1}', {"text": "hi", "n": 1}], ids=["text", "map"])
def test_a_payload_is_sent_as_it_is_written(bench: Workbench, chat: Chat, payload: Any) -> None:
    bench.outputs("slack.notifications.SlackIncomingWebhook", url=f"{chat.url}/hook", payload=payload)
    assert json.loads(chat.received[0].body) == {"text": "hi", "n": 1}


def test_headers_of_the_options_are_sent(bench: Workbench, chat: Chat) -> None:
    options = {"headers": {"X-Team": "data"}, "readTimeout": "PT5S"}
    bench.outputs("discord.DiscordIncomingWebhook", url=f"{chat.url}/hook", messageText="hi", options=options)
    assert chat.received[0].headers["x-team"] == "data"


def test_a_refused_message_is_a_failure_with_what_the_chat_said(bench: Workbench, chat: Chat) -> None:
    said = bench.failure("slack.notifications.SlackIncomingWebhook", url=f"{chat.url}/refused", payload="{}")
    assert "400" in said
    assert "invalid_payload" in said


def test_nothing_to_send_is_a_failure(bench: Workbench, chat: Chat) -> None:
    said = bench.failure("slack.notifications.SlackIncomingWebhook", url=f"{chat.url}/hook")
    assert said == "There is nothing to send: give `payload` or `messageText`"
    assert not chat.received


def test_telegram_gets_the_message_for_the_chat_and_the_token_is_hidden(bench: Workbench, chat: Chat) -> None:
    properties = {"token": "123:very-secret", "channel": "@news", "payload": "hi", "endpointOverride": chat.url}
    bench.outputs("telegram.TelegramSend", **properties)
    assert chat.received[0].path == "/bot123:very-secret/sendMessage"
    assert json.loads(chat.received[0].body) == {"chat_id": "@news", "text": "hi"}
    refused = bench.run("telegram.TelegramSend", **properties | {"endpointOverride": "http://127.0.0.1:1"})
    assert "very-secret" not in f"{refused.text} {refused.ended.failure}"


def test_alerts_are_posted_with_their_key(bench: Workbench, chat: Chat) -> None:
    url = f"{chat.url}/hook"
    bench.outputs("opsgenie.OpsgenieAlert", url=url, payload={"message": "down"}, authorizationToken="k")
    bench.outputs("pagerduty.PagerDutyAlert", url=url, payload='{"event_action": "trigger"}')
    assert chat.received[0].headers["authorization"] == "GenieKey k"
    assert [json.loads(each.body) for each in chat.received] == [{"message": "down"}, {"event_action": "trigger"}]


ALIASES = {
    "notifications.slack.SlackIncomingWebhook": "slack.notifications.SlackIncomingWebhook",
    "notifications.slack.SlackExecution": "slack.notifications.SlackExecution",
    "notifications.discord.DiscordExecution": "discord.DiscordExecution",
    "notifications.teams.TeamsIncomingWebhook": "microsoft365.teams.TeamsIncomingWebhook",
    "notifications.google.GoogleChatIncomingWebhook": "googleworkspace.chat.GoogleChatIncomingWebhook",
    "notifications.telegram.TelegramSend": "telegram.TelegramSend",
    "notifications.mail.MailSend": "email.MailSend",
}


@pytest.mark.parametrize(("old", "new"), ALIASES.items(), ids=ALIASES.keys())
def test_older_names_mean_the_same_types(old: str, new: str) -> None:
    entry = BUILT_IN.resolve(f"io.kestra.plugin.{old}")
    assert entry is not None
    assert entry.name == f"io.kestra.plugin.{new}"


FAILED = Summary(
    id="abc",
    namespace="company.team",
    flow_id="orders",
    state="FAILED",
    started="2026-01-02T03:04:05Z",
    duration="1m 2s",
    last_task="load",
    has_failed=True,
    link="https://segue.example/executions/abc",
    message="Look <here>",
    custom_fields={"Shop": 7},
)
ROWS = [
    ("Namespace", "company.team"),
    ("Flow", "orders"),
    ("Execution", "abc"),
    ("State", "FAILED"),
    ("Started", "2026-01-02T03:04:05Z"),
    ("Duration", "1m 2s"),
    ("Failed task", "load"),
    ("Shop", "7"),
]


def test_slack_shows_an_execution_as_fields_below_a_link() -> None:
    message = notifications.slack_message(SlackExecution(url="x", channel="#alerts"), FAILED)
    assert message["channel"] == "#alerts"
    assert message["text"] == "<https://segue.example/executions/abc|company.team.orders: FAILED>\nLook <here>"
    fields = message["attachments"][0]["fields"]
    assert [(each["title"], each["value"]) for each in fields] == ROWS


def test_discord_shows_an_execution_as_a_box_and_more_boxes_below() -> None:
    boxes = [{"title": "T", "color": [1, 2, 3], "footer": "F"}]
    properties = DiscordExecution.of_rendered({"url": "x", "username": "Segue", "embedList": boxes})
    message = notifications.discord_message(properties, FAILED)
    assert message["username"] == "Segue"
    assert [(each["name"], each["value"]) for each in message["embeds"][0]["fields"]] == ROWS
    assert message["embeds"][0]["url"] == FAILED.link
    assert message["embeds"][1] == {"title": "T", "color": 0x010203, "footer": {"text": "F"}}


def test_teams_shows_an_execution_as_a_card() -> None:
    card = notifications.teams_message(TeamsExecution(url="x", activitySubtitle="sub"), FAILED)
    section = card["sections"][0]
    assert (section["activityTitle"], section["activitySubtitle"]) == ("company.team.orders: FAILED", "sub")
    assert [(each["name"], each["value"]) for each in section["facts"]] == ROWS
    assert card["potentialAction"][0]["targets"][0]["uri"] == FAILED.link


def test_google_chat_shows_an_execution_as_text_unless_there_is_one() -> None:
    text = notifications.google_chat_message(GoogleChatExecution(url="x"), FAILED)["text"]
    assert text.splitlines()[:2] == ["company.team.orders: FAILED", "Look <here>"]
    assert text.splitlines()[-1] == FAILED.link
    assert notifications.google_chat_message(GoogleChatExecution(url="x", text="mine"), FAILED) == {"text": "mine"}
