"""One order of 200 small OME-TIFFs, beside a bare loop over the same ManagedRepository calls."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import tifffile
from omero.gateway import BlitzGateway
from omero.model import DatasetI
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI
from pydantic import SecretStr

from benchmarks.figure import Figure
from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from sandbox.site import Site
from tasks.managed_repository import ImportRequest, import_in_place

FILES = 200
ROUNDS = 3
GROUP = "lab-a"


def measure(site: Site) -> list[Figure]:
    orders, loops, logins = [], [], []
    for number in range(ROUNDS):
        names = write_images(site.storage / GROUP, f"bench-{number}", FILES)
        loops.append(import_bare(site, names))
        before = count_logins(site)
        orders.append(place_order(site, names, f"bench order {number}"))
        logins.append(count_logins(site) - before)
    order, loop = statistics.median(orders), statistics.median(loops)
    return [
        Figure(
            f"order of {FILES} OME-TIFFs, from Enter to the final table, median of {ROUNDS}",
            FILES / order,
            "files/s",
            f"{order / loop:.1f} x the time of the bare loop",
        ),
        Figure("bare loop over the same ManagedRepository calls, no Prefect, median", FILES / loop, "files/s"),
        Figure("OMERO logins with the password, per order", max(logins), "logins", "goal: 1"),
    ]


def write_images(group: Path, folder: str, count: int) -> list[str]:
    """OME-TIFFs of 64 x 64 pixels, 16 bit; their paths relative to the group's folder."""
    (group / folder).mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    names = [f"{folder}/{serial:05}.ome.tiff" for serial in range(count)]
    for name in names:
        tifffile.imwrite(group / name, random.integers(0, 4096, (64, 64), np.uint16), metadata={"axes": "YX"})
    return names


def place_order(site: Site, names: list[str], dataset: str) -> float:
    """Seconds of `omero-flows import`, process start and final table included."""
    began = time.monotonic()
    command = [sys.executable, "-m", "cli.main", "import", "--as", "alice", "--group", GROUP, "--dataset", dataset]
    subprocess.run([*command, *[str(site.storage / GROUP / name) for name in names]], env=site.environment(),
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    took = time.monotonic() - began
    with BlitzGateway("alice", site.password("alice"), host=site.omero_tcp, secure=False) as gateway:
        gateway.connect()
        made = gateway.getObject("Dataset", attributes={"name": dataset}).countChildren()
    if made != FILES:
        raise RuntimeError(f"the order made {made} images of {FILES} files")
    return took


def import_bare(site: Site, names: list[str]) -> float:
    """Seconds of the same imports in one loop in this process: one login, no Prefect, no authorisation."""
    server = OmeroServer(host=site.omero_host, port=site.omero_port, sudo_user="importer",
                         password=SecretStr(site.password("importer")))  # fmt: skip
    storage = ImageStorage(root=str(site.storage))
    identities = [storage.identify(GROUP, name) for name in names]
    began = time.monotonic()
    with server.as_user("alice", GROUP) as session:
        dataset = DatasetI()
        dataset.setName(rstring(f"bare {uuid.uuid4()}"))
        target = DatasetI(session.gateway.getUpdateService().saveAndReturnObject(dataset).id.val, False)
        for identity in identities:
            request = ImportRequest(files=(identity,), target=target, image_name=None, image_annotations=(),
                                    fileset_annotations=(), hash_sources=False)  # fmt: skip
            import_in_place(session.gateway, request, stopped=lambda: False, check_file=lambda _: None,
                            started=lambda _: None)  # fmt: skip
    return time.monotonic() - began


def count_logins(site: Site) -> int:
    """Sessions that the sudo account has opened so far, as OMERO recorded them."""
    with BlitzGateway("root", site.password("root"), host=site.omero_tcp, secure=False) as gateway:
        gateway.connect()
        parameters = ParametersI().addString("name", "importer")
        rows = gateway.getQueryService().projection(
            "select count(s) from Session s where s.owner.omeName = :name", parameters, {"omero.group": "-1"}
        )
        return int(unwrap(rows)[0][0])
