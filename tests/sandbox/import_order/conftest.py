"""Orders against the site's real services; the flow runs inside the test's own process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import tifffile
from omero.gateway import BlitzGateway
from omero.rtypes import unwrap
from omero.sys import ParametersI
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_RESULTS_LOCAL_STORAGE_PATH,
    temporary_settings,
)

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from contracts import namespaces
from contracts.destination import Destination, DestinationType
from contracts.import_order import ImportOrder
from contracts.import_report import ImportReport
from contracts.preprocessing import Preprocessing
from contracts.source_file import SourceFile
from flows.import_order import import_order
from sandbox.site import Site
from tasks.order_run import load_blocks

#: What `--convert ometiff` means.
BUILTIN = Preprocessing(converter="builtin", options={"outputformat": "ometiff"})


@pytest.fixture(scope="session", autouse=True)
def prefect_of_the_site(site: Site) -> Iterator[None]:
    with temporary_settings(
        {
            PREFECT_API_URL: site.prefect_api,
            PREFECT_API_AUTH_STRING: site.prefect_auth,
            PREFECT_RESULTS_LOCAL_STORAGE_PATH: str(site.results),
            # Logs are sent by a thread of their own, which does not see these settings and would start a server.
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
    ):
        yield


@dataclass
class Orders:
    """Places orders of one test's files and looks at what OMERO and the disk hold of them."""

    site: Site
    folder: Path
    gateway: BlitzGateway
    dataset: str = field(default_factory=lambda: f"Test {uuid.uuid4()}")

    def write_tiff(self, name: str, seed: int = 0) -> SourceFile:
        """A small image of random pixels in the test's folder."""
        pixels = np.random.default_rng(seed).integers(0, 255, (48, 64), dtype=np.uint8)
        tifffile.imwrite(self.folder / name, pixels)
        return self.named(name)

    def named(self, name: str) -> SourceFile:
        return SourceFile(path=f"{self.folder.name}/{name}")

    def order(
        self,
        *files: SourceFile,
        user: str = "alice",
        group: str = "lab-a",
        token: uuid.UUID | None = None,
        destination: Destination | None = None,
        preprocessing: Preprocessing | None = None,
        key_values: tuple[tuple[str, str], ...] = (),
        hash_sources: bool = False,
    ) -> ImportOrder:
        return ImportOrder(
            uuid=token or uuid.uuid4(),
            user=user,
            group=group,
            files=files,
            preprocessing=preprocessing,
            key_values=key_values,
            hash_sources=hash_sources,
            destination=destination or Destination(type=DestinationType.DATASET, name=self.dataset),
        )

    async def run(self, order: ImportOrder) -> ImportReport:
        """Run the flow to its end; the report, whether it went well or badly."""
        state = await import_order(order, return_state=True)
        report = await state.aresult(raise_on_failure=False)
        assert isinstance(report, ImportReport), report
        assert state.is_failed() == bool(report.failed)
        return report

    async def images(self, order: ImportOrder) -> list[int]:
        """Ids of the images that carry the order's token, each as often as it does."""
        return await asyncio.to_thread(self._images, order)

    def _images(self, order: ImportOrder) -> list[int]:
        parameters = ParametersI().addString("ns", namespaces.TOKEN)
        parameters.addString("order", str(order.uuid))
        rows = unwrap(
            self.gateway.getQueryService().projection(
                "select i.id from ImageAnnotationLink l join l.parent i join l.child a, MapAnnotation m "
                "join m.mapValue v "
                "where m.id = a.id and m.ns = :ns and v.name = 'Order' and v.value = :order order by i.id",
                parameters,
            )
        )
        return [row[0] for row in rows]

    async def empty_filesets(self) -> list[int]:
        """Filesets without any image, of anybody: there must be none."""
        rows = await asyncio.to_thread(
            self.gateway.getQueryService().projection, "select f.id from Fileset f where size(f.images) = 0", None
        )
        return [row[0] for row in unwrap(rows)]

    def leftovers(self) -> list[Path]:
        """Files and folders of ours that must not outlive an order."""
        processed = self.folder / ".processed"
        locks = (self.folder.parent / ".processed").rglob("*.lock")
        return [*processed.rglob("*.partial"), *processed.glob(".alternative"), *locks]


@pytest.fixture
async def orders(site: Site, order_folder: Path) -> AsyncIterator[Orders]:
    gateway = await asyncio.to_thread(_log_in, site, "alice")
    try:
        yield Orders(site, order_folder, gateway)
    finally:
        await asyncio.to_thread(gateway.close)


def _log_in(site: Site, user: str) -> BlitzGateway:
    gateway = BlitzGateway(user, site.password(user), host=site.omero_host, port=site.omero_port, secure=True)
    assert gateway.connect()
    gateway.c.enableKeepAlive(30)
    return gateway


@pytest.fixture
async def blocks() -> tuple[OmeroServer, ImageStorage]:
    return await load_blocks()
