"""`python -m converters` as a container engine runs it: its arguments, its last line, its exit status."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from contracts.preprocessing import read_converter_outputs
from converters.conversion import sha256_of
from converters.reader import open_image_file
from sandbox.samples import Sample

HOUSE = Path(__file__).resolve().parents[3]


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "converters", *map(str, arguments)],
        cwd=HOUSE,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
        **options,
    )


def convert(source: Path, folder: Path, *more: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return run(
        "--inputfile", source, "--outputfolder", folder / "out", "--altoutputfolder", folder / "alt", *more, **options
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "raw" / "cells.tif"
    path.parent.mkdir()
    pixels = np.arange(2 * 600 * 700, dtype=np.uint16).reshape(2, 600, 700)
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None)
    return path


@pytest.fixture
def two_series(tmp_path: Path) -> Path:
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for name, size in (("left/top", 20), ("right", 30)):
            tiff.write(np.full((size, size), size, np.uint8), metadata={"axes": "YX", "Name": name})
    return path


def test_one_image(source: Path, tmp_path: Path) -> None:
    done = convert(source, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "cells.tif: TIFF, 1 series, 1 files"
    assert "100 % (2 of 2 planes)" in lines
    output, alternative = tmp_path / "out" / "cells.ome.tiff", tmp_path / "alt" / "cells.ome.tiff"
    (item,) = json.loads(lines[-1])
    fingerprint = item["keyvalues"][0].pop("Source fingerprint")
    assert len(fingerprint) == 64
    assert item == {
        "name": "cells.tif",
        "full_path": str(output),
        "alt_path": str(alternative),
        "keyvalues": [
            {
                "Source file": "cells.tif",
                "Source format": "TIFF",
                "Source series": "0: cells.tif",
                "Sizes": "700 x 600 pixels, 2 time points",
                "Pixel type": "uint16",
                "Channel 1 range": "0 to 65535",
                "Channel 1 window": "64 to 65465",
                "Output format": "OME-TIFF, zlib",
                "Output bytes": str(output.stat().st_size),
                "Output SHA-256": sha256_of(output),
            }
        ],
    }
    assert read_converter_outputs(lines[-1])[0].name == "cells.tif"
    assert sha256_of(alternative) == sha256_of(output)
    assert sorted(path.name for path in output.parent.iterdir()) == ["cells.ome.tiff"]
    with open_image_file(source) as before, open_image_file(output) as after:
        for t in range(2):
            np.testing.assert_array_equal(before.series[0].plane(0, 0, t), after.series[0].plane(0, 0, t))


def test_several_series(two_series: Path, tmp_path: Path) -> None:
    outputs = read_converter_outputs(convert(two_series, tmp_path).stdout.splitlines()[-1])
    assert [(each.name, Path(each.full_path).name) for each in outputs] == [
        ("two.ome.tif [left/top]", "two_left_top.ome.tiff"),
        ("two.ome.tif [right]", "two_right.ome.tiff"),
    ]
    assert [dict(each.keyvalues)["Source series"] for each in outputs] == ["0: left/top", "1: right"]


@pytest.mark.parametrize("option", [("--series", "1"), ("--series", "right"), ("--image_uuid", "Image:1")])
def test_one_series_of_many(two_series: Path, tmp_path: Path, option: tuple[str, str]) -> None:
    outputs = read_converter_outputs(convert(two_series, tmp_path, *option).stdout.splitlines()[-1])
    assert [Path(each.full_path).name for each in outputs] == ["two_right.ome.tiff"]


def test_an_unknown_series_lists_the_known(two_series: Path, tmp_path: Path) -> None:
    done = convert(two_series, tmp_path, "--series", "middle")
    assert done.returncode == 1
    assert done.stderr == "Error: two.ome.tif: it has no series 'middle'; it has 0: left/top, 1: right\n"
    assert not (tmp_path / "out").exists()


def test_a_finished_result_is_reused(source: Path, tmp_path: Path) -> None:
    first = convert(source, tmp_path)
    written = (tmp_path / "out" / "cells.ome.tiff").stat()
    shutil.rmtree(tmp_path / "alt")
    second = convert(source, tmp_path)
    assert "already there, made from the same source: reused" in second.stdout
    assert second.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]
    assert (tmp_path / "out" / "cells.ome.tiff").stat().st_mtime_ns == written.st_mtime_ns
    assert (tmp_path / "alt" / "cells.ome.tiff").is_file()


def test_a_changed_source_leaves_the_old_result_alone(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path)
    old = sha256_of(tmp_path / "out" / "cells.ome.tiff")
    tifffile.imwrite(source, np.zeros((5, 5), np.uint8), metadata=None)
    (output,) = read_converter_outputs(convert(source, tmp_path).stdout.splitlines()[-1])
    assert Path(output.full_path).name == "cells_2.ome.tiff"
    assert sha256_of(tmp_path / "out" / "cells.ome.tiff") == old


def test_a_copy_where_no_link_is_possible(source: Path, tmp_path: Path) -> None:
    other = Path("/dev/shm") / f"converters-{os.getpid()}"
    if not other.parent.is_dir():
        pytest.skip("no second file system here")
    try:
        done = run("--inputfile", source, "--outputfolder", tmp_path / "out", "--altoutputfolder", other)
        assert done.returncode == 0
        assert sha256_of(other / "cells.ome.tiff") == sha256_of(tmp_path / "out" / "cells.ome.tiff")
    finally:
        shutil.rmtree(other, ignore_errors=True)


@pytest.mark.parametrize("kind", ["tiff", "ome-tiff", "ome-tiff-companion", "imagexpress"])
def test_every_sample_converts(samples: dict[str, Sample], tmp_path: Path, kind: str) -> None:
    done = convert(samples[kind].path, tmp_path)
    outputs = read_converter_outputs(done.stdout.splitlines()[-1])
    with open_image_file(samples[kind].path) as before:
        assert len(outputs) == len(before.series)
        for series, output in zip(before.series, outputs, strict=True):
            with open_image_file(Path(output.full_path)) as after:
                made = after.series[0]
                assert (made.size_z, made.size_c, made.size_t) == (series.size_z, series.size_c, series.size_t)
                assert made.channels == series.channels
                assert made.physical_size_x == series.physical_size_x
                np.testing.assert_array_equal(made.plane(0, 1, 0), series.plane(0, 1, 0))


@pytest.mark.parametrize("name", ["leica_wavelength_sweep.lif", "zeiss_tiles.czi", "zeiss_rgb-multichannel.czi"])
def test_real_files_convert(shared_data: Path, tmp_path: Path, name: str) -> None:
    outputs = read_converter_outputs(convert(shared_data / name, tmp_path).stdout.splitlines()[-1])
    with open_image_file(shared_data / name) as before:
        for series, output in zip(before.series, outputs, strict=True):
            with open_image_file(Path(output.full_path)) as after:
                last = (series.size_z - 1, series.size_c - 1, series.size_t - 1)
                np.testing.assert_array_equal(after.series[0].plane(*last), series.plane(*last))


def test_failures_say_error_and_exit_1(source: Path, tmp_path: Path) -> None:
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    done = convert(source, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: cells.tif: the ") and "truncated" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_wrong_command_line_exits_2(source: Path, tmp_path: Path) -> None:
    assert convert(source, tmp_path, "--outputformat", "omezarr04").returncode == 2
    assert run("--inputfile", source).returncode == 2
    assert "--altoutputfolder" in run("--help").stdout


def test_no_space_left_is_told_and_nothing_is_left(source: Path, tmp_path: Path) -> None:
    """A limit of the file size stands for the full disk: the same call fails, with EFBIG."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    done = convert(source, tmp_path, "--compression", "none", preexec_fn=limit)
    assert done.returncode == errno.ENOSPC
    assert done.stderr.startswith("Error: cells.ome.tiff: the disk of ")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_converter_left_is_taken_over(source: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "converters",
            "--inputfile",
            str(source),
            "--outputfolder",
            str(tmp_path / "out"),
            "--show_progress",
        ],
        cwd=HOUSE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("50 %"):
            break
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    process.stdout.close()
    assert convert(source, tmp_path).returncode == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cells.ome.tiff"]


