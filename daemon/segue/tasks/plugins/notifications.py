"""Notifications by HTTP: incoming webhooks of chats, Telegram's bots, alerting services.

What differs between two chats is the JSON of a message; sending it is one function.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from segue.spec.types.http import HttpRequest
from segue.spec.types.plugins.notifications import (
    Alert,
    DiscordEmbed,
    DiscordExecution,
    ExecutionWebhook,
    GoogleChatExecution,
    IncomingWebhook,
    NotificationOptions,
    OpsgenieAlert,
    PagerDutyAlert,
    SlackExecution,
    TeamsExecution,
    Telegram,
    TelegramExecution,
    TelegramSend,
)
from segue.tasks import http
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins.summary import Summary, summary_of

TELEGRAM: Final = "https://api.telegram.org"
_DISCORD_TEXT_MAX: Final = 2_000  # what Discord takes in `content`
_TELEGRAM_TEXT_MAX: Final = 4_096

W = TypeVar("W", bound=ExecutionWebhook)
Json = dict[str, Any]


def post(
    url: str,
    payload: object,
    options: NotificationOptions | None,
    context: TaskContext,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Sends JSON; a text is sent as it is. A status of 400 and above is a failure with what the server says."""
    body = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    given = (options.headers if options is not None else None) or {}
    call = HttpRequest(uri=url, method="POST", body=body, options=options, headers={**given, **(headers or {})})
    http.request(call, context)


# What authors write themselves -------------------------------------------------------------------------------------


def _webhook(text_key: str) -> Callable[[IncomingWebhook, TaskContext], Result]:
    """`text_key`: what a plain message is called in the JSON of that chat."""

    def send(properties: IncomingWebhook, context: TaskContext) -> Result:
        if properties.payload is None and properties.message_text is None:
            raise TaskFailed("There is nothing to send: give `payload` or `messageText`")
        payload = properties.payload
        if payload is None or payload == "":
            payload = {text_key: properties.message_text}
        elif properties.message_text is not None:
            payload = {**_object(payload), text_key: properties.message_text}
        post(properties.url, payload, properties.options, context)
        return Result()

    return send


def _object(payload: object) -> Json:
    try:
        read = json.loads(payload) if isinstance(payload, str) else payload
    except ValueError as error:
        raise TaskFailed(f"payload: it is no JSON, so that `messageText` cannot be put into it: {error}") from error
    if not isinstance(read, dict):
        raise TaskFailed("payload: only a map can have a `messageText`")
    return read


def alert(properties: Alert, context: TaskContext) -> Result:
    post(properties.url, properties.payload, properties.options, context)
    return Result()


def opsgenie_alert(properties: OpsgenieAlert, context: TaskContext) -> Result:
    key = properties.authorization_token.removeprefix("GenieKey ")
    headers = {"Authorization": f"GenieKey {key}"}
    post(properties.url, properties.payload, properties.options, context, headers)
    return Result()


def telegram_send(properties: TelegramSend, context: TaskContext) -> Result:
    _to_telegram(properties, properties.payload, context, properties.parse_mode)
    return Result()


def _to_telegram(properties: Telegram, text: str, context: TaskContext, parse_mode: str | None = None) -> None:
    context.masker.hide(properties.token)
    url = f"{(properties.endpoint_override or TELEGRAM).rstrip('/')}/bot{properties.token}/sendMessage"
    message = {"chat_id": properties.channel, "text": text[:_TELEGRAM_TEXT_MAX]}
    post(url, message | ({"parse_mode": parse_mode} if parse_mode else {}), properties.options, context)


# Summaries of executions -------------------------------------------------------------------------------------------


def _execution(shape: Callable[[W, Summary], Json]) -> Callable[[W, TaskContext], Result]:
    def send(properties: W, context: TaskContext) -> Result:
        post(properties.url, shape(properties, summary_of(properties, context)), properties.options, context)
        return Result()

    return send


