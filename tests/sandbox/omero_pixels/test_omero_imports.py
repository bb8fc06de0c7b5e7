"""Imports through ManagedRepository and ImportProcess, with omero-py as the client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import omero
import omero.cmd
import omero.grid
import omero.model
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rbool, rstring, unwrap
from omero.sys import ParametersI

from converters.reader import list_companions, open_image_file
from sandbox.omero.checksums import ALGORITHMS
from sandbox.samples.sample_files import Sample
from tests.sandbox.omero_pixels.imported_files import (
    TOKEN,
    images_of_fileset,
    make_container,
    stored_tokens,
    token_annotation,
    write_tiff,
)
from tests.sandbox.omero_pixels.omero_client import import_files, propose_fileset, propose_settings, upload, wait_for


@pytest.mark.parametrize("in_place", [True, False], ids=["ln_s", "upload"])
@pytest.mark.parametrize("kind", ["tiff", "ome-tiff", "ome-tiff-companion"])
def test_import_shows_what_the_file_says(
    alice: BlitzGateway, samples: dict[str, Sample], repository: Path, kind: str, in_place: bool
) -> None:
    files = list_companions(samples[kind].path)
    outcome = import_files(alice, files, in_place=in_place)
    # steps that end before the client asks to be called back are not told again, and threads of it overtake each other
    assert set(outcome.steps) <= {(step, 5) for step in range(1, 6)}
    image = alice.getObject("Image", outcome.images[0])
    with open_image_file(files[0]) as expected:
        series = expected.series[0]
        sizes = (image.getSizeX(), image.getSizeY(), image.getSizeZ(), image.getSizeC(), image.getSizeT())
        assert sizes == (series.size_x, series.size_y, series.size_z, series.size_c, series.size_t)
        assert image.getPixelsType() == series.dtype.name
        assert image.getPixelSizeX() == pytest.approx(series.physical_size_x)
        for shown, channel in zip(image.getChannels(), series.channels, strict=True):
            assert channel.name is None or shown.getLabel() == channel.name
            assert shown.getEmissionWave() == channel.emission_nm
            if channel.colour is not None:
                assert shown.getColor().getRGB() == channel.colour[:3]
        if series.acquired is not None:
            assert image._obj.acquisitionDate.val == series.acquired.timestamp() * 1000
    assert image.getName() == files[0].name
    kept = [repository / path.lstrip("/") for path in image.getImportedImageFilePaths()["server_paths"]]
    assert [place.is_symlink() for place in kept] == [in_place] * len(files)
    assert [place.read_bytes() for place in kept] == [file.read_bytes() for file in files]
    assert image.getImportedImageFilePaths()["client_paths"] == [str(file).lstrip("/") for file in files]


def test_plate_goes_into_its_screen(alice: BlitzGateway, samples: dict[str, Sample]) -> None:
    files = list_companions(samples["imagexpress"].path)
    screen = make_container(alice, "Screen")
    target = omero.model.ScreenI(screen.id.val, False)
    outcome = import_files(alice, files, userSpecifiedTarget=target, userSpecifiedName=rstring("Dose"))
    plate = alice.getObject("Plate", outcome.plates[0])
    assert [found.id for found in alice.getObject("Screen", screen.id.val).listChildren()] == [plate.id]
    assert plate.getName() == "Dose"
    assert (plate.getGridSize()["rows"], plate.getGridSize()["columns"]) == (2, 3)
    with open_image_file(files[0]) as expected:
        assert expected.plate is not None
        wanted = {(well.row, well.column): len(well.fields) for well in expected.plate.wells}
        names = [f"Dose [{series.name}]" for series in expected.series]
    found = {(w.row, w.column): len(list(w.listChildren())) for w in plate.listChildren()}
    assert found == wanted
    assert [alice.getObject("Image", image).getName() for image in outcome.images] == names
    (run,) = plate.listPlateAcquisitions()
    assert unwrap(run._obj.maximumFieldCount) == max(wanted.values())


def test_images_come_with_their_annotations_and_into_their_dataset(
    alice: BlitzGateway, samples: dict[str, Sample]
) -> None:
    dataset = make_container(alice, "Dataset")
    outcome = import_files(
        alice,
        [samples["tiff"].path],
        userSpecifiedTarget=omero.model.DatasetI(dataset.id.val, False),
        userSpecifiedName=rstring("renamed"),
        userSpecifiedDescription=rstring("about"),
        userSpecifiedAnnotationList=[token_annotation("one"), token_annotation("two")],
    )
    (image,) = alice.getObject("Dataset", dataset.id.val).listChildren()
    assert image.id == outcome.images[0]
    assert (image.getName(), image.getDescription()) == ("renamed", "about")
    assert sorted(dict(a.getValue())["UUID"] for a in image.listAnnotations(ns=TOKEN)) == ["one", "two"]
    assert {"one", "two"} <= set(stored_tokens(alice))


def test_one_annotation_for_all_images_of_a_plate(alice: BlitzGateway, samples: dict[str, Sample]) -> None:
    files = list_companions(samples["imagexpress"].path)
    outcome = import_files(alice, files, userSpecifiedAnnotationList=[token_annotation("plate")])
    ids = {a.id for image in outcome.images for a in alice.getObject("Image", image).listAnnotations(ns=TOKEN)}
    assert len(ids) == 1
    assert list(alice.getObject("Plate", outcome.plates[0]).listAnnotations()) == []


def test_annotations_of_the_fileset_are_saved_with_it(alice: BlitzGateway, samples: dict[str, Sample]) -> None:
    fileset = propose_fileset([samples["tiff"].path])
    note = omero.model.CommentAnnotationI()
    note.setNs(rstring("openmicroscopy.org/omero/import/fileTransfer"))
    note.setTextValue(rstring("ome.formats.importer.transfers.SymlinkFileTransfer"))
    fileset.linkAnnotation(note)
    outcome = import_files(alice, [samples["tiff"].path], fileset=fileset)
    query = "select a.textValue from FilesetAnnotationLink l join l.child a where l.parent.id = :id"
    ((text,),) = alice.getQueryService().projection(query, ParametersI().addId(outcome.fileset))
    assert text.val.endswith("SymlinkFileTransfer")


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_every_checksum_algorithm(alice: BlitzGateway, tmp_path: Path, algorithm: str) -> None:
    path = write_tiff(tmp_path / "a.tif")
    outcome = import_files(alice, [path], algorithm=algorithm)
    file = alice.getObject("Image", outcome.images[0]).getImportedImageFiles()
    original = next(iter(file))._obj
    assert alice.getQueryService().get("ChecksumAlgorithm", original.hasher.id.val).value.val == algorithm
    repository = alice.c.getManagedRepository()
    assert repository.verifyChecksums([original.id.val]) == []
    path.write_bytes(path.read_bytes() + b"more")  # the data changed behind OMERO's back
    assert repository.verifyChecksums([original.id.val]) == [original.id.val]


def test_wrong_checksum_is_refused_and_can_be_sent_again(alice: BlitzGateway, tmp_path: Path) -> None:
    good, bad = write_tiff(tmp_path / "good.tif", 1), write_tiff(tmp_path / "bad.tif", 2)
    process = alice.c.getManagedRepository().importFileset(propose_fileset([good]), propose_settings())
    upload(process, 0, bad)
    wanted = alice.c.sha1(str(good))
    with pytest.raises(omero.ChecksumValidationException) as refused:
        process.verifyUpload([wanted])
    assert refused.value.failingChecksums == {0: alice.c.sha1(str(bad))}
    with pytest.raises(omero.ApiUsageException):
        process.verifyUpload([wanted, wanted])
    upload(process, 0, good)
    outcome = wait_for(alice, process.verifyUpload([wanted]))
    process.close()
    assert len(outcome.images) == 1


def test_size_on_disk_decides_whether_save_computes_again(
    alice: BlitzGateway, tmp_path: Path, repository: Path
) -> None:
    """OMERO's own trap: a file exchanged for one of the same size keeps its old checksum on save."""
    process = alice.c.getManagedRepository().importFileset(propose_fileset([tmp_path / "a.tif"]), propose_settings())
    store = process.getUploader(0)
    store.write(b"abc", 0, 3)
    store.close()
    query = alice.getQueryService()
    file = query.get("OriginalFile", process.getUploader(0).getFileId().val)
    place = repository / file.path.val / file.name.val
    reader = process.getUploader(0, {"omero.fs.mode": "r"})
    with pytest.raises(omero.ApiUsageException):
        reader.write(b"x", 0, 1)
    place.write_bytes(b"xyz")
    assert reader.save() is None
    assert query.get("OriginalFile", file.id.val).hash.val == file.hash.val
    place.write_bytes(b"longer")
    assert reader.save().hash.val != file.hash.val
    process.close()


