"""What MailServer says to a real SMTP server over TLS: the certificate is looked at, and the password goes inside."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr

from blocks.mail_server import MailServer
from contracts.failures import FailureCategory, FailureError
from sandbox.omero.certificate import ensure_certificate
from tests.post_office import Kept, free_port

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

USER, PASSWORD = "flows", "correct horse"


@dataclass(frozen=True)
class Office:
    """A server with a certificate that signs itself. `logins`: who has logged in."""

    kept: Kept
    port: int
    certificate: Path
    logins: list[str]

    def block(self, security: str, password: str = PASSWORD) -> MailServer:
        return MailServer(
            host="127.0.0.1",
            port=self.port,
            security=security,  # type: ignore[arg-type]
            user=USER,
            password=SecretStr(password),
            sender="flows@example.org",
            recipients=["admin@example.org"],
        )


@pytest.fixture(params=["starttls", "tls"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    certificate, key = ensure_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    logins: list[str] = []

    def let_in(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        logins.append(data.login.decode())
        return AuthResult(
            success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()),
            handled=False,  # aiosmtpd is to answer
        )

    kept, port = Kept(), free_port()
    security: dict[str, Any] = (
        {"tls_context": context, "require_starttls": True, "auth_require_tls": True}
        if request.param == "starttls"
        # The server does not see that the connection was made with TLS; it is all the same inside it.
        else {"ssl_context": context, "auth_require_tls": False}
    )
    controller = Controller(kept, hostname="127.0.0.1", port=port, authenticator=let_in, auth_required=True, **security)
    controller.start()
    try:
        yield Office(kept, port, certificate, logins)
    finally:
        controller.stop()


@pytest.fixture
def security(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["office"])


def message() -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = "3 files imported"
    letter.set_content("Good morning.")
    return letter


def test_the_report_goes_inside_tls_after_a_login(
    office: Office, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(office.certificate))
    office.block(security).send(message())
    assert office.logins == [USER]
    [letter] = office.kept.messages
    assert (letter["Subject"], letter["To"]) == ("3 files imported", "admin@example.org")


def test_a_certificate_that_nobody_vouches_for_gets_no_password(office: Office, security: str) -> None:
    with pytest.raises(FailureError) as caught:
        office.block(security).send(message())
    assert caught.value.failure.category is FailureCategory.MAIL_NOT_SENT
    assert "CERTIFICATE_VERIFY_FAILED" in (caught.value.failure.detail or "")
    assert office.logins == [] and office.kept.messages == []


def test_a_wrong_password_is_said_and_not_shown(office: Office, security: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(office.certificate))
    with pytest.raises(FailureError) as caught:
        office.block(security, password="wrong secret").send(message())
    assert caught.value.failure.category is FailureCategory.MAIL_NOT_SENT
    assert "535" in (caught.value.failure.detail or "")
    assert "wrong secret" not in str(caught.value)
    assert office.kept.messages == []


def test_a_login_can_be_tried_without_a_letter(office: Office, security: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(office.certificate))
    office.block(security).check()
    with pytest.raises(FailureError, match="does not let the flows in"):
        office.block(security, password="wrong secret").check()
    assert set(office.logins) == {USER} and office.kept.messages == []


def test_a_password_is_never_sent_without_tls(office: Office) -> None:
    with pytest.raises(FailureError) as caught:
        office.block("none").send(message())
    assert "not sent over a connection without TLS" in (caught.value.failure.detail or "")
    assert office.logins == []
