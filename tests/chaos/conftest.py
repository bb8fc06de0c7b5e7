"""What the fault tests share: the site, a desk to place orders at, and no brake left on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate

from sandbox.site import Site
from tests.chaos.brake import brake_folder
from tests.chaos.converter_images import ConverterImages
from tests.chaos.placed_orders import GROUP, OrderDesk


@pytest.fixture(scope="session")
def desk(site: Site) -> Iterator[OrderDesk]:
    """More imports at once than a site allows, because many orders stand at brakes at the same time."""
    desk = OrderDesk(site)
    limits = [
        limit
        for limit in desk.client.request("POST", "/v2/concurrency_limits/filter", json={}).json()
        if limit["name"].startswith("omero-imports-")
    ]
    for limit in limits:
        change = GlobalConcurrencyLimitUpdate(limit=24).model_dump(exclude_unset=True)
        desk.client.request("PATCH", f"/v2/concurrency_limits/{limit['id']}", json=change)
    yield desk
    for limit in limits:
        desk.client.request("PATCH", f"/v2/concurrency_limits/{limit['id']}", json={"limit": limit["limit"]})


@pytest.fixture
def order_folder(site: Site) -> Path:
    """A new folder in lab-a's image storage; no name comes twice, also on a site that is kept between test runs."""
    folder = site.storage / GROUP / f"chaos-{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def converter_images(site: Site) -> Iterator[ConverterImages | None]:
    """None where the site has no container engine (not root, no Docker): the site's status says why."""
    if site.docker_socket is None:
        yield None
        return
    images = ConverterImages(site.docker_socket)
    yield images
    images.close()


@pytest.fixture(autouse=True)
def no_brake_is_left(site: Site) -> Iterator[None]:
    """A test that fails must not stop the next one's orders."""
    yield
    for brake in brake_folder(site).glob("*"):
        brake.unlink()