def test_two_at_once_make_one_result(source: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "converters", "--inputfile", str(source), "--outputfolder", str(tmp_path / "out")]
    both = [subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [process.communicate(timeout=120)[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert lines[0][-1] == lines[1][-1]
    assert sum("reused" in "\n".join(each) for each in lines) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cells.ome.tiff"]


def test_two_sources_of_one_stem_have_two_results(source: Path, tmp_path: Path) -> None:
    other = source.with_suffix(".tiff")
    tifffile.imwrite(other, np.ones((9, 9), np.uint8), metadata=None)
    names = [read_converter_outputs(convert(each, tmp_path).stdout.splitlines()[-1])[0] for each in (source, other)]
    assert [Path(each.full_path).name for each in names] == ["cells.ome.tiff", "cells_2.ome.tiff"]


@pytest.mark.parametrize(
    "name",
    [
        "with space.tif",
        "quo'te\".tif",
        "Zelle \u00e4\u03bc\u7d30\u80de.tif",
        "x" * 250 + ".tif",
        "new\nline.tif",
        "-dash.tif",
    ],
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    tifffile.imwrite(path, np.ones((9, 9), np.uint8), metadata=None)
    done = convert(path, tmp_path)
    assert done.returncode == 0, done.stderr
    (output,) = read_converter_outputs(done.stdout.splitlines()[-1])
    assert Path(output.full_path).is_file() and output.name == name
