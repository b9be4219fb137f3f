"""Properties of tasks that tell people something: chat webhooks, Telegram, alerts.

For each kind of chat there is a webhook task, which sends what its author wrote, and an execution task, which sends a
summary of an execution.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Text, Values
from segue.spec.types.http import HttpOptions


class NotificationOptions(HttpOptions):
    """How the request is made."""

    headers: Dynamic[dict[str, Any]] | None = Field(default=None, description="Headers by name.")


class Webhook(Spec):
    """Where a message goes."""

    url: Dynamic[Text] = Field(min_length=1, description="Address of the incoming webhook.")
    options: NotificationOptions | None = Field(default=None, description="How the request is made.")


class IncomingWebhook(Webhook):
    """Sends a message to an incoming webhook."""

    payload: Text | Values | list[Any] | None = Field(
        default=None, description="What is sent: JSON as text, or as a map."
    )
    message_text: Dynamic[Text] | None = Field(default=None, description="A plain message, instead of `payload`.")


class AboutExecution(Spec):
    """What every execution task says of its summary."""

    execution_id: Dynamic[Text] | None = Field(
        default=None, description="The execution that the message is about; default: the running one."
    )
    custom_message: Dynamic[Text] | None = Field(default=None, description="Text to go with the summary.")
    custom_fields: Dynamic[Values] | None = Field(default=None, description="Names and values to go with the summary.")


class ExecutionWebhook(Webhook, AboutExecution):
    """Sends a summary of an execution to an incoming webhook."""


class SlackExecution(ExecutionWebhook):
    """Sends a summary of an execution to Slack."""

    channel: Dynamic[Text] | None = Field(default=None, description="Channel; only old webhooks heed it.")
    username: Dynamic[Text] | None = Field(default=None, description="Author; only old webhooks heed it.")
    icon_url: Dynamic[Text] | None = Field(default=None, description="Icon; only old webhooks heed it.")
    icon_emoji: Dynamic[Text] | None = Field(default=None, description="Emoji as icon; only old webhooks heed it.")


class DiscordEmbed(Spec):
    """A box in a Discord message."""

    title: Dynamic[Text] | None = Field(default=None, description="Title.")
    website_url: Dynamic[Text] | None = Field(default=None, description="Where the title leads.")
    description: Dynamic[Text] | None = Field(default=None, description="Text.")
    thumbnail: Dynamic[Text] | None = Field(default=None, description="Address of a small image.")
    author_name: Dynamic[Text] | None = Field(default=None, description="Author.")
    color: Dynamic[list[int]] | None = Field(default=None, description="Red, green and blue, 0 to 255.")
    footer: Dynamic[Text] | None = Field(default=None, description="Text at the foot.")


class DiscordExecution(ExecutionWebhook):
    """Sends a summary of an execution to Discord."""

    username: Dynamic[Text] | None = Field(default=None, description="Name that the message comes from.")
    avatar_url: Dynamic[Text] | None = Field(default=None, description="Address of the image beside the name.")
    content: Dynamic[Text] | None = Field(default=None, description="Text of the message above the summary.")
    embed_list: list[DiscordEmbed] | None = Field(default=None, description="Boxes below the summary.")


class TeamsExecution(ExecutionWebhook):
    """Sends a summary of an execution to Microsoft Teams."""

    theme_color: Dynamic[Text] = Field(default="0076D7", description="Colour of the card, as hexadecimal digits.")
    activity_title: Dynamic[Text] | None = Field(default=None, description="Title of the card.")
    activity_subtitle: Dynamic[Text] | None = Field(default=None, description="Line below the title.")


class GoogleChatExecution(ExecutionWebhook):
    """Sends a summary of an execution to Google Chat."""

    text: Dynamic[Text] | None = Field(default=None, description="The message, in place of the summary.")


class Telegram(Spec):
    """Where a message in Telegram goes."""

    token: Dynamic[Text] = Field(description="Token of the bot.")
    channel: Dynamic[Text] = Field(description="Id of the chat, or name of the channel.")
    endpoint_override: Dynamic[Text] | None = Field(default=None, description="Another address of the bot API.")
    options: NotificationOptions | None = Field(default=None, description="How the request is made.")


class TelegramSend(Telegram):
    """Sends a message with a Telegram bot."""

    payload: Dynamic[Text] = Field(description="The message.")
    parse_mode: Dynamic[Text] | None = Field(default=None, description="How the text is marked up: HTML, MarkdownV2.")


class TelegramExecution(Telegram, AboutExecution):
    """Sends a summary of an execution with a Telegram bot."""


class Alert(Webhook):
    """Sends an event to an alerting service."""

    payload: Text | Values = Field(description="What is sent: JSON as text, or as a map.")


class OpsgenieAlert(Alert):
    """Sends an alert to Opsgenie."""

    url: Dynamic[Text] = Field(default="https://api.opsgenie.com/v2/alerts", description="Address of the alert API.")
    authorization_token: Dynamic[Text] = Field(description="The API key.")


class PagerDutyAlert(Alert):
    """Sends an event to PagerDuty."""

    url: Dynamic[Text] = Field(
        default="https://events.pagerduty.com/v2/enqueue", description="Address of the events API."
    )


TYPES: Final[Mapping[str, type[Spec]]] = {
    "slack.notifications.SlackIncomingWebhook": IncomingWebhook,
    "slack.notifications.SlackExecution": SlackExecution,
    "discord.DiscordIncomingWebhook": IncomingWebhook,
    "discord.DiscordExecution": DiscordExecution,
    "microsoft365.teams.TeamsIncomingWebhook": IncomingWebhook,
    "microsoft365.teams.TeamsExecution": TeamsExecution,
    "googleworkspace.chat.GoogleChatIncomingWebhook": IncomingWebhook,
    "googleworkspace.chat.GoogleChatExecution": GoogleChatExecution,
    "telegram.TelegramSend": TelegramSend,
    "telegram.TelegramExecution": TelegramExecution,
    "opsgenie.OpsgenieAlert": OpsgenieAlert,
    "pagerduty.PagerDutyAlert": PagerDutyAlert,
    "zenduty.ZendutyAlert": Alert,
}
