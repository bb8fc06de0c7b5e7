"""What is left after the server stopped, or was killed in the middle of an import."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.grid
import omero.model
import pytest
import tifffile
from omero.gateway import BlitzGateway
from omero.rtypes import rstring
from omero.sys import ParametersI

from converters.reader import open_image_file
from sandbox.samples.sample_files import Sample
from tests.sandbox.omero_pixels.omero_client import (
    PASSWORD,
    connect_to,
    free_port,
    import_files,
    propose_fileset,
    propose_settings,
    upload,
)

ACCOUNTS = {
    "groups": [{"name": "lab", "permissions": "rwra--"}],
    "users": [{"name": "alice", "password": PASSWORD, "first_name": "A", "last_name": "A", "groups": ["lab"]}],
}


class Process:
    """An embedded OMERO in a process of its own, so that it can be killed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        accounts = home.parent / "accounts.json"
        accounts.write_text(json.dumps(ACCOUNTS))
        self._command = [
            sys.executable, "-W", "ignore", "-m", "sandbox.omero", "--home", str(home), "--tcp-port", str(self.port),
            "--accounts", str(accounts),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._gateway: BlitzGateway | None = None

    def start(self) -> BlitzGateway:
        """Start, wait until it answers, and log alice in."""
        log = (self.home.parent / "omero.log").open("ab")
        self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process.poll() is None, (self.home.parent / "omero.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    self._gateway = connect_to(self.port, "alice")
                    return self._gateway
            time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def end(self, number: signal.Signals) -> None:
        """Send the signal and wait; the client goes without saying goodbye, as there may be nobody to say it to."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)
            self._process.wait(60)
        if self._gateway is not None:
            self._gateway.c.getCommunicator().destroy()
            self._gateway = None


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    home = tmp_path / "home"
    running = Process(home)
    yield running
    running.end(signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_lost(process: Process, samples: dict[str, Sample], number: signal.Signals) -> None:
    """Images, written pixels, files, settings, annotations and tables: what was answered is there afterwards."""
    gateway = process.start()
    path = samples["ome-tiff"].path
    image = gateway.getObject("Image", import_files(gateway, [path]).images[0])
    image.set_active_channels([2], windows=[[5, 77]])
    assert image.saveDefaults()
    thumbnail = gateway.getObject("Image", image.id).getThumbnail()
    made = gateway.createImageFromNumpySeq(iter([np.arange(100, dtype=np.float32).reshape(10, 10)]), "made")
    annotation = gateway.createFileAnnfromLocalFile(__file__, ns="test/file")
    column = omero.grid.LongColumn("n", "", [1, 2, 3])
    table = gateway.c.sf.sharedResources().newTable(1, "numbers")
    table.initialize([column])
    table.addData([column])
    table_file = table.getOriginalFile()
    process.end(number)

    gateway = process.start()
    again = gateway.getObject("Image", image.id)
    with open_image_file(path) as expected:
        np.testing.assert_array_equal(again.getPrimaryPixels().getPlane(1, 1, 0), expected.series[0].plane(1, 1, 0))
    assert [c.isActive() for c in again.getChannels()] == [False, True]
    assert again.getThumbnail() == thumbnail
    assert gateway.getObject("Image", made.id).getPrimaryPixels().getPlane()[9, 9] == 99
    stored = gateway.getObject("FileAnnotation", annotation.id)
    assert b"".join(stored.getFileInChunks()) == Path(__file__).read_bytes()
    reopened = gateway.c.sf.sharedResources().openTable(table_file)
    assert reopened.read([0], 0, 0).columns[0].values == [1, 2, 3]


def filesets(gateway: BlitzGateway) -> list[int]:
    return [fileset.id.val for fileset in gateway.getQueryService().findAll("Fileset", None)]


def test_killed_while_files_arrive(process: Process, samples: dict[str, Sample]) -> None:
    """The fileset stays behind without images, is seen, and can be deleted with its file."""
    gateway = process.start()
    path = samples["tiff"].path
    running = gateway.c.getManagedRepository().importFileset(propose_fileset([path]), propose_settings())
    upload(running, 0, path)
    file = gateway.getQueryService().get("OriginalFile", running.getUploader(0).getFileId().val)
    place = process.home / "ManagedRepository" / file.path.val / file.name.val
    assert place.exists()
    process.end(signal.SIGKILL)

    gateway = process.start()
    (left,) = filesets(gateway)
    assert gateway.c.getManagedRepository().listImports() == []
    query = "select count(i) from Image i where i.fileset.id = :id"
    assert gateway.getQueryService().projection(query, ParametersI().addId(left))[0][0].val == 0
    gateway.deleteObjects("Fileset", [left], wait=True)
    assert filesets(gateway) == []
    assert not place.exists()
    again = import_files(gateway, [path])
    assert len(again.images) == 1


@pytest.fixture
def many_images(tmp_path: Path) -> Callable[[int], list[Path]]:
    def write(count: int) -> list[Path]:
        paths = []
        for index in range(count):
            paths.append(tmp_path / f"{index}.tif")
            tifffile.imwrite(paths[-1], np.full((64, 64), index, np.uint8))
        return paths

    return write


def test_killed_while_importing(process: Process, many_images: Callable[[int], list[Path]]) -> None:
    """However far each import was: images and their annotations are there together, or neither is."""
    gateway = process.start()
    repository = gateway.c.getManagedRepository()
    paths = many_images(12)
    for path in paths:
        running = repository.importFileset(propose_fileset([path]), _settings_with_token(path.name))
        upload(running, 0, path)
        running.verifyUpload([gateway.c.sha1(str(path))])
    process.end(signal.SIGKILL)

    gateway = process.start()
    assert len(filesets(gateway)) == len(paths)
    query = gateway.getQueryService()
    images = {image.name.val for image in query.findAll("Image", None)}
    links = query.projection(
        "select i.name, a.textValue from ImageAnnotationLink l join l.parent i join l.child a", ParametersI()
    )
    assert {(name.val, text.val) for name, text in links} == {(name, name) for name in images}
    comments = query.findAll("CommentAnnotation", None)
    assert len(comments) == len(images)
    for image in gateway.getObjects("Image"):
        assert image.getPrimaryPixels().getPlane().max() == int(image.getName().removesuffix(".tif"))
        assert len(image.getThumbnail()) > 100
    for left in filesets(gateway):
        gateway.deleteObjects("Fileset", [left], wait=True)
    assert list(gateway.getObjects("Image")) == []


def _settings_with_token(text: str) -> Any:
    comment = omero.model.CommentAnnotationI()
    comment.setTextValue(rstring(text))
    return propose_settings(userSpecifiedAnnotationList=[comment])
