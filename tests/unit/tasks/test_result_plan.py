"""What becomes of each file, by its content and the run's options."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from contracts.analysis_run import ResultOptions, RoiShape, TableKind
from contracts.failures import FailureCategory, FailureError
from contracts.run_results import ResultFile
from sandbox.samples.time_lapse import write_time_lapse
from tasks.result_plan import ResultPlan, plan_results
from tests.unit.tasks.result_bench import BY_NAME, TOKEN, ResultBench, staged

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


@pytest.fixture
def bench(tmp_path: Path) -> ResultBench:
    (tmp_path / "lab-a").mkdir()
    return ResultBench(tmp_path)


def bring_image(bench: ResultBench, name: str) -> ResultFile:
    place = bench.folder / "0" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(place, np.eye(9, dtype=np.uint8))
    return bench.came(name)


def plan(bench: ResultBench, **options: object) -> ResultPlan:
    bench.options = ResultOptions.model_validate({"destination": BY_NAME, **options})
    return plan_results(bench.work, bench.files)


def everything(bench: ResultBench) -> dict[str, str]:
    """File name -> the lists of the plan that it is in, by one letter each."""
    made = plan_results(bench.work, bench.files)
    found: dict[str, str] = {}
    for letter, paths in (
        ("i", [image.file.path for image in made.images]),
        ("l", [labels.file.path for labels in made.labels]),
        ("t", [table.file.path for table in made.tables]),
        ("a", [attachment.file.path for attachment in made.attachments]),
        ("f", [failed.path for failed in made.failed]),
        ("-", [file.path for file in made.left]),
    ):
        for path in paths:
            found[Path(path).name] = found.get(Path(path).name, "") + letter
    return found


def bring_all(bench: ResultBench) -> None:
    bring_image(bench, "17_labels.tif")
    bench.bring("17_nuclei.CSV", b"a,b\n1,2\n")
    bench.bring("18_track.tsv", b"a\tb\n")
    bench.bring("log.txt")
    bench.bring("empty.log", b"")
    bench.bring("overlay.png", PNG)
    bench.bring("text.tif", b"text")
    bench.bring("cells.zarr/.zattrs", b"{}")
    bench.bring("cells.zarr/0/0.0", b"{}")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "i t t a a a f -"),
        ({"rois": RoiShape.MASKS}, "il t t a a a f -"),
        ({"rois": RoiShape.MASKS, "label_images": "*_mask.tif"}, "i t t a a a f -"),
        ({"rois": RoiShape.MASKS, "import_images": False}, "l t t a a a f -"),
        ({"tables": TableKind.ATTACHMENT}, "i a a a a a f -"),
        ({"tables": None}, "i - - a a a f -"),
        ({"attach_other_files": False}, "i t t - - f f -"),
        ({"attach_other_files": False, "import_images": False}, "- t t - - - f -"),
    ],
)
def test_options(bench: ResultBench, options: dict[str, object], expected: str) -> None:
    bring_all(bench)
    bench.options = ResultOptions.model_validate({"destination": BY_NAME, **options})
    names = ("17_labels.tif", "17_nuclei.CSV", "18_track.tsv", "log.txt", "empty.log", "overlay.png", "text.tif")
    found = everything(bench)
    # A store is written as OME-TIFF before there is a plan (tests/sandbox/results/test_zarr.py).
    assert [*(found[name] for name in names), found["0.0"]] == expected.split()


def test_the_same_files_give_the_same_plan(bench: ResultBench) -> None:
    bring_all(bench)
    assert plan_results(bench.work, bench.files) == plan_results(bench.work, bench.files[::-1])


def test_images_are_named_by_the_pattern(bench: ResultBench) -> None:
    bring_image(bench, "17_cells_labels.tif")
    bring_image(bench, "montage.tif")
    made = plan(bench, image_name="{original_file} nuclei.{ext}")
    assert [(image.input and image.input.image, image.source.image_name) for image in made.images] == [
        (17, "cells nuclei.tif"),
        (None, "montage nuclei.tif"),
    ]
    with pytest.raises(FailureError) as caught:
        plan(bench, image_name="{nothing}")
    assert caught.value.failure.category is FailureCategory.BAD_REQUEST


def test_a_set_of_files_is_one_image(bench: ResultBench) -> None:
    folder = bench.folder / "0"
    folder.mkdir(parents=True)
    write_time_lapse(folder, "17_cells")
    for path in folder.iterdir():
        bench.came(path.name)
    made = plan(bench)
    (image,) = made.images
    assert len(image.source.files) == len(bench.files) == 5
    assert image.source.files[0].path.endswith(".companion.ome")


@pytest.mark.parametrize("where", ["another run", "another group", "/etc"])
def test_companions_elsewhere_are_refused(bench: ResultBench, where: str) -> None:
    folder = bench.folder / "0"
    folder.mkdir(parents=True)
    write_time_lapse(folder, "17_cells")
    companion = folder / "17_cells_t2.ome.tif"
    target = {
        "another run": bench.folder.parent / "other" / companion.name,
        "another group": bench.root / "lab-b" / companion.name,
        "/etc": Path("/etc/passwd"),
    }[where]
    if where != "/etc":
        target.parent.mkdir()
        companion.rename(target)
    else:
        companion.unlink()
    companion.symlink_to(target)
    for path in folder.iterdir():
        if path != companion:
            bench.came(path.name)
    made = plan(bench)
    assert made.images == ()
    assert {failed.failure.category for failed in made.failed} <= {
        FailureCategory.PATH_OUTSIDE_FOLDER,
        FailureCategory.BROKEN_FILE,
    }
    assert made.failed


def test_a_link_in_place_of_a_result_is_refused(bench: ResultBench) -> None:
    file = bring_image(bench, "17_labels.tif")
    place = bench.root / "lab-a" / file.path
    place.rename(place.with_suffix(".real"))
    os.symlink(place.with_suffix(".real"), place)
    (failed,) = plan(bench).failed
    assert failed.failure.category is FailureCategory.FILE_CHANGED


def test_another_size_than_it_came_with_is_refused(bench: ResultBench) -> None:
    file = bring_image(bench, "17_labels.tif")
    with (bench.root / "lab-a" / file.path).open("ab") as stream:
        stream.write(b"more")
    (failed,) = plan(bench).failed
    assert failed.failure.category is FailureCategory.FILE_CHANGED


def test_no_place_for_images_of_a_plate_or_of_several_datasets(bench: ResultBench) -> None:
    bench.inputs = (staged(17, dataset=None), staged(18, dataset=4))
    bring_image(bench, "17_cells_labels.tif")
    bring_image(bench, "montage.tif")
    bench.options = ResultOptions()
    made = plan_results(bench.work, bench.files)
    assert [failed.failure.category for failed in made.failed] == [FailureCategory.BAD_REQUEST] * 2


def test_the_run_folder_is_part_of_every_path(bench: ResultBench) -> None:
    assert bench.bring("a/b.txt").path_in_task == Path("a/b.txt")
    assert bench.files[0].run_folder == f".analyzed/{TOKEN}"
    with pytest.raises(ValueError, match=r"\.analyzed"):
        ResultFile(path="elsewhere/x/0/a.txt", task=0, size=1, sha256="0" * 64)
