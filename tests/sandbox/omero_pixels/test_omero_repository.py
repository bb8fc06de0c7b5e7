"""Files of ManagedRepository: their paths and names, and what becomes of an image whose data went away."""

from __future__ import annotations

import shutil
from pathlib import Path

import omero
import omero.cmd
import omero.grid
import omero.model
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import unwrap

from sandbox.omero.checksums import ALGORITHMS
from sandbox.omero.server import EmbeddedOmero
from sandbox.samples.sample_files import Sample
from tests.sandbox.omero_pixels.imported_files import (
    write_tiff,
)
from tests.sandbox.omero_pixels.omero_client import import_files, propose_fileset, propose_settings


def test_paths_cannot_leave_the_repository(alice: BlitzGateway) -> None:
    repository = alice.c.getManagedRepository()
    for path in ("../secret", "a/../../secret", "/../secret"):
        with pytest.raises(omero.ValidationException):
            repository.file(path, "rw")
        with pytest.raises(omero.ValidationException):
            repository.makeDir(path, True)
    with pytest.raises(omero.ValidationException):
        repository.importFileset(propose_fileset([Path("data/../../../etc/passwd")]), propose_settings())


def test_unsafe_names_are_made_safe(alice: BlitzGateway, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "what: is <this>?.tif")
    outcome = import_files(alice, [path])
    (place,) = alice.getObject("Image", outcome.images[0]).getImportedImageFilePaths()["server_paths"]
    assert place.endswith("/what_ is _this__.tif")


def test_files_and_folders_of_the_repository(alice: BlitzGateway, server: EmbeddedOmero) -> None:
    repository = alice.c.getManagedRepository()
    repository.makeDir("shelf/deep", True)
    store = repository.file("shelf/deep/note.txt", "rw")
    store.write(b"hello", 0, 5)
    saved = store.save()
    store.close()
    assert (saved.size.val, saved.mimetype.val) == (5, "text/plain")
    assert repository.list("shelf/deep") == ["/shelf/deep/note.txt"]
    assert [f.id.val for f in repository.listFiles("shelf/deep")] == [saved.id.val]
    tree = unwrap(repository.treeList("shelf"))
    assert tree["/shelf/deep"]["files"]["/shelf/deep/note.txt"]["id"] == saved.id.val
    assert repository.fileById(saved.id.val).read(1, 3) == b"ell"
    handle = repository.deletePaths(["shelf/deep/note.txt"], False, False)
    alice._waitOnCmd(handle)
    assert not repository.fileExists("shelf/deep/note.txt")
    assert repository.suggestChecksumAlgorithm([]) is None
    assert [a.value.val for a in repository.listChecksumAlgorithms()] == list(ALGORITHMS)


def test_in_place_files_are_downloaded_whole(alice: BlitzGateway, samples: dict[str, Sample]) -> None:
    path = samples["tiff"].path
    image = alice.getObject("Image", import_files(alice, [path]).images[0])
    (file,) = image.getImportedImageFiles()
    assert (file.getSize(), file.getHash()) == (path.stat().st_size, alice.c.sha1(str(path)))
    assert b"".join(file.getFileInChunks(buf=10_000)) == path.read_bytes()


def test_missing_data_is_said_and_harms_nothing_else(
    alice: BlitzGateway, server: EmbeddedOmero, tmp_path: Path
) -> None:
    """In-place data that somebody moved: the image stays, its pixels are refused by name, others are shown."""
    lost, kept = write_tiff(tmp_path / "lost.tif", 3), write_tiff(tmp_path / "kept.tif", 4)
    images = [import_files(alice, [path]).images[0] for path in (lost, kept)]
    pixels = [alice.getObject("Image", image).getPixelsId() for image in images]
    shutil.move(lost, tmp_path / "moved.tif")
    server.pixels.files.close()  # a file that is open can be read on, moved or not
    with pytest.raises(omero.ResourceError, match="lost.tif"):
        alice.getObject("Image", images[0]).getPrimaryPixels().getPlane()
    thumbnails = alice.c.sf.createThumbnailStore()
    pictures = thumbnails.getThumbnailByLongestSideSet(omero.rtypes.rint(48), pixels)
    thumbnails.close()
    assert pictures[pixels[0]] == b""
    assert len(pictures[pixels[1]]) > 300
