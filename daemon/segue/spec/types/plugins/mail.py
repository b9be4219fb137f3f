"""Properties of the tasks that send e-mail."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Spec, Text
from segue.spec.types.plugins.notifications import AboutExecution


class Attachment(Spec):
    """A file that goes with the message."""

    name: Dynamic[Text] = Field(description="Its name in the message.")
    uri: Dynamic[Text] = Field(description="Its URI in internal storage.")
    content_type: Dynamic[Text] = Field(default="application/octet-stream", description="Its content type.")


class MailServer(Spec):
    """Who sends, to whom, through which server."""

    host: Dynamic[Text] = Field(description="The mail server.")
    port: Dynamic[PositiveInt] | None = Field(default=None, description="Its port; default as the transport has it.")
    username: Dynamic[Text] | None = Field(default=None, description="User at the server.")
    password: Dynamic[Text] | None = Field(default=None, description="Password at the server.")
    transport_strategy: Dynamic[Literal["SMTPS", "SMTP_TLS", "SMTP"]] = Field(
        default="SMTPS",
        description="SMTPS: encrypted from the start; SMTP_TLS: STARTTLS or nothing; SMTP: STARTTLS if offered.",
    )
    session_timeout: Dynamic[PositiveInt] = Field(default=10_000, description="Milliseconds to wait for the server.")
    trust_all_certificates: Dynamic[bool] = Field(default=False, description="Accept every certificate.")
    from_: Dynamic[Text] = Field(alias="from", description="Address of the sender.")
    to: Dynamic[Text] = Field(description="Addresses of those it goes to, with semicolons between.")
    cc: Dynamic[Text] | None = Field(default=None, description="Addresses of those that get a copy.")
    bcc: Dynamic[Text] | None = Field(default=None, description="Addresses of those that get a copy unseen.")
    subject: Dynamic[Text] | None = Field(default=None, description="Subject.")
    attachments: Dynamic[list[Attachment]] | None = Field(default=None, description="Files that go with it.")
    embedded_images: Dynamic[list[Attachment]] | None = Field(
        default=None, description="Images that the HTML names as `cid:<name>`."
    )


class MailSend(MailServer):
    """Sends an e-mail."""

    html_text_content: Dynamic[Text] | None = Field(default=None, description="The message as HTML.")
    plain_text_content: Dynamic[Text] | None = Field(default=None, description="The message as plain text.")


class MailExecution(MailServer, AboutExecution):
    """Sends a summary of an execution by e-mail."""


TYPES: Final[Mapping[str, type[Spec]]] = {
    "email.MailSend": MailSend,
    "email.MailExecution": MailExecution,
}
