"""A file that is swapped between the check and the import, at exact points of the import: caught, and undone."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from contracts.failures import FailureCategory
from tests.sandbox.bad_input.bad_ground import Ground
from tests.sandbox.bad_input.waiting_for import wait_for

#: Where the import stands while the file is swapped: OMERO's brakes, sandbox/omero/brakes.py.
POINTS = (
    "ManagedRepository.importFileset.before",  # checked, and OMERO knows nothing yet
    "RawFileStore.write.before",  # checked once more, the link is not made
    "ImportProcess.verifyUpload.before",  # the link is made and checked, OMERO has not read it
)


@pytest.mark.parametrize(("point", "swap"), [*((point, "file") for point in POINTS), (POINTS[1], "folder")])
def test_a_swapped_file_is_caught_and_nothing_of_it_stays(
    ground: Ground, point: str, swap: str, request: pytest.FixtureRequest
) -> None:
    folder = ground.folder / f"swapped {uuid.uuid4()}"
    path = ground.write_tiff("whole.tif", folder)
    before = ground.census()
    order = ground.order(ground.relative(path), destination={"type": "Dataset", "id": ground.ids["dataset"]})
    brakes = ground.site.home.omero / "brakes"
    brakes.mkdir(exist_ok=True)
    brake, reached = brakes / point, brakes / f"{point}.reached"
    request.addfinalizer(lambda: [mark.unlink(missing_ok=True) for mark in (brake, reached)])
    brake.touch()
    run = ground.submit(order)
    wait_for(f"the import to stand at {point}", lambda: reached.exists() or None)
    point_elsewhere(path if swap == "file" else folder, ground.site.storage / "lab-b")
    reached.unlink()
    ground.wait_for_end(run)
    [outcome] = ground.report(uuid.UUID(order["uuid"])).files
    assert outcome.failure is not None and outcome.failure.category is FailureCategory.FILE_CHANGED
    assert ground.census() == before


def point_elsewhere(path: Path, other: Path) -> None:
    """Put a link to another group's file, or folder with such a file, in the place of `path`."""
    path.rename(path.with_name(f"{path.name}.away"))
    path.symlink_to(other if path.suffix != ".tif" else other / path.name)
