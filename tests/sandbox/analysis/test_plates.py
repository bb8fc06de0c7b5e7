"""A plate through whole runs: as one OME-Zarr, registered or written, and field by field as images."""

from __future__ import annotations

import os
import tarfile
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaozarrs
import zarr

from contracts.run_results import ANALYZED, ResultKind
from contracts.workflow_entry import WorkflowMode
from converters.ome_zarr_plate import field_path, plate_files
from sandbox.cluster.machine import Machine
from tests.chaos.analysis import copy_workflow
from tests.chaos.site_blocks import cluster_changed, workflow_added
from tests.sandbox.analysis.conftest import GROUP, RunDesk
from tests.sandbox.staging.staging_ground import Ground
from tests.sandbox.staging.test_original_zarr import files_below, register
from tests.sandbox.staging.test_whole_plates import PLACES, make_plate, pixels
from tests.unit.converters.test_ome_zarr_reader import make_store

pytestmark = pytest.mark.timeout(900)

#: Packs all that the workflow sees, and writes one table of all of it.
SEES = r"""
cd "$IN" && tar --create --dereference --file="$OUT/seen.tar" . && printf 'well,cells\nA2,5\nC1,3\n' > "$OUT/wells.csv"
"""


@pytest.fixture
def workflows(desk: RunDesk) -> Iterator[tuple[str, str]]:
    """One that takes plates, as OME-Zarr alone; and one that takes images."""
    programs = {"sees/sees_1.sh": SEES, copy_workflow.SCRIPT_FILE: copy_workflow.SCRIPT}
    for name, script in programs.items():
        file = Machine(desk.site.home).containers / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(script)
        account = file.parent.parent.stat()
        for place in (file.parent, file):
            os.chown(place, account.st_uid, account.st_gid)
    takes_plates = {"image": "tests/sees:1", "zarr": True, "mode": WorkflowMode.PLATES}
    with (
        cluster_changed(desk.site, **copy_workflow.CLUSTER),
        workflow_added(desk.site, "sees", copy_workflow.entry().model_copy(update=takes_plates)),
        workflow_added(desk.site, copy_workflow.NAME, copy_workflow.entry()),
    ):
        yield "sees", copy_workflow.NAME


def test_a_plate_goes_whole_or_field_by_field(desk: RunDesk, workflows: tuple[str, str], tmp_path: Path) -> None:
    takes_plates, takes_images = workflows
    ground = Ground(desk.site, desk.site.storage / GROUP / f"plates-{uuid.uuid4().hex[:8]}", desk.gateway, desk.gateway)
    store = _write_plate(ground.folder / "plate.zarr")
    registered = make_plate(
        ground, {place: register(ground, str(store / field_path(*place)), pixels(place)) for place in PLACES}
    )
    fields = {place: ground.pixel_image(f"field {place}", pixels(place)) for place in PLACES}
    drawn = make_plate(ground, fields)
    runs = {
        plate: desk.make_run(
            workflow={"name": takes_plates},
            inputs={"plates": [plate]},
            parameters={},
            results={"import_images": False, "attach_other_files": False},
        )
        for plate in (registered, drawn)
    }
    as_images = desk.make_run(
        workflow={"name": takes_images},
        inputs={"plates": [drawn]},
        parameters={},
        batch_size=2,
        results={"destination": {"type": "Dataset", "name": f"fields {uuid.uuid4()}"}},
    )
    for placed in [desk.place(run) for run in (*runs.values(), as_images)]:
        desk.wait_for_state(placed, "Completed", "Failed")

    seen: dict[int, Path] = {}
    for plate, run in runs.items():
        report = desk.report(run)
        assert report.succeeded, report
        (table,) = report.results
        assert (table.kind, table.input) == (ResultKind.TABLE, None)
        carried = {item.getId() for item in desk.gateway.getObject("Plate", plate).listAnnotations()}
        assert table.object_id in carried, "a table of the whole plate is the plate's"
        with tarfile.open(desk.site.storage / GROUP / ANALYZED / str(run.uuid) / "0" / "seen.tar") as packed:
            packed.extractall(tmp_path / str(plate), filter="data")
        (seen[plate],) = (tmp_path / str(plate)).iterdir()
        assert seen[plate].name == f"plate-{plate}_plate_7.ome.zarr"
    assert files_below(seen[registered]) == files_below(store)
    yaozarrs.validate_zarr_store(seen[drawn])
    for place in PLACES:
        array = zarr.open_array(seen[drawn] / field_path(*place) / "0", mode="r")
        np.testing.assert_array_equal(array[:], pixels(place))

    report = desk.report(as_images)
    assert report.succeeded, report
    assert len(report.verdicts) == 2
    kinds = (ResultKind.IMAGE, ResultKind.TABLE, ResultKind.ATTACHMENT)
    assert Counter((result.input, result.kind) for result in report.results) == Counter(
        (field, kind) for field in fields.values() for kind in kinds
    )


def _write_plate(folder: Path) -> Path:
    """A plate as a converter wrote it."""
    for file in plate_files("plate 7", {(0, 1): 2, (2, 0): 1}):
        (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.read())
    for place in PLACES:
        make_store(folder / field_path(*place), pixels(place))
    return folder
