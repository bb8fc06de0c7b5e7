"""The ground, made once; and sessions as a run has them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from blocks.omero_session import OmeroSession
from sandbox.site import Site
from tests.sandbox.staging.staging_ground import Ground, log_in


@pytest.fixture(scope="package")
def ground(site: Site) -> Iterator[Ground]:
    folder = site.storage / "lab-a" / f"staging-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    alice, root = log_in(site, "alice"), log_in(site, "root")
    try:
        yield Ground(site, folder, alice, root)
    finally:
        alice.close()
        root.close()


@pytest.fixture(scope="package")
def session(ground: Ground) -> Iterator[OmeroSession]:
    """Alice in lab-a, by the sudo account."""
    with ground.server.as_user("alice", "lab-a") as opened:
        yield opened


@pytest.fixture(scope="package")
def session_of_bob(ground: Ground) -> Iterator[OmeroSession]:
    with ground.server.as_user("bob", "lab-a") as opened:
        yield opened
