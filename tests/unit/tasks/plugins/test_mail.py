"""E-mail through a real SMTP conversation on this machine."""

import base64
from typing import Any

from tests.unit.tasks.plugins.conftest import Workbench
from tests.unit.tasks.plugins.smtp import MailServer, mail_server

LETTER = {"from": "Segue <segue@example.com>", "to": "ada@example.com", "transportStrategy": "SMTP"}


def letter(server: MailServer, **more: Any) -> dict[str, Any]:
    return LETTER | {"host": "127.0.0.1", "port": server.port} | more


def test_a_message_goes_to_all_that_are_named(bench: Workbench) -> None:
    with mail_server() as server:
        to = "ada@example.com; Bob <bob@example.com>"
        bench.outputs("email.MailSend", **letter(server, to=to, cc="c@example.com", bcc="d@example.com", subject="Hé"))
    assert server.receivers == ["ada@example.com", "bob@example.com", "c@example.com", "d@example.com"]
    message = server.messages[0]
    assert (message["From"], message["Subject"]) == ("Segue <segue@example.com>", "Hé")
    assert message["Bcc"] is None


def test_text_html_images_and_attachments_are_parts_of_it(bench: Workbench) -> None:
    uri = bench.put("data.csv", "a,b\n")
    image = bench.put("logo.png", b"\x89PNG")
    with mail_server() as server:
        bench.outputs(
            "email.MailSend",
            **letter(
                server,
                htmlTextContent="<b>hi</b>",
                plainTextContent="hi",
                attachments=[{"name": "data.csv", "uri": uri, "contentType": "text/csv"}],
                embeddedImages=[{"name": "logo", "uri": image, "contentType": "image/png"}],
            ),
        )
    message = server.messages[0]
    types = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert types == ["text/plain", "text/html", "image/png", "text/csv"]
    attached = next(message.iter_attachments())
    assert (attached.get_filename(), attached.get_payload(decode=True)) == ("data.csv", b"a,b\n")


def test_attachments_may_come_from_an_expression_as_json(bench: Workbench) -> None:
    uri = bench.put("a.txt", "text")
    with mail_server() as server:
        bench.outputs("email.MailSend", **letter(server, attachments=f'[{{"name": "a.txt", "uri": "{uri}"}}]'))
    assert [part.get_filename() for part in server.messages[0].iter_attachments()] == ["a.txt"]


def test_a_user_logs_in(bench: Workbench) -> None:
    with mail_server() as server:
        bench.outputs("email.MailSend", **letter(server, username="ada", password="pw", plainTextContent="hi"))
    assert [base64.b64decode(each) for each in server.logins] == [b"\0ada\0pw"]


def test_a_server_that_refuses_is_a_failure(bench: Workbench) -> None:
    with mail_server() as server:
        said = bench.failure("email.MailSend", **letter(server, to="nobody@example.com"))
        some = bench.failure("email.MailSend", **letter(server, to="nobody@example.com;ada@example.com"))
    assert "no such user" in said
    assert some.endswith("refused nobody@example.com; the others got the message")


def test_a_server_without_starttls_gets_nothing_from_smtp_tls(bench: Workbench) -> None:
    with mail_server() as server:
        said = bench.failure("email.MailSend", **letter(server, transportStrategy="SMTP_TLS"))
    assert "STARTTLS" in said
    assert not server.messages


def test_an_address_that_is_none_is_a_failure(bench: Workbench) -> None:
    with mail_server() as server:
        assert "cannot be addressed" in bench.failure("email.MailSend", **letter(server, to="not an address"))
