"""What an analysis would send to the cluster, read to its end and thrown away: no network, no cluster."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import psutil
import tifffile
from omero.gateway import BlitzGateway
from omero.model import DatasetI
from omero.rtypes import rstring
from pydantic import SecretStr

from benchmarks.figure import Figure
from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisInputs, AnalysisRun, ResultOptions, Workflow
from contracts.staging_plan import StagingPlan
from sandbox.site import Site
from tasks.managed_repository import ImportRequest, import_in_place
from tasks.staging_plan import ClusterInputs, make_staging_plan
from tasks.staging_sources import open_staging_sources

GROUP = "lab-a"
ROUNDS = 5
EDGE, PLANES = 2048, 48
SMALL, SMALL_EDGE = 1000, 64


def measure(site: Site) -> list[Figure]:
    server = OmeroServer(host=site.omero_host, port=site.omero_port, sudo_user="importer",
                         password=SecretStr(site.password("importer")))  # fmt: skip
    storage = ImageStorage(root=str(site.storage))
    folder = site.storage / GROUP / f"bench-staging-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    with server.as_user("alice", GROUP) as session:
        large = write_large(folder / "large.tif")
        dataset = import_file(session, storage, large)
        small = make_small(session.gateway)
        original, pixels = (plan(session, storage, dataset, form) for form in ("tif", "ometiff"))
        many = plan(session, storage, small, "ometiff")
        return [
            *large_figures(session, pixels),
            *original_figures(session, original, large),
            *small_figures(session, many),
        ]


def large_figures(session: OmeroSession, made: StagingPlan) -> list[Figure]:
    (image,) = made.inputs
    assert image.pixels is not None
    wanted = [(image.pixels.pixels, PLANES)]
    before = psutil.Process().memory_info().rss
    peak = peak_memory(lambda: send(session, made))
    bare, staged = alternate(lambda: sum(map(len, planes(session, wanted))), lambda: send(session, made))
    size = made.bytes_to_send / 2**20
    return [
        Figure(f"OME-TIFF of {size:.0f} MiB from OMERO's pixels, median of {ROUNDS}", size / median(staged), "MiB/s",
               f"{ratio(bare, staged):.2f} of the rate of a bare loop over getPlane"),
        Figure("memory that it takes at most", (peak - before) / 2**20, "MiB", f"{size:.0f} MiB are read"),
    ]  # fmt: skip


def original_figures(session: OmeroSession, made: StagingPlan, file: Path) -> list[Figure]:
    copy = file.with_name("copy.tif")
    copied, staged = alternate(lambda: run("cp", str(file), str(copy)), lambda: send(session, made))
    hashed, again = alternate(lambda: run("sha256sum", str(file)), lambda: send(session, made))
    copy.unlink()
    size = file.stat().st_size / 2**20
    return [
        Figure(f"an imported file of {size:.0f} MiB as it is, with its SHA-256, median", size / median(staged), "MiB/s",
               f"{ratio(copied, staged):.2f} of the rate of cp, {ratio(hashed, again):.2f} of sha256sum's"),
    ]  # fmt: skip


def small_figures(session: OmeroSession, made: StagingPlan) -> list[Figure]:
    ids = [(one.pixels.pixels, 1) for one in made.inputs if one.pixels is not None]
    bare, staged = alternate(lambda: sum(map(len, planes(session, ids))), lambda: send(session, made))
    return [
        Figure(f"{SMALL} OME-TIFFs of {SMALL_EDGE} x {SMALL_EDGE} pixels, median", SMALL / median(staged), "files/s",
               f"{ratio(bare, staged):.2f} of the rate of a bare loop over setPixelsId and getPlane"),
    ]  # fmt: skip


# ---- what is measured


def send(session: OmeroSession, made: StagingPlan) -> int:
    with open_staging_sources(made, session) as sources:
        return sum(len(piece) for source in sources for piece in source.open())


def planes(session: OmeroSession, wanted: Iterable[tuple[int, int]]) -> Iterable[bytes]:
    """The planes of each Pixels, with one store, in one loop."""
    store = session.gateway.c.sf.createRawPixelsStore()
    for pixels, count in wanted:
        store.setPixelsId(pixels, True)
        for number in range(count):
            yield store.getPlane(number, 0, 0)
    store.close()


def run(*command: str) -> int:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 0


def alternate(first: Callable[[], int], second: Callable[[], int]) -> tuple[list[float], list[float]]:
    """Seconds of each, in turn, after one round that does not count."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for seconds, work in zip(took, (first, second), strict=True):
            began = time.monotonic()
            work()
            if number:
                seconds.append(time.monotonic() - began)
    return took


def median(seconds: list[float]) -> float:
    return statistics.median(seconds)


def ratio(peer: list[float], ours: list[float]) -> float:
    """Our rate beside the peer's."""
    return median(peer) / median(ours)


def peak_memory(work: Callable[[], int]) -> int:
    """The largest resident size of this process while it works, in bytes."""
    process, done, peak = psutil.Process(), threading.Event(), 0

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return peak


# ---- what it is measured with


def write_large(path: Path) -> Path:
    random = np.random.default_rng(1)
    with tifffile.TiffWriter(path, imagej=True) as tiff:
        data = (random.integers(0, 4096, (EDGE, EDGE), np.uint16) for _ in range(PLANES))
        tiff.write(data, shape=(PLANES, EDGE, EDGE), dtype=np.uint16, metadata={"axes": "ZYX"})
    return path


def new_dataset(gateway: BlitzGateway) -> int:
    dataset = DatasetI()
    dataset.setName(rstring(f"staging benchmark {uuid.uuid4()}"))
    return int(gateway.getUpdateService().saveAndReturnObject(dataset).id.val)


def import_file(session: OmeroSession, storage: ImageStorage, path: Path) -> int:
    """Import the file in place; the id of its dataset."""
    dataset = new_dataset(session.gateway)
    identity = storage.identify(GROUP, str(path.relative_to(storage.folder(GROUP))))
    request = ImportRequest(files=(identity,), target=DatasetI(dataset, False), image_name=None, image_annotations=(),
                            fileset_annotations=(), hash_sources=False)  # fmt: skip
    import_in_place(session.gateway, request, stopped=lambda: False, check_file=lambda _: None, started=lambda _: None)
    return dataset


def make_small(gateway: BlitzGateway) -> int:
    """Images that a client wrote; the id of their dataset."""
    dataset = new_dataset(gateway)
    parent = gateway.getObject("Dataset", dataset)
    plane = np.arange(SMALL_EDGE**2, dtype=np.uint16).reshape(SMALL_EDGE, SMALL_EDGE)
    for serial in range(SMALL):
        gateway.createImageFromNumpySeq(iter([plane]), f"{serial:04}.tif", dataset=parent)
    return dataset


def plan(session: OmeroSession, storage: ImageStorage, dataset: int, form: str) -> StagingPlan:
    order = AnalysisRun(
        uuid=uuid.uuid4(),
        user="alice",
        group=GROUP,
        workflow=Workflow(name="bench"),
        inputs=AnalysisInputs(datasets=(dataset,)),
        results=ResultOptions(import_images=False),
    )
    return make_staging_plan(order, session, storage, ClusterInputs(formats=(form,)))