@pytest.mark.parametrize("break_it", ["no job", "two jobs", "wrong job", "no files", "no algorithm"])
def test_malformed_proposals_are_refused(alice: BlitzGateway, break_it: str) -> None:
    fileset, settings = propose_fileset([Path("/data/a.tif")]), propose_settings()
    match break_it:
        case "no job":
            fileset.clearJobLinks()
        case "two jobs":
            fileset.linkJob(omero.model.UploadJobI())
        case "wrong job":
            fileset.clearJobLinks()
            fileset.linkJob(omero.model.IndexingJobI())
        case "no files":
            fileset.clearUsedFiles()
        case "no algorithm":
            settings.checksumAlgorithm = None
    expected = omero.ApiUsageException if break_it in ("no files", "no algorithm") else omero.ValidationException
    before = len(alice.getQueryService().findAll("Fileset", None))
    with pytest.raises(expected):
        alice.c.getManagedRepository().importFileset(fileset, settings)
    assert len(alice.getQueryService().findAll("Fileset", None)) == before


def test_what_no_reader_reads_fails_and_leaves_no_image(alice: BlitzGateway, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no image at all, but long enough to be looked at\n" * 20)
    outcome = import_files(alice, [path])
    assert "notes.txt" in outcome.reason
    assert images_of_fileset(alice, outcome.fileset) == []


def test_undeclared_companions_fail(alice: BlitzGateway, samples: dict[str, Sample]) -> None:
    files = list_companions(samples["ome-tiff-companion"].path)
    outcome = import_files(alice, files[:2])
    assert isinstance(outcome.response, omero.cmd.ERR)
    assert images_of_fileset(alice, outcome.fileset) == []


@pytest.mark.parametrize(("kind", "container"), [("tiff", "Screen"), ("imagexpress", "Dataset")])
def test_target_of_the_wrong_kind(alice: BlitzGateway, samples: dict[str, Sample], kind: str, container: str) -> None:
    target = make_container(alice, container)
    files = list_companions(samples[kind].path)
    proxy = getattr(omero.model, f"{container}I")(target.id.val, False)
    outcome = import_files(
        alice, files, userSpecifiedTarget=proxy, userSpecifiedAnnotationList=[token_annotation(f"wrong {kind}")]
    )
    assert container in outcome.reason
    assert images_of_fileset(alice, outcome.fileset) == []
    assert f"wrong {kind}" not in stored_tokens(alice)


def test_target_that_is_gone_or_anothers(alice: BlitzGateway, bob: BlitzGateway, samples: dict[str, Sample]) -> None:
    path = samples["tiff"].path
    gone = import_files(alice, [path], userSpecifiedTarget=omero.model.DatasetI(987654, False))
    assert "987654" in gone.reason
    others = make_container(alice, "Dataset")
    forbidden = import_files(bob, [path], userSpecifiedTarget=omero.model.DatasetI(others.id.val, False))
    assert "not allowed" in forbidden.reason
    assert images_of_fileset(bob, forbidden.fileset) == []


def test_the_short_form_of_an_import(alice: BlitzGateway, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "short.tif")
    process = alice.c.getManagedRepository().importPaths([str(path)])
    upload(process, 0, path)
    outcome = wait_for(alice, process.verifyUpload([alice.c.sha1(str(path))]))
    process.close()
    assert alice.getObject("Image", outcome.images[0]).getName() == "short.tif"


def test_the_log_of_an_import_says_why_it_failed(alice: BlitzGateway, tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    path.write_bytes(write_tiff(tmp_path / "whole.tif").read_bytes()[:200])
    outcome = import_files(alice, [path])
    assert "cut.tif" in outcome.reason
    query = (
        "select o.id from FilesetJobLink l join l.child j join j.originalFileLinks f join f.child o "
        "where l.parent.id = :id and o.mimetype = 'application/omero-log-file'"
    )
    ((log,),) = alice.getQueryService().projection(query, ParametersI().addId(outcome.fileset))
    text = b"".join(alice.getObject("OriginalFile", log.val).getFileInChunks()).decode()
    assert f"failed: {outcome.reason}" in text


def test_leaving_out_statistics_and_thumbnails(alice: BlitzGateway, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "bare.tif")
    process = alice.c.getManagedRepository().importFileset(propose_fileset([path]), _bare_settings())
    upload(process, 0, path)
    outcome = wait_for(alice, process.verifyUpload([alice.c.sha1(str(path))]))
    process.close()
    query = "select count(*) from Channel c where c.pixels.id = :id and c.statsInfo is not null"
    ((count,),) = alice.getQueryService().projection(query, ParametersI().addId(outcome.pixels[0]))
    assert count.val == 0
    assert alice.getPixelsService().retrieveAllRndSettings(outcome.pixels[0], -1) == []
    assert len(alice.getObject("Image", outcome.images[0]).getThumbnail()) > 500


def _bare_settings() -> Any:
    settings = propose_settings()
    settings.doThumbnails, settings.noStatsInfo = rbool(False), rbool(True)
    return settings
