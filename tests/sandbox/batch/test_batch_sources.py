"""What a batch takes beside plain images: a plate, the destination's form, and the orders of a BIOMERO database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from omero.gateway import BlitzGateway
from omero.model import DatasetI
from omero.rtypes import rstring
from prefect.client.orchestration import get_client

from blocks.biomero_database import BiomeroDatabase
from contracts.batch.manifest_file import ManifestFile
from contracts.forms.record import RecordPlace
from contracts.forms.storage import read_records, record_namespace
from omero_ui.forms.annotations import Holder
from sandbox.samples.plate import write_plate
from sandbox.site import Site
from sandbox.site.accounts import FORM_MASTER
from tasks.biomero_bridge import BIOMERO_BLOCK
from tests.chaos.desk import Desk
from tests.sandbox.batch.conftest import Batches
from tests.sandbox.biomero.database import FrontEnd, make_block

FORM = "siRNA sample"


@pytest.fixture
def master(site: Site) -> Iterator[BlitzGateway]:
    name = FORM_MASTER.name
    gateway = BlitzGateway(name, site.password(name), host=site.omero_host, port=site.omero_port, secure=True)
    assert gateway.connect()
    try:
        yield gateway
    finally:
        gateway.close()


async def test_a_plate_goes_into_its_screen_once(batches: Batches) -> None:
    htd = await asyncio.to_thread(write_plate, batches.folder / "plate 7", "plate 7")
    screen, folder = batches.dataset("Screen"), batches.folder.name
    (batches.folder / "m.csv").write_text(
        f"path,screen,kv:Compound\n{folder}/plate 7/{htd.name},{screen},DMSO\n", "utf-8"
    )
    source = ManifestFile(group="lab-a", path=f"{folder}/m.csv", user="alice")
    report = await batches.run(title="Plates", manifests=(source,))
    assert (report.imported, report.failed, report.problems) == (1, 0, ()), report.causes()
    again = await batches.run(title="Plates once more", manifests=(source,))
    assert (again.imported, again.there, again.failed) == (0, 1, 0), again.causes()

    def look() -> tuple[list[str], list[str]]:
        [found] = batches.gateway.getObjects("Screen", attributes={"name": screen}, opts={"group": -1})
        plates = list(found.listChildren())
        owners = [plate.getDetails().getOwner().omeName for plate in plates]
        return [plate.getName() for plate in plates], owners

    batches.gateway.SERVICE_OPTS.setOmeroGroup("-1")
    assert await asyncio.to_thread(look) == (["plate 7"], ["alice"])


async def test_what_a_manifest_fills_in_is_kept_once_for_the_destination(
    batches: Batches, master: BlitzGateway
) -> None:
    names = [batches.write_tiff(f"{number}.tif") for number in range(2)]
    dataset, folder = batches.dataset("Forms"), batches.folder.name
    fields = ("cell_line", "target_gene", "control", "passage")
    head = ",".join(f"form:{FORM}:{field}" for field in fields)
    rows = "".join(f"{name},{dataset},HeLa,PLK1,knock-down,3\n" for name in names)
    (batches.folder / "m.csv").write_text(f"path,dataset,{head}\n{rows}", "utf-8")
    source = ManifestFile(group="lab-a", path=f"{folder}/m.csv", user="alice")
    for title in ("Forms", "Forms once more"):
        report = await batches.run(title=title, manifests=(source,))
        assert report.is_complete, report.causes()

    def records() -> list[dict[str, object]]:
        [found] = batches.gateway.getObjects("Dataset", attributes={"name": dataset})
        place = RecordPlace(object_type="Dataset", object_id=found.getId(), form=FORM)
        holder = Holder(master.c, "Experimenter", master.getUserId())
        return [record.values for record in read_records([kept.rows for kept in holder.find(record_namespace(place))])]

    batches.gateway.SERVICE_OPTS.setOmeroGroup("-1")
    values = {"cell_line": "HeLa", "target_gene": "PLK1", "control": "knock-down", "passage": 3}
    assert await asyncio.to_thread(records) == [values]


async def test_values_that_the_form_does_not_take_are_told_by_line_and_column(batches: Batches) -> None:
    name, dataset = batches.write_tiff("a.tif"), batches.dataset("Bad form")
    (batches.folder / "m.csv").write_text(
        f"path,dataset,form:{FORM}:cell_line,form:{FORM}:passage\n{name},{dataset},HeLa,many\n", "utf-8"
    )
    source = ManifestFile(group="lab-a", path=f"{batches.folder.name}/m.csv", user="alice")
    report = await batches.run(title="Bad form", manifests=(source,))
    assert not report.is_complete
    said = [f"{where}: {summary}" for cause in report.causes() for where, summary in cause.examples]
    assert said and all(FORM in line for line in said), said


async def test_pending_orders_of_a_biomero_database_are_placed_once(site: Site, batches: Batches) -> None:
    """By two batches at once; the front end's Monitor shows that they are taken."""
    block = make_block(site)
    files = [batches.write_tiff(f"{number}.tif") for number in range(3)]
    await block.asave(BIOMERO_BLOCK)
    try:
        with block.connect() as connection:
            front_end = FrontEnd(block, connection)
            dataset = await asyncio.to_thread(_make_dataset, site, batches.dataset("From BIOMERO"))
            tokens = [
                front_end.order([site.storage / "lab-a" / file], destination_id=str(dataset), age=age)
                for file, age in zip(files, ("0 seconds", "8 days", "400 days"), strict=True)
            ]
            reports = await asyncio.gather(*(batches.run(title=f"Night {n}", biomero=True) for n in range(2)))
            assert sum(report.placed for report in reports) == len(tokens), [report.summary for report in reports]
            desk = Desk(site)
            for token in tokens:
                assert len(await asyncio.to_thread(desk.find_runs, uuid.UUID(token))) == 1
                assert front_end.stages(token)[:2] == ["Import Pending", "Import Started"]
            (idle,) = [await batches.run(title="Nothing left", biomero=True)]
            assert (idle.placed, idle.is_complete) == (0, True)
    finally:
        async with get_client() as client:
            found = await client.read_block_document_by_name(BIOMERO_BLOCK, BiomeroDatabase.get_block_type_slug())
            await client.delete_block_document(found.id)


async def test_a_biomero_database_that_is_away_keeps_no_file_from_its_import(site: Site, batches: Batches) -> None:
    name, dataset = batches.write_tiff("a.tif"), batches.dataset("Without BIOMERO")
    (batches.folder / "m.csv").write_text(f"path,dataset\n{name},{dataset}\n", "utf-8")
    source = ManifestFile(group="lab-a", path=f"{batches.folder.name}/m.csv", user="alice")
    report = await batches.run(title="No database", manifests=(source,), biomero=True)
    assert (report.imported, report.placed) == (1, 0)
    assert [problem.source for problem in report.problems] == ["BIOMERO"]


def _make_dataset(site: Site, name: str) -> int:
    with BlitzGateway("alice", site.password("alice"), host=site.omero_tcp) as gateway:
        gateway.connect()
        made = DatasetI()
        made.setName(rstring(name))
        return int(gateway.getUpdateService().saveAndReturnObject(made).id.val)
