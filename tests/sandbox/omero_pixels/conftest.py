"""An embedded OMERO with two users of one group, and sample images of every kind, once for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omero.gateway import BlitzGateway

from sandbox.omero.server import EmbeddedOmero
from sandbox.samples.sample_files import Sample, write_samples
from tests.sandbox.omero_pixels.omero_client import connect, free_port, make_accounts


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    """Kind -> sample: tiff, ome-tiff, ome-tiff-companion, imagexpress."""
    return {sample.kind: sample for sample in write_samples(tmp_path_factory.mktemp("samples"))}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedOmero]:
    with EmbeddedOmero(tmp_path_factory.mktemp("omero"), tcp_port=free_port()) as running:
        make_accounts(running)
        yield running


@pytest.fixture
def login(server: EmbeddedOmero) -> Iterator[Callable[[str], BlitzGateway]]:
    """Logs a user in; out again after the test."""
    opened = []

    def log_in(user: str) -> BlitzGateway:
        opened.append(connect(server, user))
        return opened[-1]

    yield log_in
    for gateway in opened:
        gateway.close()


@pytest.fixture
def alice(login: Callable[[str], BlitzGateway]) -> BlitzGateway:
    return login("alice")


@pytest.fixture
def bob(login: Callable[[str], BlitzGateway]) -> BlitzGateway:
    return login("bob")


@pytest.fixture
def repository(server: EmbeddedOmero) -> Path:
    return server.repository_root
