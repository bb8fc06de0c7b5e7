"""Attachments have the bytes of their files, hang where they belong, and are there once."""

from __future__ import annotations

import hashlib
import io
import zipfile

import numpy as np
import pytest
from omero.model import ImageI, PlateI, WellI, WellSampleI
from omero.rtypes import rint, rstring
from omero.sys import ParametersI

from contracts import namespaces
from contracts.analysis_run import ResultOptions
from contracts.failures import FailureCategory, FailureError
from contracts.run_results import Result, ResultKind
from tasks.attachments import BLOCK, attach_once, upload, upload_path
from tasks.result_archive import archive_once
from tasks.result_run import result_token
from tests.sandbox.results.conftest import LOG, Bench, only
from tests.sandbox.results.test_tables import parents


def content(bench: Bench, annotation: int) -> bytes:
    file = bench.gateway.getObject("FileAnnotation", annotation).getFile()
    data = b"".join(file.getFileInChunks()) if file.getSize() else b""
    assert len(data) == file.getSize()
    assert hashlib.sha1(data).hexdigest() == file.getHash()
    return data


def uploads(bench: Bench, token: str) -> list[int]:
    rows = bench.rows(
        "select f.id from OriginalFile f where f.path = :path", ParametersI().addString("path", upload_path(token))
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize("data", [b"", b"one line\n", bytes(range(256)) * (BLOCK // 128)])
async def test_bytes(bench: Bench, data: bytes) -> None:
    image = bench.input().image
    file = bench.bring(f"{image}_cells naïve.json", data)
    result = attach_once(bench.work, bench.belonging(file), LOG)
    assert (result.kind, result.input) == (ResultKind.ATTACHMENT, image)
    assert content(bench, result.object_id) == data
    attached = bench.gateway.getObject("FileAnnotation", result.object_id)
    assert attached.getFile().getName() == file.name
    assert attached.getFile().getMimetype() == "application/json"
    assert attached.getNs() == namespaces.RESULT_FILE
    assert str(bench.uuid) in attached.getDescription()
    assert parents(bench, "Image", result.object_id) == [image]
    pairs = dict(bench.pairs("FileAnnotation", result.object_id, namespaces.RESULT))
    assert pairs["Result_SHA256"] == hashlib.sha256(data).hexdigest()
    assert attach_once(bench.work, bench.belonging(file), LOG) == result.model_copy(update={"was_there": True})


async def test_what_was_cut_short_is_written_again(bench: Bench) -> None:
    file = bench.bring(f"{bench.input().image}_cells.json", b"the whole of it")
    token = result_token(bench.uuid, ResultKind.ATTACHMENT, file.path)
    left = upload(
        bench.gateway, upload_path(token), file.name, lambda sink: sink.write(b"x" * 5_000_000), stopped=lambda: None
    )
    result = attach_once(bench.work, bench.belonging(file), LOG)
    assert content(bench, result.object_id) == b"the whole of it"
    assert uploads(bench, token) == [left]


async def test_a_file_that_changed_is_not_attached(bench: Bench) -> None:
    file = bench.bring(f"{bench.input().image}_cells.json", b"one thing")
    (bench.folder / "0" / file.name).write_bytes(b"two thing")
    with pytest.raises(FailureError) as caught:
        attach_once(bench.work, bench.belonging(file), LOG)
    assert caught.value.failure.category is FailureCategory.FILE_CHANGED
    assert uploads(bench, result_token(bench.uuid, ResultKind.ATTACHMENT, file.path)) == []


async def test_a_link_is_never_followed(bench: Bench) -> None:
    file = bench.bring(f"{bench.input().image}_cells.json", b"x" * 10)
    secret = bench.site.storage / "lab-b"
    secret.mkdir(exist_ok=True)
    (secret / "secret").write_bytes(b"0123456789")
    place = bench.folder / "0" / file.name
    place.unlink()
    place.symlink_to(secret / "secret")
    with pytest.raises(FailureError) as caught:
        attach_once(bench.work, bench.belonging(file), LOG)
    assert caught.value.failure.category is FailureCategory.FILE_CHANGED


async def test_of_the_whole_run_on_all_datasets_of_its_inputs(bench: Bench) -> None:
    first = bench.dataset
    bench.input()
    other = Bench(bench.site, bench.gateway, bench.server, bench.session, bench.storage)
    foreign = other.input()
    bench.stage(foreign.image, "b.czi", foreign.dataset)
    orphan = bench.gateway.createImageFromNumpySeq(iter([np.zeros((4, 4), np.uint8)]), "orphan")
    bench.stage(orphan.getId(), "c.czi", None)
    result = attach_once(bench.work, bench.belonging(bench.bring("log.txt", "hello")), LOG)
    assert result.input is None
    assert sorted(parents(bench, "Dataset", result.object_id)) == sorted([first, other.dataset])
    assert parents(bench, "Image", result.object_id) == [orphan.getId()]


async def test_of_a_run_on_a_plate_on_the_plate(bench: Bench) -> None:
    """Images of wells are in no dataset; what concerns all of them concerns their plate."""
    plate = PlateI()
    plate.setName(rstring("plate"))
    for row in range(2):
        image = bench.gateway.createImageFromNumpySeq(iter([np.zeros((4, 4), np.uint8)]), f"well {row}")
        bench.stage(image.getId(), "well.czi", None)
        well, sample = WellI(), WellSampleI()
        well.setRow(rint(row))
        well.setColumn(rint(0))
        sample.setImage(ImageI(image.getId(), False))
        well.addWellSample(sample)
        plate.addWell(well)
    plate = bench.gateway.getUpdateService().saveAndReturnObject(plate)
    result = attach_once(bench.work, bench.belonging(bench.bring("log.txt", "hello")), LOG)
    assert parents(bench, "Plate", result.object_id) == [plate.id.val]
    assert parents(bench, "Image", result.object_id) == []


async def test_an_input_that_was_deleted(bench: Bench) -> None:
    staged = bench.input()
    file = bench.bring(f"{staged.image}_cells.json", "{}")
    bench.gateway.deleteObjects("Image", [staged.image], wait=True)
    with pytest.raises(FailureError) as caught:
        attach_once(bench.work, bench.belonging(file), LOG)
    assert caught.value.failure.category is FailureCategory.INPUT_GONE


async def test_the_archive_holds_everything(bench: Bench) -> None:
    bench.input(), bench.input(task=1)
    files = {
        "0/a.txt": b"hello",
        "1/a.txt": b"",
        "0/sub/µ.bin": np.random.default_rng(1).integers(0, 255, 5_000_000, np.uint8).tobytes(),
    }
    for name, data in files.items():
        task, _, path = name.partition("/")
        bench.bring(path, data, int(task))
    result = archive_once(bench.work, bench.files, LOG)
    assert (result.kind, result.count) == (ResultKind.ARCHIVE, 3)
    with zipfile.ZipFile(io.BytesIO(content(bench, result.object_id))) as packed:
        assert packed.testzip() is None
        assert {name: packed.read(name) for name in packed.namelist()} == files
    assert archive_once(bench.work, bench.files, LOG) == result.model_copy(update={"was_there": True})
    assert parents(bench, "Dataset", result.object_id) == [bench.dataset]


async def test_options_say_what_is_attached(bench: Bench) -> None:
    bench.input(), bench.input()
    bench.options = ResultOptions(attach_other_files=False)
    log = bench.bring("log.txt", "hello")
    picture = bench.bring("overlay.png", b"\x89PNG\r\n\x1a\n" + b"0" * 100)
    results = await bench.import_results()
    assert results.left == (log.path,)
    failed = only(results.failed)
    assert (failed.path, failed.failure.category) == (picture.path, FailureCategory.UNKNOWN_FORMAT)
    assert picture.path in failed.failure.next_step
    bench.options = ResultOptions(archive=True)
    results = await bench.import_results()
    assert results.failed == ()
    assert [result.kind for result in results.results] == [
        ResultKind.ARCHIVE,
        ResultKind.ATTACHMENT,
        ResultKind.ATTACHMENT,
    ]
    assert all(isinstance(result, Result) for result in results.results)
