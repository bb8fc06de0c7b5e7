"""Imports that are under way: whose they are, who takes them over, and what deleting does to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import Ice
import omero
import omero.cmd
import omero.grid
import omero.model
import pytest
from omero.gateway import BlitzGateway
from omero.sys import ParametersI

from sandbox.omero.server import EmbeddedOmero
from tests.sandbox.omero_pixels.imported_files import (
    images_of_fileset,
    stored_tokens,
    token_annotation,
    write_tiff,
)
from tests.sandbox.omero_pixels.omero_client import import_files, propose_fileset, propose_settings, upload, wait_for


def test_deleting_the_fileset_stops_an_import(alice: BlitzGateway, tmp_path: Path, repository: Path) -> None:
    """A fence for clients: what was given up can be deleted, and no image appears afterwards."""
    path = write_tiff(tmp_path / "given_up.tif")
    managed = alice.c.getManagedRepository()
    process = managed.importFileset(propose_fileset([path]), propose_settings())
    upload(process, 0, path)
    file = alice.getQueryService().get("OriginalFile", process.getUploader(0).getFileId().val)
    place = repository / file.path.val / file.name.val
    query = "select e.fileset.id from FilesetEntry e where e.originalFile.id = :id"
    ((fileset,),) = alice.getQueryService().projection(query, ParametersI().addId(file.id.val))
    alice.deleteObjects("Fileset", [fileset.val], wait=True)
    assert not place.exists()
    assert not place.parent.exists()
    with pytest.raises(omero.ServerError):
        process.verifyUpload([alice.c.sha1(str(path))])
    process.close()


def test_a_fileset_deleted_before_its_images_are_written(
    alice: BlitzGateway, server: EmbeddedOmero, tmp_path: Path
) -> None:
    path = write_tiff(tmp_path / "too_late.tif")
    settings = propose_settings(userSpecifiedAnnotationList=[token_annotation("too late")])
    process = alice.c.getManagedRepository().importFileset(propose_fileset([path]), settings)
    upload(process, 0, path)
    server.brakes.folder.mkdir(exist_ok=True)
    brake = server.brakes.folder / "Import.objects.before"
    reached = brake.with_name(f"{brake.name}.reached")
    brake.touch()
    handle = process.verifyUpload([alice.c.sha1(str(path))])
    while not reached.exists():
        time.sleep(0.02)
    fileset = handle.getRequest().activity.parent.id.val
    alice.deleteObjects("Fileset", [fileset], wait=True)
    reached.unlink()
    outcome = wait_for(alice, handle)
    process.close()
    assert outcome.response.parameters["exception"] == "FilesetGone"
    assert images_of_fileset(alice, fileset) == []
    assert "too late" not in stored_tokens(alice)


def test_deleting_images_removes_links_and_not_the_data(alice: BlitzGateway, tmp_path: Path, repository: Path) -> None:
    path = write_tiff(tmp_path / "kept.tif")
    outcome = import_files(alice, [path])
    (place,) = alice.getObject("Image", outcome.images[0]).getImportedImageFilePaths()["server_paths"]
    assert (repository / place).is_symlink()
    alice.deleteObjects("Image", outcome.images, wait=True)
    assert not (repository / place).is_symlink()
    assert path.exists()


def test_running_imports_are_listed_for_their_owner(alice: BlitzGateway, bob: BlitzGateway, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "listed.tif")
    repository = alice.c.getManagedRepository()
    process = repository.importFileset(propose_fileset([path]), propose_settings())
    assert [p.ice_getIdentity() for p in repository.listImports()] == [process.ice_getIdentity()]
    assert bob.c.getManagedRepository().listImports() == []
    assert process.getHandle() is None
    store = process.getUploader(0)
    store.write(path.read_bytes()[:100], 0, 100)
    store.close()
    assert process.getUploadOffset(0) == 100
    process.close()
    assert repository.listImports() == []


def test_another_session_of_the_user_takes_an_import_over(login: Callable[[str], BlitzGateway], tmp_path: Path) -> None:
    first, second = login("alice"), login("alice")
    path = write_tiff(tmp_path / "taken.tif")
    process = first.c.getManagedRepository().importFileset(propose_fileset([path]), propose_settings())
    (seen,) = second.c.getManagedRepository().listImports()
    upload(seen, 0, path)
    outcome = wait_for(second, seen.verifyUpload([second.c.sha1(str(path))]))
    assert len(outcome.images) == 1
    assert second.c.getManagedRepository().listImports() == []
    seen.close()
    with pytest.raises(Ice.ObjectNotExistException):
        seen.getHandle()
    process.close()
