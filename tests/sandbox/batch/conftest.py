"""Batches against the site's real services; the flow runs inside the test's own process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from omero.gateway import BlitzGateway
from omero.rtypes import unwrap
from omero.sys import ParametersI

from contracts.batch.report import BatchReport
from flows.batch_import import batch_import
from sandbox.site import Site
from tests.post_office import post_office
from tests.sandbox.import_order.conftest import prefect_of_the_site

__all__ = ["post_office", "prefect_of_the_site"]

EVERYWHERE = {"omero.group": "-1"}


@dataclass
class Batches:
    """Runs batches of one test's files and looks at what OMERO holds of them."""

    site: Site
    folder: Path
    gateway: BlitzGateway
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def write_tiff(self, name: str, folder: Path | None = None) -> str:
        """A small image; its path inside the group's folder."""
        where = folder or self.folder
        where.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name)).integers(0, 255, (16, 16), dtype=np.uint8)
        tifffile.imwrite(where / name, pixels)
        return (where / name).relative_to(where.parent if folder is None else self.site.storage / "lab-a").as_posix()

    def dataset(self, name: str) -> str:
        """A dataset's name that no other test has."""
        return f"{name} {self.mark}"

    async def run(self, **parameters: Any) -> BatchReport:
        """Run the flow to its end; the report, whether it went well or badly."""
        state = await batch_import(return_state=True, **parameters)
        report = await state.aresult(raise_on_failure=False)
        assert isinstance(report, BatchReport), report
        assert state.is_completed() == report.is_complete
        return report

    def images_in(self, dataset: str) -> dict[str, int]:
        """How many images of each name a dataset holds, and whose they are: `owner/name`."""
        rows = unwrap(
            self.gateway.c.sf.getQueryService().projection(
                "select o.omeName, i.name from DatasetImageLink l join l.parent d join l.child i "
                "join i.details.owner o where d.name = :name",
                ParametersI().addString("name", dataset),
                EVERYWHERE,
            )
        )
        found: dict[str, int] = {}
        for owner, name in rows:
            found[f"{owner}/{name}"] = found.get(f"{owner}/{name}", 0) + 1
        return found

    def pairs_of(self, dataset: str) -> dict[str, dict[str, str]]:
        """The key-values of ours on each image of a dataset, by the image's name."""
        rows = unwrap(
            self.gateway.c.sf.getQueryService().projection(
                "select i.name, a.id from DatasetImageLink l join l.parent d join l.child i, "
                "ImageAnnotationLink k join k.child a where k.parent.id = i.id and d.name = :name "
                "and a.ns = 'omero-flows/import'",
                ParametersI().addString("name", dataset),
                EVERYWHERE,
            )
        )
        query = self.gateway.c.sf.getQueryService()
        return {
            name: {pair.name: pair.value for pair in query.get("MapAnnotation", found, EVERYWHERE).getMapValue()}
            for name, found in rows
        }


@pytest.fixture
def batches(site: Site, order_folder: Path) -> Iterator[Batches]:
    gateway = BlitzGateway("root", site.password("root"), host=site.omero_tcp)
    assert gateway.connect(), gateway.getLastError()
    try:
        yield Batches(site, order_folder, gateway)
    finally:
        gateway.close()
