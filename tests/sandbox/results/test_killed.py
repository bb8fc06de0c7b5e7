"""kill -9 at every step of bringing results into OMERO: the next attempt does the rest, and nothing twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from omero.sys import ParametersI

from contracts import namespaces
from contracts.analysis_run import ResultOptions, RoiShape
from contracts.run_results import ResultKind, RunResults
from tests.chaos.brake import Brake
from tests.sandbox.results.attempt import Attempt
from tests.sandbox.results.conftest import FACTS, Bench
from tests.sandbox.results.test_attachments import content
from tests.sandbox.results.test_rois import cells, drawn_labels, rois_of
from tests.sandbox.results.test_tables import file_of, read

#: Calls to OMERO at which an attempt is killed, in the sequence in which they are met: each attempt finds what the ones
#: before it have left.
STEPS = (
    "ManagedRepository.importFileset.after",  # a fileset is there, and nobody was told
    "ImportProcess.verifyUpload.after",  # OMERO imports, and nobody was told
    "IUpdate.saveAndReturnArray.before",  # the image is there, not annotated
    "IUpdate.saveAndReturnArray.after",  # annotated, and nobody was told
    "IUpdate.saveAndReturnObject.after",  # the ROIs' annotation is there, no ROI
    "IUpdate.saveArray.after",  # a batch of ROIs is there, and nobody was told
    "IUpdate.saveArray.before",  # some ROIs are there, others not
    "SharedResources.newTable.after",  # a table without columns
    "Table.addData.after",  # a table that nothing refers to
    "IUpdate.saveAndReturnArray.before",  # a whole table that nothing refers to
    "IUpdate.saveObject.before",  # an attached table that has no name yet
    "IUpdate.saveAndReturnObject.after",  # a file without bytes
    "RawFileStore.write.after",  # a file with some bytes
    "RawFileStore.save.before",  # a file with all bytes
    "IUpdate.saveAndReturnArray.after",  # an attachment, and nobody was told
    "RawFileStore.write.before",  # an archive without bytes
    "IUpdate.saveAndReturnArray.before",  # an archive that nothing refers to
)


@contextmanager
def started(attempt: Attempt) -> Iterator[multiprocessing.process.BaseProcess]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sandbox.results.attempt"])
    process = context.Process(target=attempt.make, daemon=True)
    process.start()
    try:
        yield process
    finally:
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
        process.join()


def kill_at(bench: Bench, attempt: Attempt, step: str) -> None:
    brake = Brake(bench.site, step)
    try:
        with started(attempt) as process:
            while not brake.is_reached:
                process.join(0.02)
                assert process.exitcode is None, f"the attempt ended ({process.exitcode}) before it came to {step}"
    finally:
        brake.release()


@pytest.mark.timeout(300)
async def test_killed_at_every_step(bench: Bench) -> None:
    bench.options = ResultOptions(rois=RoiShape.POLYGONS, archive=True)
    staged = bench.input()
    other = bench.input("other.czi")
    bench.bring_image(f"{staged.image}_cells_labels.tif", cells())
    bench.bring(f"{staged.image}_cells.csv", "label,area\n" + "1,2.5\n" * 12_000)
    noise = np.random.default_rng(1).integers(0, 255, 5_000_000, np.uint8).tobytes()
    bench.bring("noise.bin", noise)
    attempt = Attempt(
        bench.run,
        FACTS,
        tuple(bench.staged),
        tuple(bench.files),
        {
            "host": bench.server.host,
            "port": bench.server.port,
            "sudo_user": bench.server.sudo_user,
            "password": bench.server.password.get_secret_value(),
        },
        bench.storage.root,
        rois_at_once=2,
    )
    before = census(bench)
    for step in STEPS:
        kill_at(bench, attempt, step)
    last = attempt.make()
    again = attempt.make()

    assert [result.kind for result in last.results] == [
        ResultKind.IMAGE,
        ResultKind.ROIS,
        ResultKind.TABLE,
        ResultKind.ATTACHMENT,
        ResultKind.ARCHIVE,
    ]
    assert (last.failed, last.unmarked) == ((), ())
    assert all(result.was_there for result in again.results)
    assert [(r.kind, r.object_id, r.count) for r in again.results if r.kind is not ResultKind.ARCHIVE] == [
        (r.kind, r.object_id, r.count) for r in last.results if r.kind is not ResultKind.ARCHIVE
    ]
    _check_everything_is_there_once(bench, last, staged.image, noise)
    assert census(bench) == {
        kind: count + more for (kind, count), more in zip(before.items(), (1, 1, 5, 4, 3, 19), strict=True)
    }
    marks = "select count(l.id) from ImageAnnotationLink l join l.child a where l.parent.id = :id and a.ns = :ns"
    for image in (staged.image, other.image):
        parameters = ParametersI().addId(image)
        parameters.addString("ns", namespaces.ANALYSIS)
        assert bench.rows(marks, parameters) == [[1]]


def census(bench: Bench) -> dict[str, int]:
    """How many objects there are of what bringing results makes; a run leaves exactly one of each it needs.

    The run of the test: an image with its fileset, file and log; four ROIs; a table, an attachment and an archive, each
    with its file. Key-values: the fileset's and the image's tokens, four on the image, one on all ROIs, four on the
    table, four on the attachment, three on the archive (it comes from no single job), one on the inputs.
    """
    kinds = ("Image", "Fileset", "OriginalFile", "Roi", "FileAnnotation", "MapAnnotation")
    return {
        kind: int(
            bench.rows(
                f"select count(o.id) from {kind} o"
                + (" where o.mimetype <> 'Directory'" if kind == "OriginalFile" else "")
            )[0][0]
        )
        for kind in kinds
    }


def _check_everything_is_there_once(bench: Bench, results: RunResults, image: int, noise: bytes) -> None:
    made = {result.kind: result for result in results.results}
    for namespace in (namespaces.TOKEN, namespaces.RESULT, namespaces.WORKFLOW):
        assert bench.pairs("Image", made[ResultKind.IMAGE].object_id, namespace)
    assert len(rois_of(bench, image)) == 4
    assert (drawn_labels(bench, image, (48, 64)) == cells()).all()
    table = made[ResultKind.TABLE]
    assert list(read(bench, table)["area"].values) == [2.5] * 12_000
    assert file_of(bench, table).getName() == f"{image}_cells.csv"
    assert content(bench, made[ResultKind.ATTACHMENT].object_id) == noise
    assert content(bench, made[ResultKind.ARCHIVE].object_id)
