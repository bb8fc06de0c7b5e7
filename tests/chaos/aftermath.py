"""What has to be true after any accident: nothing lost, nothing twice, nothing left lying about.

Every test of this ring ends with `check_aftermath`, once all its orders have ended. It believes neither the flow nor
its report: OMERO, the disk, Prefect's history and the process table are asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from omero.gateway import BlitzGateway
from omero.rtypes import rlist, rstring, unwrap
from omero.sys import ParametersI
from prefect.client.schemas.objects import StateType

from blocks.container_engine import LABEL
from contracts import namespaces
from contracts.forms.storage import KEY_VALUES, RECORDS, read_records
from contracts.import_report import FileState
from converters.reader import open_image_file
from sandbox.site import Site
from tests.chaos.converter_processes import processes_in
from tests.chaos.desk import Desk, Placed, find_dead_links
from tests.chaos.placed_orders import GROUP, OrderDesk, PlacedOrder
from tests.chaos.waiting import wait_for

EVERYWHERE = {"omero.group": "-1"}
#: What every image carries, and the key under which its order's token stands there.
TOKEN_KEYS = {namespaces.TOKEN: "Order", namespaces.IMPORT: "UUID", namespaces.PROVENANCE: "UUID"}


@dataclass(frozen=True)
class Ending:
    """How one order has to have ended. `images`: by the file's path in the order; default: every series of each."""

    placed: PlacedOrder
    state: StateType = StateType.COMPLETED
    images: Mapping[str, int] = field(default_factory=dict)

    def expected_images(self) -> dict[str, int]:
        folder = self.placed.desk.site.storage / GROUP
        return {
            file.path: self.images[file.path]
            if file.path in self.images
            else 0
            if self.state is not StateType.COMPLETED
            else _count_series(folder / file.path)
            for file in self.placed.order.files
        }


def check_aftermath(desk: OrderDesk, *endings: Ending) -> None:
    """Every order ended as it should, and the whole site is clean. No other order may be under way.

    Raises:
        AssertionError: names what is lost, twice or left over.
    """
    for ending in endings:
        check_run(ending.placed, ending.state)
    with as_root(desk.site) as omero:
        found = _images_by_source(omero, desk.site)
        for ending in endings:
            images = _check_images(ending, found)
            _check_annotations(omero, ending, images)
            _check_report(ending, images)
            _check_forms(omero, ending)
        check_no_dangling_objects(omero)
        check_repository(omero, desk)
    for ending in endings:
        _check_storage(ending)
        _check_no_process(ending)
    _check_containers(desk.site, endings)


def take_away(placed: PlacedOrder) -> None:
    """Delete what an order imported, for a test whose files go away with it: OMERO's links to them would stay."""
    report = placed.report()
    assert report is not None, f"no report\n{placed.describe()}"
    filesets = [fileset for outcome in report.files for fileset in outcome.filesets]
    with as_root(placed.desk.site) as omero:
        omero.SERVICE_OPTS.setOmeroGroup("-1")
        omero.deleteObjects("Fileset", filesets, wait=True)


def _count_series(path: Path) -> int:
    with open_image_file(path) as file:
        return len(file.series)


@contextmanager
def as_root(site: Site) -> Iterator[BlitzGateway]:
    gateway = BlitzGateway("root", site.password("root"), host=site.omero_tcp)
    assert gateway.connect(), gateway.getLastError()
    try:
        yield gateway
    finally:
        gateway.close()


def rows(omero: BlitzGateway, query: str, parameters: ParametersI | None = None) -> list[Any]:
    return list(unwrap(omero.c.sf.getQueryService().projection(query, parameters, EVERYWHERE)))


# ---- Prefect


def check_run(placed: Placed, state: StateType) -> None:
    """One flow run, in this state, and none of its steps goes on."""
    runs = placed.runs()
    assert [run.id for run in runs] == [placed.run_id], f"one token, {len(runs)} flow runs: {placed}"
    assert runs[0].state_type is state, f"expected {state.value}\n{placed.describe()}"
    # Prefect writes the states of steps down a little later than they happen.
    wait_for(
        "every step of the run to have ended in Prefect too",
        lambda: not _running_steps(placed),
        seconds=60,
        explain=lambda: f"these are said to run: {_running_steps(placed)}\n{placed.describe()}",
    )


def _running_steps(placed: Placed) -> list[str]:
    return [task.name for task in placed.task_runs() if task.state_type in (StateType.RUNNING, StateType.PENDING)]


