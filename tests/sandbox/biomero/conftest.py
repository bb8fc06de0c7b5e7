"""A BIOMERO database of its own for every test, in the site's PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.site import Site
from tests.sandbox.biomero.database import FrontEnd, make_block
from tests.sandbox.import_order.conftest import prefect_of_the_site

__all__ = ["front_end", "prefect_of_the_site"]


@pytest.fixture
def front_end(site: Site) -> Iterator[FrontEnd]:
    block = make_block(site)
    with block.connect() as connection:
        yield FrontEnd(block, connection)