def slack_message(properties: SlackExecution, summary: Summary) -> Json:
    title = f"<{summary.link}|{_slack(summary.title)}>" if summary.link else _slack(summary.title)
    fields = [{"title": name, "value": value, "short": True} for name, value in summary.rows()]
    attachment = {"color": f"#{summary.color:06X}", "fallback": summary.title, "fields": fields}
    look = {
        "channel": properties.channel,
        "username": properties.username,
        "icon_url": properties.icon_url,
        "icon_emoji": properties.icon_emoji,
    }
    text = "\n".join(part for part in (title, summary.message) if part)
    return {"text": text, "attachments": [attachment]} | {name: value for name, value in look.items() if value}


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def discord_message(properties: DiscordExecution, summary: Summary) -> Json:
    about: Json = {
        "title": summary.title,
        "color": summary.color,
        "fields": [{"name": name, "value": value, "inline": True} for name, value in summary.rows()],
    }
    if summary.message:
        about["description"] = summary.message
    if summary.link:
        about["url"] = summary.link
    boxes = [_discord_box(each, properties.avatar_url) for each in properties.embed_list or ()]
    message: Json = {"tts": False, "embeds": [about, *boxes]}
    look = {"username": properties.username, "avatar_url": properties.avatar_url}
    if properties.content:
        message["content"] = properties.content[:_DISCORD_TEXT_MAX]
    return message | {name: value for name, value in look.items() if value}


def _discord_box(embed: DiscordEmbed, avatar: str | None) -> Json:
    box: Json = {"title": embed.title, "description": embed.description, "url": embed.website_url}
    if embed.thumbnail:
        box["thumbnail"] = {"url": embed.thumbnail}
    if embed.author_name:
        author = {"name": embed.author_name, "url": embed.website_url, "icon_url": avatar}
        box["author"] = {name: value for name, value in author.items() if value}
    if embed.color and len(embed.color) == 3:
        red, green, blue = embed.color
        box["color"] = red << 16 | green << 8 | blue
    if embed.footer:
        box["footer"] = {"text": embed.footer}
    return {name: value for name, value in box.items() if value is not None}


def teams_message(properties: TeamsExecution, summary: Summary) -> Json:
    section = {
        "activityTitle": properties.activity_title or summary.title,
        "activitySubtitle": properties.activity_subtitle or "",
        "text": summary.message,
        "facts": [{"name": name, "value": value} for name, value in summary.rows()],
        "markdown": True,
    }
    card: Json = {
        "@type": "MessageCard",
        "@context": "https://schema.org/extensions",
        "themeColor": properties.theme_color,
        "summary": summary.title,
        "sections": [section],
    }
    if summary.link:
        target = {"os": "default", "uri": summary.link}
        card["potentialAction"] = [{"@type": "OpenUri", "name": "Open the execution", "targets": [target]}]
    return card


def google_chat_message(properties: GoogleChatExecution, summary: Summary) -> Json:
    return {"text": properties.text or summary.lines()}


def telegram_execution(properties: TelegramExecution, context: TaskContext) -> Result:
    _to_telegram(properties, summary_of(properties, context).lines(), context)
    return Result()


_PREFIX = "io.kestra.plugin."
_TEAMS = _PREFIX + "microsoft365.teams."
_GOOGLE = _PREFIX + "googleworkspace.chat."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(
        name=_PREFIX + "slack.notifications.SlackIncomingWebhook", properties=IncomingWebhook, run=_webhook("text")
    ),
    TaskKind(
        name=_PREFIX + "slack.notifications.SlackExecution", properties=SlackExecution, run=_execution(slack_message)
    ),
    TaskKind(name=_PREFIX + "discord.DiscordIncomingWebhook", properties=IncomingWebhook, run=_webhook("content")),
    TaskKind(name=_PREFIX + "discord.DiscordExecution", properties=DiscordExecution, run=_execution(discord_message)),
    TaskKind(name=_TEAMS + "TeamsIncomingWebhook", properties=IncomingWebhook, run=_webhook("text")),
    TaskKind(name=_TEAMS + "TeamsExecution", properties=TeamsExecution, run=_execution(teams_message)),
    TaskKind(name=_GOOGLE + "GoogleChatIncomingWebhook", properties=IncomingWebhook, run=_webhook("text")),
    TaskKind(name=_GOOGLE + "GoogleChatExecution", properties=GoogleChatExecution, run=_execution(google_chat_message)),
    TaskKind(name=_PREFIX + "telegram.TelegramSend", properties=TelegramSend, run=telegram_send),
    TaskKind(name=_PREFIX + "telegram.TelegramExecution", properties=TelegramExecution, run=telegram_execution),
    TaskKind(name=_PREFIX + "opsgenie.OpsgenieAlert", properties=OpsgenieAlert, run=opsgenie_alert),
    TaskKind(name=_PREFIX + "pagerduty.PagerDutyAlert", properties=PagerDutyAlert, run=alert),
    TaskKind(name=_PREFIX + "zenduty.ZendutyAlert", properties=Alert, run=alert),
)
