"""The mail server that takes the report of a night."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Annotated, Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, StringConstraints
from pydantic.networks import HttpUrl

from contracts.failures import FailureCategory, fail

#: Seconds until a server that says nothing is given up.
PATIENCE = 30

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;\x00-\x1f\x7f]+@[^\s@<>,;\x00-\x1f\x7f]+$")]


class MailServer(Block):
    """An SMTP server, and who gets the report of a batch.

    Example:
        See who gets reports:
        ```python
        from blocks.mail_server import MailServer

        server = MailServer.load("BLOCK_NAME")
        print(server.recipients)
        ```
    """

    _block_type_name = "Mail Server"
    _block_type_slug = "mail-server"
    _logo_url = HttpUrl("https://www.openmicroscopy.org/img/logos/ome-logomark.svg")
    _documentation_url = HttpUrl("https://docs.python.org/3/library/smtplib.html")

    host: str = Field(min_length=1, description="Host name of the SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port: 587 with STARTTLS, 465 with TLS, 25 without.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is protected; a password is never sent without."
    )
    user: str | None = Field(default=None, description="Account at the server, where it asks for one.")
    password: SecretStr | None = Field(default=None, description="Its password.")
    sender: Address = Field(description="The address that the report comes from.")
    recipients: list[Address] = Field(min_length=1, description="Who gets the report.")
    only_failures: bool = Field(
        default=False, description="Whether a night in which nothing went wrong is not told of."
    )

    def send(self, message: EmailMessage) -> None:
        """Hand a message to the server; `From` and `To` are set here.

        Raises:
            FailureError: MAIL_NOT_SENT, also when the server took it for some of the recipients alone.
        """
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        with self._log_in("did not take the report") as server:
            try:
                refused = server.send_message(message)
            except smtplib.SMTPRecipientsRefused as error:
                refused = error.recipients
        if refused:
            raise fail(
                FailureCategory.MAIL_NOT_SENT,
                f"The mail server {self.host} refused {', '.join(refused)}.",
                detail="; ".join(
                    f"{who}: {code} {why.decode('utf-8', 'replace')}" for who, (code, why) in refused.items()
                ),
                next_step="Check the recipients in the MailServer block.",
            )

    def check(self) -> None:
        """Log in as for a report, and send nothing.

        Raises:
            FailureError: MAIL_NOT_SENT.
        """
        with self._log_in("does not let the flows in") as server:
            server.noop()

    @contextmanager
    def _log_in(self, otherwise: str) -> Iterator[smtplib.SMTP]:
        """
        Raises:
            FailureError: MAIL_NOT_SENT, for whatever goes wrong inside the block too; `otherwise` says what it means.
        """
        try:
            if self.security == "none" and self.user is not None:
                raise ValueError("a password is not sent over a connection without TLS")
            context = ssl.create_default_context()
            if self.security == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE, context=context)
            else:
                server = smtplib.SMTP(self.host, self.port, timeout=PATIENCE)
            with server:
                if self.security == "starttls":
                    server.starttls(context=context)
                if self.user is not None:
                    server.login(self.user, "" if self.password is None else self.password.get_secret_value())
                yield server
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise fail(
                FailureCategory.MAIL_NOT_SENT,
                f"The mail server {self.host} {otherwise}.",
                detail=f"{type(error).__name__}: {error}",
                next_step="Check address, account and password in the MailServer block.",
            ) from error
