"""An OMERO.server, and the account that may act for its users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.blocks.core import Block
from pydantic import Field, SecretStr
from pydantic.networks import HttpUrl

if TYPE_CHECKING:
    from blocks.omero_session import OmeroSession

DOCUMENTATION = HttpUrl("https://omero.readthedocs.io/en/stable/")
LOGO = HttpUrl("https://www.openmicroscopy.org/img/logos/omero-logomark.svg")


class OmeroServer(Block):
    """An OMERO.server, reached with an account that may act for other users (the Sudo privilege).

    Example:
        Act as a user:
        ```python
        from blocks.omero_server import OmeroServer

        server = OmeroServer.load("BLOCK_NAME")
        with server.as_user("alice", "lab-a") as session:
            print(session.gateway.getUser().getName())
        ```
    """

    _block_type_name = "OMERO Server"
    _block_type_slug = "omero-server"
    _logo_url = LOGO
    _documentation_url = DOCUMENTATION

    host: str = Field(description="Host name, or a url such as `ssl://omero.example.org:4064`.")
    port: int = Field(default=4064, ge=1, le=65535, description="Port of OMERO's Glacier2 router.")
    sudo_user: str = Field(description="Login name of an account with the Sudo privilege.")
    password: SecretStr = Field(description="Password of the sudo account.")
    web_url: str | None = Field(
        default=None, description="Address of OMERO.web, for links, for example `https://omero.example.org`."
    )
    forms_user: str | None = Field(
        default=None, description="The account that keeps forms; only needed where orders come with forms filled in."
    )
    session_minutes: int = Field(
        default=24 * 60, ge=10, description="How long a user's session may idle before OMERO ends it, in minutes."
    )
    parallel_imports: int = Field(
        default=2, ge=1, le=64, description="How many imports may run on this server at once, over all orders."
    )

    @property
    def limit_name(self) -> str:
        """Name of the Prefect global concurrency limit that bounds imports into this server."""
        host = "".join(character if character.isalnum() or character in ".-" else "-" for character in self.host)
        return f"omero-imports-{host}-{self.port}"

    @contextmanager
    def as_user(self, user: str, group: str) -> Iterator[OmeroSession]:
        """The given user in the given group, with one login for all that is done inside.

        Nothing is sent before the session's `gateway` is first asked for, so that a login that finds
        OMERO down fails inside the step that needs it, and is tried again with that step.
        """
        from blocks.omero_session import OmeroSession

        session = OmeroSession(self, user, group)
        try:
            yield session
        finally:
            session.close()

    def link(self, object_type: str, object_id: int) -> str | None:
        """Where OMERO.web shows an object; None without a web address."""
        if self.web_url is None:
            return None
        return f"{self.web_url.rstrip('/')}/webclient/?show={object_type.lower()}-{object_id}"

    def run_link(self, token: UUID) -> str | None:
        """The panel's page of a run; None without a web address. Prefect's own address is seldom one for people."""
        return None if self.web_url is None else f"{self.web_url.rstrip('/')}/flows/runs/{token}/"
