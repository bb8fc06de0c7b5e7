"""The panel over HTTP, as two plain accounts, as admin, and logged out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.site import Site
from tests.sandbox.panel.orders import Orders
from tests.sandbox.panel.web_visitor import WebVisitor


@pytest.fixture(scope="package")
def alice(site: Site) -> Iterator[WebVisitor]:
    """Member of lab-a (members read each other) and of lab-b (private)."""
    with WebVisitor(site, "alice") as visitor:
        yield visitor


@pytest.fixture(scope="package")
def bob(site: Site) -> Iterator[WebVisitor]:
    """Member of lab-a."""
    with WebVisitor(site, "bob") as visitor:
        yield visitor


@pytest.fixture(scope="package")
def admin(site: Site) -> Iterator[WebVisitor]:
    with WebVisitor(site, "root") as visitor:
        yield visitor


@pytest.fixture(scope="package")
def stranger(site: Site) -> Iterator[WebVisitor]:
    """Logged out."""
    with WebVisitor(site, None) as visitor:
        yield visitor


@pytest.fixture(scope="package")
def orders(site: Site) -> Orders:
    return Orders(site)
