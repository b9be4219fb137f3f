"""`email.MailSend` and `email.MailExecution`: one message through an SMTP server."""

import smtplib
import ssl
from collections.abc import Iterable
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.utils import formatdate, getaddresses, make_msgid
from html import escape
from typing import Any, Final

from segue.spec.types.plugins.mail import Attachment, MailExecution, MailSend, MailServer
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins.summary import Summary, summary_of

ATTACHMENT_BYTES_MAX: Final = 50 << 20  # of one file; a message is held in memory
_PORTS: Final = {"SMTPS": 465, "SMTP_TLS": 587, "SMTP": 25}
_INSTEAD_OF_TEXT: Final = "This message is HTML, which your mail program does not show."


def send(properties: MailSend, context: TaskContext) -> Result:
    _deliver(_message(properties, context, properties.plain_text_content, properties.html_text_content), properties)
    return Result()


def send_execution(properties: MailExecution, context: TaskContext) -> Result:
    summary = summary_of(properties, context)
    message = _message(properties, context, summary.lines(), _html(summary), subject=summary.title)
    _deliver(message, properties)
    return Result()


def _html(summary: Summary) -> str:
    rows = "".join(
        f"<tr><th align=left>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in summary.rows()
    )
    title = escape(summary.title)
    if summary.link:
        title = f'<a href="{escape(summary.link)}">{title}</a>'
    message = f"<p>{escape(summary.message)}</p>" if summary.message else ""
    return f'<h2 style="color:#{summary.color:06X}">{title}</h2>{message}<table>{rows}</table>'


def _message(
    properties: MailServer, context: TaskContext, text: str | None, html: str | None, subject: str = ""
) -> EmailMessage:
    message = EmailMessage()
    try:
        message["From"] = _addresses(properties.from_)
        message["To"] = _addresses(properties.to)
        if properties.cc:
            message["Cc"] = _addresses(properties.cc)
        message["Subject"] = (properties.subject or subject).strip()
    except (ValueError, MessageError) as error:
        raise TaskFailed(f"The message cannot be addressed: {error}") from error
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = make_msgid()
    if html is None:
        message.set_content(text or "")
    else:
        message.set_content(text or _INSTEAD_OF_TEXT)
        message.add_alternative(html, subtype="html")
        _embed(message, properties.embedded_images or (), context)
    for each in properties.attachments or ():
        main, _, sub = each.content_type.partition("/")
        message.add_attachment(
            _content(each, context), maintype=main, subtype=sub or "octet-stream", filename=each.name
        )
    return message


def _embed(message: EmailMessage, images: Iterable[Attachment], context: TaskContext) -> None:
    html = message.get_body(("html",))
    assert isinstance(html, MIMEPart)
    for image in images:
        main, _, sub = image.content_type.partition("/")
        if main != "image":
            main, sub = "image", image.name.rpartition(".")[2].lower() or "png"
        html.add_related(
            _content(image, context), maintype=main, subtype=sub, cid=f"<{image.name}>", filename=image.name
        )


def _content(attachment: Attachment, context: TaskContext) -> bytes:
    with context.open_file(attachment.uri) as file:
        content = file.read(ATTACHMENT_BYTES_MAX + 1)
    if len(content) > ATTACHMENT_BYTES_MAX:
        raise TaskFailed(f"The attachment {attachment.name!r} is larger than {ATTACHMENT_BYTES_MAX >> 20} MiB")
    return content


def _addresses(text: str) -> list[Address]:
    """Semicolons and commas stand between them."""
    found = getaddresses([text.replace(";", ",").strip(" ,\n")])
    return [Address(display_name=name, addr_spec=address) for name, address in found]


def _deliver(message: EmailMessage, properties: MailServer) -> None:
    receivers = [properties.to, properties.cc or "", properties.bcc or ""]
    addresses = [each.addr_spec for text in receivers if text.strip() for each in _addresses(text)]
    server = f"{properties.host}:{_port(properties)}"
    try:
        with _connected(properties) as connection:
            if properties.username is not None:
                connection.login(properties.username, properties.password or "")
            refused = connection.send_message(message, to_addrs=addresses)
    except (smtplib.SMTPException, OSError) as error:
        raise TaskFailed(f"The mail server {server} did not take the message: {error}") from error
    if refused:
        raise TaskFailed(f"The mail server {server} refused {', '.join(refused)}; the others got the message")


def _port(properties: MailServer) -> int:
    return properties.port or _PORTS[properties.transport_strategy]


def _connected(properties: MailServer) -> smtplib.SMTP:
    seconds = properties.session_timeout / 1000
    certificates = ssl.create_default_context()
    if properties.trust_all_certificates:
        certificates.check_hostname = False
        certificates.verify_mode = ssl.CERT_NONE
    if properties.transport_strategy == "SMTPS":
        return smtplib.SMTP_SSL(properties.host, _port(properties), timeout=seconds, context=certificates)
    connection = smtplib.SMTP(properties.host, _port(properties), timeout=seconds)
    try:
        connection.ehlo()
        if properties.transport_strategy == "SMTP_TLS" or connection.has_extn("starttls"):
            connection.starttls(context=certificates)
            connection.ehlo()
    except BaseException:
        connection.close()
        raise
    return connection


KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name="io.kestra.plugin.email.MailSend", properties=MailSend, run=send),
    TaskKind(name="io.kestra.plugin.email.MailExecution", properties=MailExecution, run=send_execution),
)
