"""The embedded OMERO with its accounts, and an account that keeps forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.omero.server import EmbeddedOmero
from tests.sandbox.omero_server.conftest import PASSWORD, Login, connect, login, server

__all__ = ["Login", "connect", "form_master", "login", "server"]


@pytest.fixture(scope="session")
def form_master(server: EmbeddedOmero) -> Iterator[str]:
    """The name of an administrator who is in no group but `system`, as OMERO.forms asks for it."""
    with server.store.transaction():
        server.accounts.create_user("formmaster", PASSWORD, "Form", "Master", [], admin=True)
    yield "formmaster"