def _check_report(ending: Ending, images: Mapping[str, list[int]]) -> None:
    report = ending.placed.report()
    assert report is not None, f"no report\n{ending.placed.describe()}"
    for outcome in report.files:
        said = sorted(item.id for item in outcome.objects)
        assert said == sorted(images[outcome.path]), f"the report says {said}, OMERO has {images[outcome.path]}"
        assert (outcome.state is FileState.IMPORTED) == bool(images[outcome.path]), outcome


# ---- OMERO


def _images_by_source(omero: BlitzGateway, site: Site) -> dict[str, list[tuple[int, int]]]:
    """Path of the source file in its group's folder -> (image, series), for every image that a fileset made."""
    first: dict[int, str] = {}
    for fileset, path in rows(omero, "select e.fileset.id, e.clientPath from FilesetEntry e order by e.id"):
        first.setdefault(fileset, path)
    base = str(site.storage / GROUP).strip("/")
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for image, series, fileset in rows(
        omero, "select i.id, i.series, f.id from Image i join i.fileset f order by i.id"
    ):
        path = PurePosixPath(first[fileset])
        if path.is_relative_to(base):
            found[_source_of(path.relative_to(base))].append((image, series))
    return found


def _source_of(path: PurePosixPath) -> str:
    """The source of a converted file: `folder/.processed/[.alternative/]<order>/<source>/output`."""
    if ".processed" not in path.parts:
        return str(path)
    where = path.parts.index(".processed")
    below = [part for part in path.parts[where + 1 :] if part != ".alternative"]
    return str(PurePosixPath(*path.parts[:where], below[1].removesuffix(".partial")))


def _check_images(ending: Ending, found: Mapping[str, list[tuple[int, int]]]) -> dict[str, list[int]]:
    """The order's images by source."""
    for path, expected in ending.expected_images().items():
        images = found.get(path, [])
        assert len(images) == expected, (
            f"{path} should be {expected} images and is {len(images)}: {images}\n{ending.placed.describe()}"
        )
    return {file.path: [image for image, _ in found.get(file.path, [])] for file in ending.placed.order.files}


def _check_annotations(omero: BlitzGateway, ending: Ending, images: Mapping[str, list[int]]) -> None:
    """Each image carries each of our annotations of this order once."""
    ids = [image for of_file in images.values() for image in of_file]
    if not ids:
        return
    carried: dict[int, Counter[str]] = {image: Counter() for image in ids}
    parameters = ParametersI().addIds(ids)
    parameters.add("spaces", rlist([rstring(space) for space in TOKEN_KEYS]))
    for image, annotation, namespace in rows(
        omero,
        "select l.parent.id, a.id, a.ns from ImageAnnotationLink l join l.child a "
        "where l.parent.id in (:ids) and a.ns in (:spaces)",
        parameters,
    ):
        pairs = dict(_pairs(omero, annotation))
        assert pairs[TOKEN_KEYS[namespace]] == str(ending.placed.order.uuid), f"image {image}: {pairs}"
        carried[image][namespace] += 1
    wanted = Counter(dict.fromkeys(TOKEN_KEYS, 1))
    wrong = {image: dict(counted) for image, counted in carried.items() if counted != wanted}
    assert not wrong, f"images that are not annotated exactly once: {wrong}\n{ending.placed.describe()}"


def _check_forms(omero: BlitzGateway, ending: Ending) -> None:
    """What was filled in with an order that succeeded is one record, and stands on the order's dataset once."""
    order = ending.placed.order
    if not order.forms or ending.state is not StateType.COMPLETED:
        return
    named = ParametersI().addString("name", order.destination.name)
    [(dataset,)] = rows(omero, "select d.id from Dataset d where d.name = :name", named)
    for filled in order.forms:
        records = ParametersI().addString("ns", f"{RECORDS}Dataset/{dataset}/{filled.form}")
        kept = rows(omero, "select a.id from MapAnnotation a where a.ns = :ns", records)
        told = rows(
            omero,
            "select a.id from DatasetAnnotationLink l join l.child a where l.parent.id = :id and a.ns = :ns",
            ParametersI().addId(dataset).addString("ns", KEY_VALUES + filled.form),
        )
        assert (len(kept), len(told)) == (1, 1), f"{filled.form}: {kept}, {told}\n{ending.placed.describe()}"
        [record] = read_records([tuple(_pairs(omero, kept[0][0]))])
        assert record.values == filled.values, record


