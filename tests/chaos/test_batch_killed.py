"""Batches that are killed, started twice, and left by OMERO, Prefect's database and the storage lose nothing.

OMERO_FLOWS_BATCH_FILES, OMERO_FLOWS_BATCH_KILLS and OMERO_FLOWS_BATCH_AWAY (seconds) make it larger: 1000, 50 and 60
for the whole proof.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from omero.gateway import BlitzGateway
from omero.sys import ParametersI

from contracts.batch.manifest import ManifestRow
from contracts.batch.orders import make_orders
from contracts.batch.report import BatchReport
from contracts.destination import Destination, DestinationType
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.chaos.aftermath import as_root, check_no_dangling_objects, check_repository, rows
from tests.chaos.desk import Desk, Placed
from tests.chaos.tiny_images import write_images
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(7200)

FILES = int(os.environ.get("OMERO_FLOWS_BATCH_FILES", "40"))
KILLS = int(os.environ.get("OMERO_FLOWS_BATCH_KILLS", "3"))
#: For how long the storage stays away once somebody has missed it.
AWAY_SECONDS = int(os.environ.get("OMERO_FLOWS_BATCH_AWAY", "0"))
SEED = 20261129
OURS = {"omero-flows/order", "biomero.import", "omero-flows/import"}


@dataclass
class Night:
    """One set of files of two users, whose batch is started as often as a test likes."""

    site: Site
    #: Of the images; `notes` lies elsewhere, because the storage goes away.
    folder: Path
    notes: Path
    dataset: str

    @property
    def listing(self) -> Path:
        return self.notes / "orders.json"

    def write(self, count: int) -> None:
        lab = self.site.storage / "lab-a"
        destination = Destination(type=DestinationType.DATASET, name=self.dataset)
        batch = [
            ManifestRow(
                line=line,
                path=file.relative_to(lab).as_posix(),
                user=("alice", "bob")[line % 2],
                group="lab-a",
                destination=destination,
                key_values=(("Number", str(line)),),
            )
            for line, file in enumerate(write_images(self.folder, count), start=1)
        ]
        self.listing.write_text(json.dumps([order.model_dump(mode="json") for order in make_orders(batch)]), "utf-8")

    def start(self) -> subprocess.Popen[bytes]:
        log = (self.notes / f"{uuid.uuid4().hex[:6]}.log").open("wb")
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.batch_process", str(self.listing)],
            cwd=PROJECT,
            env=os.environ | self.site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def imported(self, omero: BlitzGateway) -> list[str]:
        named = ParametersI().addString("name", self.dataset)
        found = rows(
            omero,
            "select i.name from DatasetImageLink l join l.parent d join l.child i where d.name = :name",
            named,
        )
        return [name for (name,) in found]

    def logs(self) -> str:
        return "\n".join(log.read_text("utf-8", "replace")[-6000:] for log in self.notes.glob("*.log"))

    def end(self, *processes: subprocess.Popen[bytes]) -> BatchReport:
        """Wait for the processes; the report of the one that ended last."""
        for process in processes:
            assert process.wait(timeout=3600) == 0, self.logs()
        return BatchReport.model_validate_json(self.listing.with_suffix(".report").read_text("utf-8"))


@pytest.fixture
def night(site: Site, order_folder: Path, tmp_path: Path) -> Night:
    return Night(site, order_folder, tmp_path, f"chaos {order_folder.name}")


@contextmanager
def unmounted(storage: Path) -> Iterator[None]:
    """The storage as it is when its mount has gone: an empty folder. Where nobody may mount, it has gone altogether."""
    covered = subprocess.run(["mount", "-t", "tmpfs", "unmounted", storage], check=False, stderr=subprocess.DEVNULL)
    if covered.returncode == 0:
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", storage], check=True)
        return
    away = storage.with_name("storage is away")
    storage.rename(away)
    try:
        yield
    finally:
        away.rename(storage)


def check_all_is_there(night: Night, desk: Desk, count: int) -> None:
    """Every file is one image, which carries each of our annotations once; and nothing else is left."""
    with as_root(night.site) as omero:
        names = night.imported(omero)
        assert len(names) == len(set(names)) == count, f"{len(names)} images, {len(set(names))} names of {count}"
        carried = rows(
            omero,
            "select l.parent.id, a.ns from ImageAnnotationLink l join l.child a, DatasetImageLink k join k.parent d "
            "where k.child.id = l.parent.id and d.name = :name",
            ParametersI().addString("name", night.dataset),
        )
        spaces = [(image, space) for image, space in carried if space in OURS]
        assert len(spaces) == len(set(spaces)) == 3 * count, f"{len(spaces)} annotations on {count} images"
        check_no_dangling_objects(omero)
        check_repository(omero, desk)
    locks = list((night.site.storage / "lab-a" / ".processed" / ".orders").glob("*.lock"))
    assert not locks, locks


def test_killed_at_random_moments(site: Site, night: Night, desk: Desk) -> None:
    """After each kill the batch is started anew, as the next night would; the last one is let go on to its end."""
    night.write(FILES)
    moments = sorted(random.Random(SEED).sample(range(1, FILES), KILLS))
    with as_root(site) as omero:
        for moment in moments:
            _kill_at(night, omero, moment)
    report = night.end(night.start())
    assert (report.imported + report.there, report.failed) == (FILES, 0), report.summary
    # The images of the files that were under way were there, perhaps without all their annotations.
    assert report.there >= moments[-1] - 2, report.summary
    check_all_is_there(night, desk, FILES)


def _kill_at(night: Night, omero: BlitzGateway, moment: int) -> None:
    """Start the batch and kill it once so many files are images."""
    process = night.start()

    def is_there() -> bool:
        assert process.poll() is None, f"it ended before it was killed\n{night.logs()}"
        return len(night.imported(omero)) >= moment

    wait_for(f"{moment} files to be imported", is_there, explain=night.logs)
    process.kill()
    process.wait()


def test_started_twice_while_everything_it_needs_goes_and_comes(site: Site, night: Night, desk: Desk) -> None:
    """OMERO is killed, PostgreSQL is restarted, and the storage is away for a while, one after another."""
    night.write(FILES)
    both = [night.start(), night.start()]
    with as_root(site) as omero:
        wait_for("a tenth", lambda: len(night.imported(omero)) >= FILES // 10, explain=night.logs)
    site.kill("omero")
    site.wait_until_ready("omero", seconds=120)
    site.restart("postgres", seconds=120)
    with as_root(site) as omero:
        wait_for("a third", lambda: len(night.imported(omero)) >= FILES // 3, explain=night.logs)
    with unmounted(site.storage):
        for process in both:
            assert process.poll() is None, night.logs()
        wait_for("somebody to miss it", lambda: "The image storage is not there" in night.logs(), seconds=120)
        time.sleep(AWAY_SECONDS)
    report = night.end(*both)
    if report.failed:
        # What was reported instead of imported is there after the next night.
        report = night.end(night.start())
    assert (report.imported + report.there, report.failed) == (FILES, 0), report.summary
    check_all_is_there(night, desk, FILES)


def test_killed_and_started_again_by_prefect(site: Site, night: Night, desk: Desk) -> None:
    """The report is of the whole run: what its first process imported was not there before."""
    night.write(FILES)
    manifest = night.notes / "night.csv"
    lab = site.storage / "lab-a"
    rows = [f"{file.relative_to(lab).as_posix()},{night.dataset}" for file in sorted(night.folder.iterdir())]
    manifest.write_text("\n".join(["path,dataset", *rows]), "utf-8")
    command = desk.command("batch", "run", str(manifest), "--as", "alice", "--group", "lab-a", "--detach")
    said, _ = command.communicate(timeout=300)
    assert command.returncode == 0, said
    found = re.search(r"[0-9a-f-]{36}", said)
    assert found is not None, said
    batch = Placed(desk, uuid.UUID(found[0]), uuid.UUID(found[0]))
    with as_root(site) as omero:
        wait_for("a third", lambda: len(night.imported(omero)) >= FILES // 3, explain=batch.describe)
    batch.kill()
    assert batch.wait_until_ended().is_completed(), batch.describe()
    assert batch.starts() == 2, batch.describe()
    shown = desk.command("batch", "show", str(batch.token), "--json")
    text, _ = shown.communicate(timeout=120)
    report = BatchReport.model_validate_json(text[text.index("{") :])
    # The file that was under way is found by its token, and counts as there.
    assert report.imported >= FILES - 4, report.summary
    assert (report.imported + report.there, report.failed) == (FILES, 0), report.summary
    assert report.began == batch.flow_run().start_time
    with as_root(site) as omero:
        names = night.imported(omero)
        assert len(names) == len(set(names)) == FILES
        check_no_dangling_objects(omero)
        check_repository(omero, desk)
