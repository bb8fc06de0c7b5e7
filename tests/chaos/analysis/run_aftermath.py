"""What has to be true of analysis runs after any accident: one job for each attempt that counted, one set of results.

Neither the flow nor its report is believed: Slurm, OMERO, the cluster's disk, the image storage, Prefect's history and
the process table are asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from omero.gateway import BlitzGateway
from omero.sys import ParametersI
from prefect.client.schemas.objects import StateType

from contracts import namespaces
from contracts.run_results import ResultKind
from tests.chaos.aftermath import as_root, check_no_dangling_objects, check_repository, check_run, rows
from tests.chaos.analysis.placed_runs import GROUP, PlacedRun, RunDesk
from tests.chaos.waiting import wait_for

#: What the workflow makes of each image.
OF_EACH = (ResultKind.IMAGE, ResultKind.TABLE, ResultKind.ATTACHMENT)


@dataclass(frozen=True)
class RunEnding:
    """How one run has to have ended. `jobs`: that Slurm has taken; `images`: inputs with results (default: all)."""

    placed: PlacedRun
    state: StateType = StateType.COMPLETED
    jobs: int = 1
    images: tuple[int, ...] | None = None

    @property
    def analysed(self) -> tuple[int, ...]:
        if self.images is not None:
            return self.images
        return self.placed.run.inputs.images if self.state is StateType.COMPLETED else ()


def check_run_aftermath(desk: RunDesk, *endings: RunEnding) -> None:
    """Every run ended as it should, and the whole site is clean. No other run may be under way.

    Raises:
        AssertionError: names what is lost, twice or left over.
    """
    for ending in endings:
        check_run(ending.placed, ending.state)
        _check_jobs(ending)
        _check_report(ending)
        _check_folders(ending)
        wait_for(
            f"the processes of {ending.placed} to be gone",
            lambda placed=ending.placed: not placed.processes(),  # type: ignore[misc]
            explain=ending.placed.describe,
        )
    with as_root(desk.site) as omero:
        for ending in endings:
            # One that was cancelled keeps what it has by then; its retry has to make it whole.
            if ending.state is not StateType.CANCELLED:
                _check_results(omero, ending)
                _check_marks(omero, ending)
                _check_files(omero, ending)
        check_no_dangling_objects(omero)
        check_repository(omero, desk)


def _check_jobs(ending: RunEnding) -> None:
    placed = ending.placed
    # slurmctld tells the accounting a little later; one job too many stays.
    wait_for(f"all jobs of {placed}", lambda: len(placed.jobs()) >= ending.jobs, seconds=120, explain=placed.describe)
    assert len(placed.jobs()) == ending.jobs, f"jobs {placed.jobs()}, not {ending.jobs}\n{placed.describe()}"
    # A cancelled job takes a moment to go.
    wait_for(f"the jobs of {placed} to be gone", lambda: not placed.queue(), seconds=120, explain=placed.describe)


def _check_report(ending: RunEnding) -> None:
    if ending.state is StateType.CANCELLED:
        return
    report = ending.placed.report()
    assert report is not None, f"no report\n{ending.placed.describe()}"
    assert report.succeeded == (ending.state is StateType.COMPLETED), report
    said = Counter((result.input, result.kind) for result in report.results)
    assert said == _expected(ending), f"the report says {said}\n{ending.placed.describe()}"


def _expected(ending: RunEnding) -> Counter[tuple[int | None, ResultKind]]:
    return Counter((image, kind) for image in ending.analysed for kind in OF_EACH)


def _check_folders(ending: RunEnding) -> None:
    """Of a run that succeeded nothing is left on the cluster; nobody's results are left half-way; no lock."""
    placed = ending.placed
    if ending.state is StateType.COMPLETED:
        assert not placed.scratch.exists(), f"left on the cluster: {sorted(placed.scratch.rglob('*'))}"
    partial = [path for path in placed.results.rglob("*") if "partial" in path.name]
    assert not partial, f"half results are left: {partial}\n{placed.describe()}"
    lock = placed.desk.site.storage / GROUP / ".processed" / ".orders" / f"{placed.token}.lock"
    assert not lock.exists(), f"the run has ended and its lock is left: {lock}"