def _pairs(omero: BlitzGateway, annotation: int) -> list[tuple[str, str]]:
    found = omero.c.sf.getQueryService().get("MapAnnotation", annotation, EVERYWHERE)
    return [(pair.name, pair.value) for pair in found.getMapValue()]


def check_no_dangling_objects(omero: BlitzGateway) -> None:
    """No fileset without an image; no annotation of ours on nothing."""
    filesets = {row[0] for row in rows(omero, "select f.id from Fileset f")}
    filled = {row[0] for row in rows(omero, "select f.id from Image i join i.fileset f")}
    assert filesets == filled, f"filesets without an image: {sorted(filesets - filled)}"
    parameters = ParametersI().add("spaces", rlist([rstring(space) for space in TOKEN_KEYS]))
    annotations = {
        row[0] for row in rows(omero, "select a.id from MapAnnotation a where a.ns in (:spaces)", parameters)
    }
    used = {
        row[0]
        for kind in ("Image", "Plate", "Fileset")
        for row in rows(omero, f"select l.child.id from {kind}AnnotationLink l")
    }
    assert annotations <= used, f"annotations on nothing: {sorted(annotations - used)}"
    jobs = {row[0] for row in rows(omero, "select l.child.id from FilesetJobLink l")}
    uploads = {row[0] for row in rows(omero, "select j.id from UploadJob j")}
    assert uploads <= jobs, f"upload jobs of no fileset: {sorted(uploads - jobs)}"


def check_repository(omero: BlitzGateway, desk: Desk) -> None:
    """Disk and database agree: every link leads to a file, every file is registered, every registered file is there.

    Links that were dead before this ring began are other tests' matter: some take a source file away on purpose.
    """
    root = desk.site.home.omero / "ManagedRepository"
    known = {
        root / path.lstrip("/") / name
        for path, name, kind in rows(
            omero, "select f.path, f.name, f.mimetype from OriginalFile f where f.repo is not null"
        )
        if kind not in ("Directory", "Repository")
    }
    there = {place for place in root.rglob("*") if place.is_symlink() or place.is_file()}
    dead = find_dead_links(root) - desk.dead_before
    assert not dead, f"links to files that are gone: {dead}"
    assert not there - known, f"files in the repository that OMERO does not know: {sorted(there - known)}"
    assert not known - there, f"files that OMERO knows and that are gone: {sorted(known - there)}"


# ---- the image storage, the machine


def _check_storage(ending: Ending) -> None:
    """In `.processed` only whole conversions of orders that succeeded; no lock of this order."""
    order, group = ending.placed.order, ending.placed.desk.site.storage / GROUP
    converted = {path for path, count in ending.expected_images().items() if count and order.preprocessing is not None}
    for folder in {(group / file.path).parent for file in order.files}:
        of_order = folder / ".processed" / str(order.uuid)
        whole = {of_order / PurePosixPath(path).name for path in converted if (group / path).parent == folder}
        there = set(of_order.iterdir()) if of_order.exists() else set()
        assert there == whole, f"in .processed: {there ^ whole}\n{ending.placed.describe()}"
        assert all((place / "manifest.json").is_file() for place in whole)
        alternative = folder / ".processed" / ".alternative" / str(order.uuid)
        assert not alternative.exists(), f"alternative outputs are left: {list(alternative.rglob('*'))}"
    lock = group / ".processed" / ".orders" / f"{order.uuid}.lock"
    assert not lock.exists(), f"the order has ended and its lock is left: {lock}"


def _check_no_process(ending: Ending) -> None:
    """Neither a process of the run nor a converter is left; a flow that has ended may take a moment to go."""
    placed = ending.placed
    wait_for(f"the processes of {placed} to be gone", lambda: not placed.processes(), explain=placed.describe)
    group = placed.desk.site.storage / GROUP
    folders = {(group / file.path).parent for file in placed.order.files}
    wait_for(
        "converters to be gone",
        lambda: not processes_in(folders),
        seconds=30,
        explain=lambda: f"left: {processes_in(folders)}",
    )


def _check_containers(site: Site, endings: tuple[Ending, ...]) -> None:
    if site.docker_socket is None:
        return
    import docker

    tokens = tuple(str(ending.placed.order.uuid) for ending in endings)
    client = docker.DockerClient(base_url=f"unix://{site.docker_socket}")
    try:
        left = [
            container.name
            for container in client.containers.list(all=True, filters={"label": LABEL})
            if container.labels[LABEL].startswith(tokens)
        ]
    finally:
        client.close()
    assert not left, f"containers that are left: {left}"
