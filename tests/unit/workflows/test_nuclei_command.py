"""The command as a BIAFLOWS container is called, on files of many kinds."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from sandbox.samples.cells import Culture
from sandbox.workflows import nuclei
from sandbox.workflows.nuclei.command import build_parser, main, result_names
from sandbox.workflows.nuclei.image_file import NotReadable, arrange, read_images

BIAFLOWS = ("--local", "-nmc")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("in", "gt", "out"):
        (tmp_path / name).mkdir()
    return tmp_path


def run(folders: Path, *parameters: str) -> int:
    places = ("--infolder", str(folders / "in"), "--gtfolder", str(folders / "gt"), "--outfolder", str(folders / "out"))
    return main([*places, *parameters, *BIAFLOWS])


def outputs(folders: Path) -> list[str]:
    return sorted(file.name for file in (folders / "out").iterdir())


def table(folders: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folders / "out" / f"{name}_nuclei.csv").open(encoding="utf-8")))


@pytest.fixture(scope="module")
def culture() -> Culture:
    return Culture(23, 192, count=8, depth=3)


@pytest.fixture(scope="module")
def planes(culture: Culture) -> NDArray[Any]:
    """(z, channel, y, x)"""
    return np.stack([[culture.expose(channel, z) for channel in range(2)] for z in range(3)])


def test_a_focus_series_gives_one_label_image_and_one_table(
    folders: Path, planes: NDArray[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(folders / "in" / "cells.ome.tif", planes, ome=True, metadata={"axes": "ZCYX", **sizes})
    assert run(folders) == 0
    assert outputs(folders) == ["cells_labels.tif", "cells_nuclei.csv"]
    assert capsys.readouterr().out.splitlines() == ["cells.ome.tif: 8 nuclei", "progress: 1 of 1"]

    with tifffile.TiffFile(folders / "out" / "cells_labels.tif") as file:
        labels = file.asarray()
        assert file.is_ome and file.ome_metadata is not None
        for attribute in (
            'PhysicalSizeX="0.25"',
            'PhysicalSizeXUnit="nm"',
            'PhysicalSizeY="0.5"',
            'PhysicalSizeYUnit="µm"',
        ):
            assert attribute in file.ome_metadata
    assert labels.dtype == np.uint16 and labels.shape == (192, 192)
    rows = table(folders, "cells")
    brightest = planes[:, 0].max(axis=0)
    for row in rows:
        nucleus = labels == int(row["label"])
        assert int(row["area"]) == nucleus.sum()
        assert float(row["mean_intensity"]) == pytest.approx(brightest[nucleus].mean(), abs=0.001)
        assert float(row["max_intensity"]) == brightest[nucleus].max()
        assert float(row["centroid_x"]) == pytest.approx(np.nonzero(nucleus)[1].mean(), abs=0.01)
        assert row["time"] == "0"


def test_time_points_are_analysed_each_and_a_label_comes_once(folders: Path, culture: Culture) -> None:
    lapse = np.stack([culture.expose(0, 1, t) for t in range(3)])
    tifffile.imwrite(folders / "in" / "lapse.tif", lapse, ome=True, metadata={"axes": "TYX"})
    assert run(folders) == 0
    labels = tifffile.imread(folders / "out" / "lapse_labels.tif")
    assert labels.shape == lapse.shape
    rows = table(folders, "lapse")
    assert [int(row["label"]) for row in rows] == list(range(1, len(rows) + 1))
    for time in range(3):
        assert set(np.unique(labels[time])) - {0} == {int(row["label"]) for row in rows if row["time"] == str(time)}


def test_the_channel_is_counted_from_one(folders: Path, planes: NDArray[Any]) -> None:
    tifffile.imwrite(folders / "in" / "a.tif", planes[1, ::-1], imagej=True, metadata={"axes": "CYX"})
    assert run(folders, "--channel=2") == 0
    assert len(table(folders, "a")) == 8


def test_one_file_that_fails_is_named_and_the_others_are_done(
    folders: Path, planes: NDArray[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(folders / "in" / "good.tif", planes[1, 0])
    tifffile.imwrite(folders / "in" / "one channel.tif", planes[1, 0])
    (folders / "in" / "text.tif").write_text("no image")
    cut = folders / "in" / "cut.tif"
    tifffile.imwrite(cut, planes[1, 0], compression="zlib")
    cut.write_bytes(cut.read_bytes()[:-2000])
    (folders / "in" / "readme.txt").write_text("not looked at")
    assert run(folders) == 1
    said = capsys.readouterr()
    assert "progress: 4 of 4" in said.out
    assert [line.split(":")[1].strip() for line in said.err.splitlines()] == ["cut.tif", "text.tif"]
    expected = [f"{name}_{part}" for name in ("good", "one channel") for part in ("labels.tif", "nuclei.csv")]
    assert outputs(folders) == expected

    assert run(folders, "--channel=2") == 1
    assert "there is no channel 2: the image has 1" in capsys.readouterr().err


def test_a_result_that_cannot_be_written_is_a_failure(
    folders: Path, planes: NDArray[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(folders / "in" / "a.tif", planes[1, 0])
    (folders / "out" / "a_nuclei.csv").mkdir()
    assert run(folders) == 1
    assert "failed: a.tif" in capsys.readouterr().err
    assert not list((folders / "out").glob(".*")), "nothing half-written is left"


def test_no_image_at_all_is_a_failure(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folders) == 1
    assert "There is no TIFF in" in capsys.readouterr().err


def test_an_image_without_nuclei_has_empty_results(folders: Path) -> None:
    tifffile.imwrite(folders / "in" / "empty.tif", np.full((64, 64), 9, np.uint16))
    assert run(folders) == 0
    assert table(folders, "empty") == []
    assert tifffile.imread(folders / "out" / "empty_labels.tif").max() == 0


def test_several_images_in_a_file_have_their_numbers_in_the_name(folders: Path, planes: NDArray[Any]) -> None:
    with tifffile.TiffWriter(folders / "in" / "two.ome.tif", ome=True) as writer:
        for size in (192, 160):
            writer.write(planes[1, 0, :size, :size], metadata={"axes": "YX"})
    assert run(folders) == 0
    assert outputs(folders) == ["two_1_labels.tif", "two_1_nuclei.csv", "two_2_labels.tif", "two_2_nuclei.csv"]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.tif", "b.ome.tiff", "c.OME.TIF"], ["a", "b", "c"]),
        (["a.tif", "a.ome.tif", "b.tif"], ["a.tif", "a.ome.tif", "b"]),
        (["A.tif", "a.tif"], ["A.tif", "a.tif"]),
    ],
)
def test_no_two_results_have_the_same_name(files: list[str], names: list[str]) -> None:
    assert result_names(files) == names


@pytest.mark.parametrize(
    ("axes", "shape", "arranged"),
    [
        ("YX", (5, 6), (1, 1, 1, 5, 6)),
        ("XY", (6, 5), (1, 1, 1, 5, 6)),
        ("TZCYX", (2, 3, 4, 5, 6), (2, 4, 3, 5, 6)),
        ("CZYXT", (4, 3, 5, 6, 2), (2, 4, 3, 5, 6)),
        ("YXS", (5, 6, 3), (1, 3, 1, 5, 6)),
        ("QYX", (7, 5, 6), (7, 1, 1, 5, 6)),
        ("TICYX", (2, 3, 4, 5, 6), (6, 4, 1, 5, 6)),
    ],
)
def test_any_sequence_of_axes_is_arranged(axes: str, shape: tuple[int, ...], arranged: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape)).reshape(shape)
    found = arrange(pixels, axes)
    assert found.shape == arranged
    first = pixels[tuple(slice(None) if axis in "YX" else 0 for axis in axes)]
    assert (found[0, 0, 0] == (first.T if axes.index("X") < axes.index("Y") else first)).all()


@pytest.mark.parametrize(("axes", "kind", "reason"), [("ZC", "u1", "no plane"), ("YX", "c8", "complex64")])
def test_what_is_no_image_is_refused_with_a_reason(axes: str, kind: str, reason: str) -> None:
    with pytest.raises(NotReadable, match=reason):
        arrange(np.zeros((2, 2), kind), axes)


def test_the_sample_files_are_read(tmp_path: Path) -> None:
    from sandbox.samples.stack import write_hyperstack

    write_hyperstack(tmp_path / "stack.tif")
    (image,) = read_images(tmp_path / "stack.tif")
    assert image.pixels.shape == (1, 2, 5, 320, 320)


@pytest.mark.parametrize(
    "wrong",
    [
        "--diameter=0",
        "--diameter=nan",
        "--diameter=30; touch x",
        "--channel=0",
        "--channel=1.5",
        "--minimum_area=-1",
        "--split_touching=maybe",
        "--diam=30",
        "--unknown=1",
    ],
)
def test_a_parameter_that_is_wrong_is_refused(folders: Path, wrong: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run(folders, wrong)
    assert ended.value.code == 2


def test_parameters_are_read_as_biomero_writes_them() -> None:
    parameters = ["--diameter=25", "--minimum_area=50.0", "--split_touching=False", "--sigma=None"]
    read = build_parser().parse_args(["--infolder=i", "--outfolder=o", *parameters])
    assert (read.diameter, read.minimum_area, read.split_touching, read.sigma) == (25.0, 50, False, 2.0)


def test_the_descriptor_names_the_parameters_and_defaults_of_the_command() -> None:
    descriptor = json.loads(Path(nuclei.__file__).with_name("descriptor.json").read_text("utf-8"))
    assert descriptor["schema-version"] == "cytomine-0.1"
    everybodys = {"infolder", "outfolder", "gtfolder", "local", "nmc"}
    defaults = vars(build_parser().parse_args(["--infolder=i", "--outfolder=o"]))
    ours = {name: value for name, value in defaults.items() if name not in everybodys}
    assert {entry["id"]: entry["default-value"] for entry in descriptor["inputs"]} == ours
    for entry in descriptor["inputs"]:
        # A number whose default is written without a point is a whole one to the readers of this format.
        assert type(entry["default-value"]) is type(ours[entry["id"]])
        assert entry["description"] and entry["id"].upper() in descriptor["command-line"]
