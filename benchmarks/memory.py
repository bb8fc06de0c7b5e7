"""Resident memory of the worker and of the embedded OMERO, before and after 20,000 images."""

from __future__ import annotations

import time

import psutil
from omero.gateway import BlitzGateway
from omero.model import (
    ChannelI,
    DatasetI,
    DatasetImageLinkI,
    DimensionOrderI,
    ImageI,
    LogicalChannelI,
    PixelsI,
    PixelsTypeI,
)
from omero.rtypes import rbool, rint, rstring, unwrap

from benchmarks.figure import Figure
from sandbox.site import Site

IMAGES = 20_000
BATCH = 500


def resident(site: Site, service: str) -> float:
    """MiB of a service's process with all its children."""
    status = site.status()
    assert status is not None
    process = status.services[service].process
    assert process is not None
    tree = psutil.Process(process.pid)
    return sum(member.memory_info().rss for member in [tree, *tree.children(recursive=True)]) / 2**20


def measure(site: Site) -> list[Figure]:
    worker, empty = resident(site, "worker"), resident(site, "omero")
    began = time.monotonic()
    with BlitzGateway("alice", site.password("alice"), host=site.omero_tcp, secure=False) as gateway:
        gateway.connect()
        make_images(gateway, IMAGES)
        made = time.monotonic() - began
        count = unwrap(gateway.getQueryService().projection("select count(i) from Image i", None))[0][0]
    full = resident(site, "omero")
    site.restart("omero", seconds=120)
    return [
        Figure("worker, idle, resident", worker, "MiB"),
        Figure("embedded OMERO, empty, resident", empty, "MiB"),
        Figure(f"embedded OMERO, {count:,} images of 2 channels, resident", full, "MiB", f"{full / empty:.1f} x empty"),
        Figure("the same after a restart", resident(site, "omero"), "MiB"),
        Figure("images made through OMERO's API", IMAGES / made, "a second"),
    ]


def make_images(gateway: BlitzGateway, number: int) -> None:
    """Images as an import leaves them in the database: pixels, two channels, a link to a Dataset."""
    update = gateway.getUpdateService()
    dataset = DatasetI()
    dataset.setName(rstring(f"{number} images"))
    dataset = DatasetI(update.saveAndReturnObject(dataset).id.val, False)
    for first in range(0, number, BATCH):
        update.saveArray([_image(dataset, serial) for serial in range(first, min(first + BATCH, number))])


def _image(dataset: DatasetI, serial: int) -> DatasetImageLinkI:
    pixels = PixelsI()
    pixels.setSha1(rstring("none"))
    for setter, size in (
        (pixels.setSizeX, 512),
        (pixels.setSizeY, 512),
        (pixels.setSizeZ, 1),
        (pixels.setSizeC, 2),
        (pixels.setSizeT, 1),
    ):
        setter(rint(size))
    pixels.setDimensionOrder(_enumeration(DimensionOrderI(), "XYZCT"))
    pixels.setPixelsType(_enumeration(PixelsTypeI(), "uint16"))
    for name in ("DAPI", "GFP"):
        logical = LogicalChannelI()
        logical.setName(rstring(name))
        channel = ChannelI()
        channel.setLogicalChannel(logical)
        pixels.addChannel(channel)
    image = ImageI()
    image.setName(rstring(f"field {serial:05}.tif"))
    image.setSeries(rint(0))
    image.setArchived(rbool(False))
    image.addPixels(pixels)
    link = DatasetImageLinkI()
    link.setParent(dataset)
    link.setChild(image)
    return link


def _enumeration(enumeration: DimensionOrderI | PixelsTypeI, value: str) -> DimensionOrderI | PixelsTypeI:
    enumeration.setValue(rstring(value))
    return enumeration
