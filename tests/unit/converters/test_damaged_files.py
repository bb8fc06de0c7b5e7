"""Damaged files: whatever bytes they hold, a reader reads them or refuses them, in bounded time and memory.

Wrong pixels cannot be told from right ones, so that "read" is an answer too. The readers run in a child
process, because a library that crashes or hangs would take the tests with it.
"""

from __future__ import annotations

import random
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from tifffile import TiffFile, imwrite

from sandbox.samples import Sample

READER = Path(__file__).with_name("read_until_end.py")
#: A reader that has not answered by then hangs: a whole file takes it a fraction of a second.
PATIENCE_SECONDS = 60.0
REAL = ("leica_wavelength_sweep.lif", "zeiss_rgb-multichannel.czi", "zeiss_s_1_t_1_c_1_z_1.czi", "zeiss_tiles.czi")
#: Numbers that make readers allocate, loop or seek far when a size or position says so.
EXTREMES = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\x80\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\x01",
    b"\x01\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\0\0\0\0\0\0\0\0",
)


class Reader:
    """A child process that reads files; one that ends or does not answer is a failure."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, str(READER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def read(self, path: Path) -> str:
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(f"{path}\n")
        self._child.stdin.flush()
        ready, _, _ = select.select([self._child.stdout], [], [], PATIENCE_SECONDS)
        if not ready:
            return "hung"
        return self._child.stdout.readline().strip() or f"died with exit code {self._child.wait()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.wait()


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def damage(whole: bytes, chance: random.Random) -> bytes:
    """One to three places overwritten, mostly near the ends of the file, where formats keep their tables."""
    content = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        near = min(len(whole), 4000)
        place = chance.choice(
            [
                chance.randrange(near),
                len(whole) - 1 - chance.randrange(near),
                chance.randrange(len(whole)),
            ]
        )
        new = chance.choice([*EXTREMES, chance.randbytes(chance.randint(1, 8))])[: len(whole) - place]
        content[place : place + len(new)] = new
    return bytes(content)


@pytest.mark.parametrize("name", ["tiff", "ome-tiff", *REAL])
def test_damaged_bytes_are_read_or_refused(
    request: pytest.FixtureRequest, reader: Reader, samples: dict[str, Sample], tmp_path: Path, name: str
) -> None:
    source = samples[name].path if name in samples else request.getfixturevalue("shared_data") / name
    whole = source.read_bytes()
    path = tmp_path / source.name
    answers = []
    for seed in range(40):
        path.write_bytes(damage(whole, random.Random(f"{name} {seed}")))
        answer = reader.read(path)
        assert answer == "read" or answer.startswith("refused: "), f"{name}, seed {seed}: {answer}"
        answers.append(answer)
    assert len(set(answers)) > 1, "no damage was noticed at all"


#: TIFF tags whose damaged value makes a page larger than its bytes.
WIDTH, LENGTH, SAMPLES, ROWS, TILE_WIDTH = 256, 257, 277, 278, 322


@pytest.mark.parametrize("tag", [WIDTH, LENGTH, SAMPLES, ROWS, TILE_WIDTH])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_of_absurd_size_is_read_or_refused(
    reader: Reader, tmp_path: Path, tag: int, compression: str | None
) -> None:
    path = tmp_path / "absurd.tif"
    tile = (64, 64) if tag == TILE_WIDTH else None
    imwrite(path, np.ones((128, 128), np.uint16), metadata=None, compression=compression, tile=tile)
    content = bytearray(path.read_bytes())
    with TiffFile(path) as tiff:
        place = tiff.pages.first.tags[tag].offset
    largest = {3: (1 << 16) - 16, 4: 1 << 30}[int.from_bytes(content[place + 2 : place + 4], "little")]
    content[place + 8 : place + 12] = largest.to_bytes(4, "little")
    path.write_bytes(content)
    answer = reader.read(path)
    assert answer.startswith("refused: ") or (tag == ROWS and answer == "read"), answer


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('SizeC="1"', 'SizeC="4000000000000"'),
        ('SizeZ="2"', 'SizeZ="4000000000000"'),
        ('SizeT="1"', 'SizeT="4000000000000"'),
        ('SamplesPerPixel="1"', 'SamplesPerPixel="4000000000000"'),
        ('SamplesPerPixel="1"', 'SamplesPerPixel="-1"'),
        ('PlaneCount="2"', 'PlaneCount="4000000000000"'),
        ('IFD="0"', 'IFD="4000000000000"'),
        ('SizeX="32"', 'SizeX="4000000000000"'),
    ],
)
def test_ome_xml_of_absurd_numbers_is_refused(reader: Reader, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "absurd.ome.tif"
    imwrite(path, np.ones((2, 32, 32), np.uint16), metadata={"axes": "ZYX"})
    with TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages.first.tags["ImageDescription"]
        assert old in tag.value
        tag.overwrite(tag.value.replace(old, new))
    answer = reader.read(path)
    assert answer.startswith("refused: ") or (new.startswith("PlaneCount") and answer == "read"), answer


@pytest.mark.parametrize("attribute", ["NumberOfElements", "BytesInc"])
def test_lif_of_absurd_numbers_is_refused(reader: Reader, shared_data: Path, tmp_path: Path, attribute: str) -> None:
    """The digits of a dimension become nines, which leaves the XML whole."""
    content = (shared_data / REAL[0]).read_bytes()
    dimension = content.index("<DimensionDescription".encode("utf-16-le"))
    begin = content.index(f'{attribute}="'.encode("utf-16-le"), dimension) + 2 * len(f'{attribute}="')
    end = content.index('"'.encode("utf-16-le"), begin)
    path = tmp_path / "absurd.lif"
    path.write_bytes(content[:begin] + ("9" * ((end - begin) // 2)).encode("utf-16-le") + content[end:])
    assert reader.read(path).startswith("refused: ")


def test_czi_of_absurd_size_is_read_or_refused(reader: Reader, shared_data: Path, tmp_path: Path) -> None:
    """Each number of each tile's dimensions, one after the other, becomes as large as it can."""
    content = (shared_data / "zeiss_tiles.czi").read_bytes()
    entry = content.index(b"DV", content.index(b"ZISRAWDIRECTORY"))
    path = tmp_path / "absurd.czi"
    for letter in b"XYCZTS":
        place = content.find(bytes([letter, 0, 0, 0]), entry)
        for offset in (4, 8) if place > 0 else ():
            for number in (0x7FFFFFFF, 0x80000000, 0x00FFFFFF):
                at = place + offset
                path.write_bytes(content[:at] + number.to_bytes(4, "little") + content[at + 4 :])
                answer = reader.read(path)
                case = f"{chr(letter)}, byte {offset}, {number:#x}"
                assert answer == "read" or answer.startswith("refused: "), f"{case}: {answer}"
