"""A converter's answer: mapped back over its mounts, and refused when it leads elsewhere."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from blocks.image_storage import ImageStorage
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory, FailureError
from contracts.import_order import ImportOrder
from contracts.import_source import FileIdentity
from contracts.preprocessing import ConverterOutput, Preprocessing
from contracts.source_file import SourceFile
from tasks.conversion import Folders, Manifest, check_outputs, finish, folders_of, read_manifest

CONVERTER = Preprocessing(converter="org/converter:1")


@pytest.fixture
def storage(tmp_path: Path) -> ImageStorage:
    (tmp_path / "lab-a").mkdir()
    (tmp_path / "lab-a" / "a.lif").write_bytes(b"raw")
    return ImageStorage(root=str(tmp_path))


@pytest.fixture
def source(storage: ImageStorage) -> FileIdentity:
    return storage.identify("lab-a", "a.lif")


@pytest.fixture
def folders(storage: ImageStorage, source: FileIdentity) -> Folders:
    file = SourceFile(path="a.lif")
    order = ImportOrder(
        uuid=uuid.uuid4(),
        user="alice",
        group="lab-a",
        files=(file,),
        preprocessing=CONVERTER,
        destination=Destination(type=DestinationType.DATASET, name="d"),
    )
    folders = folders_of(storage, order, file, source)
    folders.make()
    (folders.partial / "a.ome.tiff").write_bytes(b"image")
    (folders.alternative / "a.ome.tiff").write_bytes(b"image")
    return folders


def output(full: str = "/data/.processed/a.ome.tiff", alternative: str | None = "/out/a.ome.tiff") -> ConverterOutput:
    return ConverterOutput(name="a", full_path=full, alt_path=alternative)


def check(folders: Folders, *outputs: ConverterOutput) -> Manifest:
    checked = check_outputs(outputs, folders, output_root="/data/.processed", alternative_root="/out")
    source = FileIdentity(path="/x", device=0, inode=0, size=1, modified_ns=0)
    return Manifest(source=source, preprocessing=CONVERTER, series=None, digest="sha256:1", outputs=checked)


@pytest.mark.parametrize(
    "wrong",
    [
        output(full="/etc/passwd"),
        output(full="/data/.processed/../../etc/passwd"),
        output(full="/data/.processed"),
        output(full="/data/.processedX/a.ome.tiff"),
        output(full="a.ome.tiff"),
        output(full="/data/.processed/missing.ome.tiff"),
        output(full="/data/.processed/link.ome.tiff"),
        output(full="/data/.processed/empty.ome.tiff"),
        output(full="/data/.processed/manifest.json"),
        output(alternative="/data/.processed/a.ome.tiff"),
        output(alternative="/out/other-size.ome.tiff"),
    ],
)
def test_an_answer_that_leads_elsewhere_is_refused(folders: Folders, wrong: ConverterOutput) -> None:
    (folders.partial / "link.ome.tiff").symlink_to("/etc/passwd")
    (folders.partial / "empty.ome.tiff").touch()
    (folders.alternative / "other-size.ome.tiff").write_bytes(b"x")
    with pytest.raises(FailureError) as caught:
        check(folders, wrong)
    assert caught.value.failure.category is FailureCategory.CONVERTER_BROKE_CONTRACT


def test_two_results_that_are_one_file_are_refused(folders: Folders) -> None:
    with pytest.raises(FailureError, match="same file"):
        check(folders, output(), output(full="/data/.processed/./a.ome.tiff"))


def test_a_whole_conversion_is_found_again_and_no_partial_folder_stays(folders: Folders, source: FileIdentity) -> None:
    manifest = check(folders, output()).model_copy(update={"source": source})
    finish(folders, manifest)
    assert read_manifest(folders, source, CONVERTER, None) == manifest
    folders.remove_partial()
    assert not folders.partial.exists()
    assert not folders.alternative.exists()
    assert (folders.final / "a.ome.tiff").read_bytes() == b"image"


def test_a_conversion_of_other_bytes_or_other_options_is_not_taken(folders: Folders, source: FileIdentity) -> None:
    finish(folders, check(folders, output()).model_copy(update={"source": source}))
    assert read_manifest(folders, source.model_copy(update={"size": 9}), CONVERTER, None) is None
    assert read_manifest(folders, source, CONVERTER, "2") is None
    assert read_manifest(folders, source, Preprocessing(converter="org/converter:2"), None) is None


def test_a_conversion_whose_output_changed_is_not_taken(folders: Folders, source: FileIdentity) -> None:
    finish(folders, check(folders, output()).model_copy(update={"source": source}))
    os.utime(folders.final / "a.ome.tiff")
    assert read_manifest(folders, source, CONVERTER, None) is None


def test_processed_that_leads_out_of_the_folder_is_refused(storage: ImageStorage, source: FileIdentity) -> None:
    (Path(storage.root) / "elsewhere").mkdir()
    (storage.folder("lab-a") / ".processed").symlink_to("../elsewhere")
    file = SourceFile(path="a.lif")
    order = ImportOrder(
        uuid=uuid.uuid4(),
        user="alice",
        group="lab-a",
        files=(file,),
        preprocessing=CONVERTER,
        destination=Destination(type=DestinationType.DATASET, name="d"),
    )
    with pytest.raises(FailureError) as caught:
        folders_of(storage, order, file, source)
    assert caught.value.failure.category is FailureCategory.PATH_OUTSIDE_FOLDER