# ---- OMERO


def _check_results(omero: BlitzGateway, ending: RunEnding) -> None:
    """Each result is there once, and carries the run's annotation once."""
    found: Counter[tuple[int | None, ResultKind]] = Counter()
    for (annotation,) in _annotations(omero, ending, namespaces.RESULT):
        pairs = _pairs(omero, annotation)
        images = _holders(omero, "ImageAnnotationLink", annotation)
        files = _holders(omero, "AnnotationAnnotationLink", annotation)
        assert len(images) + len(files) == 1, f"annotation {annotation} is on images {images}, files {files}: {pairs}"
        name = pairs["Result_Path"]
        kind = ResultKind.IMAGE if images else ResultKind.TABLE if name.endswith(".csv") else ResultKind.ATTACHMENT
        found[int(pairs["Input_Image"]), kind] += 1
        if files:
            parents = _holders(omero, "ImageAnnotationLink", files[0])
            assert parents == [int(pairs["Input_Image"])], f"{name} is linked to {parents}"
    expected = _expected(ending)
    assert found == expected, f"in OMERO: {found}, expected: {expected}\n{ending.placed.describe()}"
    tokens = [
        image for (a,) in _annotations(omero, ending, namespaces.TOKEN, "Order") for image in _images_of(omero, a)
    ]
    assert len(tokens) == len(ending.analysed), f"result images: {tokens}\n{ending.placed.describe()}"


def _check_marks(omero: BlitzGateway, ending: RunEnding) -> None:
    """One annotation says of all inputs that this run used them."""
    marks = [
        image
        for (annotation,) in _annotations(omero, ending, namespaces.ANALYSIS)
        for image in _holders(omero, "ImageAnnotationLink", annotation)
    ]
    expected = sorted(ending.placed.run.inputs.images) if ending.analysed else []
    assert sorted(marks) == expected, f"marked inputs: {marks}\n{ending.placed.describe()}"


def _check_files(omero: BlitzGateway, ending: RunEnding) -> None:
    """No file of the run lies in OMERO that no annotation refers to."""
    parameters = ParametersI().addString("path", f"%{ending.placed.token}%")
    files = {row[0] for row in rows(omero, "select f.id from OriginalFile f where f.path like :path", parameters)}
    linked = {row[0] for row in rows(omero, "select a.file.id from FileAnnotation a")}
    imported = {row[0] for row in rows(omero, "select e.originalFile.id from FilesetEntry e")}
    folders = {row[0] for row in rows(omero, "select f.id from OriginalFile f where f.mimetype = 'Directory'")}
    left = files - linked - imported - folders
    assert not left, f"files that nothing refers to: {sorted(left)}\n{ending.placed.describe()}"


def _annotations(omero: BlitzGateway, ending: RunEnding, namespace: str, key: str = "UUID") -> list[list[int]]:
    parameters = ParametersI().addString("ns", namespace)
    parameters.addString("key", key)
    parameters.addString("token", str(ending.placed.token))
    return rows(
        omero,
        "select a.id from MapAnnotation a join a.mapValue v "
        "where a.ns = :ns and v.name = :key and v.value = :token order by a.id",
        parameters,
    )


def _holders(omero: BlitzGateway, link: str, annotation: int) -> list[int]:
    query = f"select l.parent.id from {link} l where l.child.id = :id order by l.parent.id"
    return [row[0] for row in rows(omero, query, ParametersI().addId(annotation))]


def _images_of(omero: BlitzGateway, annotation: int) -> list[int]:
    """Images of the filesets that carry an annotation."""
    return [
        row[0]
        for fileset in _holders(omero, "FilesetAnnotationLink", annotation)
        for row in rows(omero, "select i.id from Image i where i.fileset.id = :id", ParametersI().addId(fileset))
    ]


def _pairs(omero: BlitzGateway, annotation: int) -> dict[str, str]:
    found = omero.c.sf.getQueryService().get("MapAnnotation", annotation, {"omero.group": "-1"})
    return {pair.name: pair.value for pair in found.getMapValue()}
