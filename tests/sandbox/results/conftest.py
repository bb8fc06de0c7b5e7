"""Results of runs against the site's real services: inputs in OMERO, files in the image storage, and no cluster."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from omero.gateway import BlitzGateway
from omero.model import DatasetI, ExperimenterGroupI, ExperimenterI
from omero.rtypes import rbool, rstring, unwrap
from omero.sys import ParametersI
from prefect import flow

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisInputs, AnalysisRun, ResultOptions, Workflow
from contracts.run_facts import RunFacts
from contracts.run_results import ANALYZED, ResultFile, RunResults
from contracts.staged_input import StagedForm, StagedInput
from sandbox.site import Site
from tasks.order_run import load_blocks
from tasks.result_inputs import inputs_of
from tasks.result_plan import BelongingFile
from tasks.result_run import ResultRun
from tasks.results import import_results
from tests.sandbox.import_order.conftest import _log_in as log_in
from tests.sandbox.import_order.conftest import prefect_of_the_site

__all__ = ["prefect_of_the_site"]

MOMENT = datetime(2026, 11, 23, 8, tzinfo=UTC)
FACTS = RunFacts(
    version="v1.2",
    container="ghcr.io/lab/nuclei:v1.2",
    container_digest="sha256:" + "ab" * 32,
    jobs=("4711_0", "4711_1"),
    begun=MOMENT,
    ended=MOMENT,
)
PARAMETERS = {"diameter": 30, "note": 'nuclei"; touch /tmp/x; echo "', "gpu": True, "threshold": 0.5}


class Bench:
    """One run of a test: its inputs, the files that its job brought back, and what OMERO holds of it afterwards."""

    def __init__(
        self, site: Site, gateway: BlitzGateway, server: OmeroServer, session: OmeroSession, storage: ImageStorage
    ) -> None:
        self.site = site
        self.gateway = gateway
        self.server = server
        self.session = session
        self.storage = storage
        self.uuid = uuid.uuid4()
        self.staged: list[StagedInput] = []
        self.files: list[ResultFile] = []
        self.options = ResultOptions()
        self.user, self.group = session.user, session.group
        dataset = DatasetI()
        dataset.setName(rstring(f"Inputs {self.uuid}"))
        self.dataset = int(gateway.getUpdateService().saveAndReturnObject(dataset).id.val)

    @classmethod
    def of(cls, bench: Bench, user: str) -> Bench:
        """The bench of another member of lab-a; close its gateway."""
        session = OmeroSession(bench.server, user, "lab-a")
        return cls(bench.site, log_in(bench.site, user), bench.server, session, bench.storage)

    @contextmanager
    def readers(self) -> Iterator[tuple[Bench, Bench]]:
        """Two people of a new group in which members may look at each other's data and no more."""
        root = log_in(self.site, "root")
        name = f"readers-{self.uuid.hex[:8]}"
        group = root.createGroup(name, perms="rwr---")
        benches = []
        try:
            for person in ("owner", "reader"):
                user = f"{person}-{self.uuid.hex[:8]}"
                account = ExperimenterI()
                for name_of in (account.setOmeName, account.setFirstName, account.setLastName):
                    name_of(rstring(user))
                account.setLdap(rbool(False))
                members = ExperimenterGroupI(group, False)
                root.getAdminService().createExperimenterWithPassword(
                    account, rstring("secret"), members, [members, ExperimenterGroupI(1, False)]
                )
                gateway = BlitzGateway(user, "secret", host=self.site.omero_host, port=self.site.omero_port)
                assert gateway.connect()
                session = OmeroSession(self.server, user, name)
                benches.append(Bench(self.site, gateway, self.server, session, self.storage))
            (self.site.storage / name).mkdir()
            yield benches[0], benches[1]
        finally:
            for made in benches:
                made.session.close()
                made.gateway.close()
            root.close()

    # ---- what was analysed

    def input(
        self, name: str = "cells.czi", *, sizes: tuple[int, int, int, int, int] = (64, 48, 1, 1, 1), task: int = 0
    ) -> StagedInput:
        """An image of sizes (x, y, z, c, t) in OMERO, and how it was staged."""
        x, y, z, c, t = sizes
        plane = np.zeros((y, x), np.uint16)
        image = self.gateway.createImageFromNumpySeq(
            iter([plane] * (z * c * t)), name, z, c, t, dataset=self.gateway.getObject("Dataset", self.dataset)
        )
        return self.stage(int(image.getId()), name, self.dataset, task)

    def stage(self, image: int, name: str, dataset: int | None, task: int = 0) -> StagedInput:
        staged = StagedInput(
            image=image,
            name=name,
            original_file=name,
            dataset=dataset,
            file_name=f"{image}_{name.partition('.')[0].replace(' ', '_')}.ome.tif",
            form=StagedForm.OME_TIFF,
            task=task,
        )
        self.staged.append(staged)
        return staged

    # ---- what came back

    @property
    def folder(self) -> Path:
        return self.site.storage / self.group / ANALYZED / str(self.uuid)

    def bring(self, name: str, content: bytes | str, task: int = 0) -> ResultFile:
        place = self.folder / str(task) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        place.write_bytes(data)
        return self.came(name, task)

    def bring_image(self, name: str, pixels: NDArray[Any], task: int = 0, **options: Any) -> ResultFile:
        place = self.folder / str(task) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(place, pixels, **{"photometric": "minisblack", **options})
        return self.came(name, task)

    def came(self, name: str, task: int = 0) -> ResultFile:
        """A file that lies in the run's folder, as retrieval lists it."""
        place = self.folder / str(task) / name
        data = place.read_bytes()
        file = ResultFile(
            path=f"{ANALYZED}/{self.uuid}/{task}/{name}",
            task=task,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        self.files.append(file)
        return file

    # ---- the import

    @property
    def run(self) -> AnalysisRun:
        return AnalysisRun(
            uuid=self.uuid,
            user=self.user,
            group=self.group,
            workflow=Workflow(name="nuclei"),
            inputs=AnalysisInputs(datasets=(self.dataset,)),
            parameters=PARAMETERS,
            results=self.options,
        )

    @property
    def work(self) -> ResultRun:
        return ResultRun(self.run, FACTS, tuple(self.staged), self.server, self.session, self.storage)

    def belonging(self, file: ResultFile) -> BelongingFile:
        return BelongingFile(file, inputs_of(self.files, self.staged)[file.path])

    async def import_results(self) -> RunResults:
        """All of it, by the tasks, inside a flow."""
        work = self.work

        @flow(name="results")
        async def results() -> RunResults:
            async with work.alone():
                return await import_results(work, self.files)

        return await results()

    # ---- what OMERO holds

    def rows(self, query: str, parameters: ParametersI | None = None) -> list[list[Any]]:
        return list(unwrap(self.gateway.getQueryService().projection(query, parameters)))

    def pairs(self, kind: str, object_id: int, namespace: str) -> list[tuple[str, str]]:
        """The pairs of the one annotation in a namespace that an object, or an annotation, carries."""
        links = "AnnotationAnnotationLink" if kind.endswith("Annotation") else f"{kind}AnnotationLink"
        parameters = ParametersI().addId(object_id)
        parameters.addString("ns", namespace)
        found = self.gateway.getQueryService().findAllByQuery(
            f"select a from MapAnnotation a where a.ns = :ns and a.id in "
            f"(select l.child.id from {links} l where l.parent.id = :id)",
            parameters,
        )
        assert len(found) == 1, f"{len(found)} annotations in {namespace} on {kind} {object_id}"
        return [(pair.name, pair.value) for pair in found[0].getMapValue()]

    def count(self, kind: str) -> int:
        """All objects of a kind that are in OMERO."""
        return int(self.rows(f"select count(o.id) from {kind} o")[0][0])


LOG = logging.getLogger("results")


def only(items: Sequence[Any]) -> Any:
    (item,) = items
    return item


@pytest.fixture(scope="package")
async def alice(site: Site) -> AsyncIterator[tuple[BlitzGateway, OmeroServer, OmeroSession, ImageStorage]]:
    """alice as her own client and as the flows act for her: one login each for all tests here."""
    gateway = await asyncio.to_thread(log_in, site, "alice")
    server, storage = await load_blocks()
    try:
        with server.as_user("alice", "lab-a") as session:
            yield gateway, server, session, storage
    finally:
        await asyncio.to_thread(gateway.close)


@pytest.fixture
async def bench(site: Site, alice: tuple[BlitzGateway, OmeroServer, OmeroSession, ImageStorage]) -> Bench:
    return await asyncio.to_thread(Bench, site, *alice)
