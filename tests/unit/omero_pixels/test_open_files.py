"""Files stay open while they are read, and no more of them than allowed when they are not."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile

from converters.errors import ConverterError
from sandbox.omero.open_files import OpenFiles


def open_paths() -> set[Path]:
    """Every file that this process holds open."""
    return {link.resolve() for link in Path("/proc/self/fd").iterdir() if link.exists()}


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    made = []
    for index in range(5):
        made.append(tmp_path / f"{index}.tif")
        tifffile.imwrite(made[-1], np.full((16, 16), index, np.uint8))
    return made


def value_of(files: OpenFiles, path: Path) -> int:
    with files.lease(path) as file:
        return int(file.series[0].plane(0, 0, 0).max())


def test_idle_files_are_bounded(paths: list[Path]) -> None:
    files = OpenFiles(capacity=2)
    assert [value_of(files, path) for path in paths * 2] == [0, 1, 2, 3, 4] * 2
    assert len(open_paths() & set(paths)) <= 2
    files.close()
    assert not open_paths() & set(paths)


def test_a_file_in_use_stays_open(paths: list[Path]) -> None:
    files = OpenFiles(capacity=1)
    with files.lease(paths[0]) as file:
        assert [value_of(files, path) for path in paths[1:]] == [1, 2, 3, 4]
        files.forget(paths[0])
        files.close()
        assert file.series[0].plane(0, 0, 0).max() == 0
    assert not open_paths() & set(paths)


def test_a_replaced_file_is_read_anew_once_forgotten(paths: list[Path]) -> None:
    files = OpenFiles()
    assert value_of(files, paths[0]) == 0
    paths[0].unlink()
    tifffile.imwrite(paths[0], np.full((16, 16), 9, np.uint8))
    files.forget(paths[0])
    assert value_of(files, paths[0]) == 9
    files.close()


def test_many_threads_read_few_open_files(paths: list[Path]) -> None:
    files = OpenFiles(capacity=2)
    wrong: list[tuple[int, int]] = []

    def read() -> None:
        for index, path in list(enumerate(paths)) * 10:
            found = value_of(files, path)
            if found != index:
                wrong.append((index, found))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    files.close()


def test_what_cannot_be_opened_is_not_kept(tmp_path: Path) -> None:
    files = OpenFiles()
    with pytest.raises(ConverterError), files.lease(tmp_path / "missing.tif"):
        pass
