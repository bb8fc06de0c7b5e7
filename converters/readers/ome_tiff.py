"""OME-TIFF: one file, many files that name each other, or many files with a `.companion.ome`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tifffile import TiffFile

from converters.errors import UnreadableFile
from converters.image_file import RGB_COLOURS, Fileset, ImageFile, Series
from converters.readers.directories import count_directories, is_tiff
from converters.readers.ome_xml import OmeImage, OmeXml, TiffBlock, parse_ome_xml
from converters.readers.tiff_pages import (
    PageLocation,
    PagePixels,
    TiffPages,
    check_extent,
    levels_of,
    load_page,
    native,
    open_tiff,
    reading,
    samples,
)

_COMPANION = ".companion.ome"


def recognises(path: Path, head: bytes) -> bool:
    """A TIFF whose first page's description is OME-XML, or OME-XML itself with the companion's name."""
    if not is_tiff(head):
        return path.name.lower().endswith(_COMPANION) and b"<OME" in head
    try:
        with open_tiff(path) as tiff:
            return _description(path, tiff) is not None
    except UnreadableFile:
        return False  # the plain TIFF reader says what is wrong with it


def find_fileset(path: Path) -> Fileset:
    with open_file(path) as image:
        return Fileset(image.files, holds_plate=image.plate is not None)


def open_file(path: Path) -> ImageFile:
    """Open the fileset that `path` belongs to, from any of its files.

    Every file that the metadata names is looked for, and each one's page chain and extents are
    checked, so that a missing or truncated companion is noticed here and not at a plane.

    Raises:
        UnreadableFile: names the missing, truncated or damaged file.
    """
    home, xml = _metadata(path)
    if not xml.images:
        raise UnreadableFile(home, "its OME-XML describes no image")
    plan = _Fileset(home, xml)
    pages = TiffPages()
    series = tuple(plan.series(number, image, pages) for number, image in enumerate(xml.images))
    return ImageFile(path, "OME-TIFF", series, files=plan.files(), close=pages.close, plate=xml.plate)


def _metadata(path: Path) -> tuple[Path, OmeXml]:
    """The file that holds the metadata, and the metadata."""
    xml = parse_ome_xml(path, _xml_of(path))
    if xml.metadata_file is None:
        return path, xml
    master = path.parent / Path(xml.metadata_file).name
    if not master.is_file():
        raise UnreadableFile(path, f"its metadata are in {master.name!r}, which is not beside it")
    xml = parse_ome_xml(master, _xml_of(master))
    if xml.metadata_file is not None:
        raise UnreadableFile(master, f"{path.name!r} has its metadata here, but this file refers to another one")
    return master, xml


def _xml_of(path: Path) -> bytes:
    with reading(path), path.open("rb") as file:
        if not is_tiff(file.read(4)):
            file.seek(0)
            return file.read()
    with open_tiff(path) as tiff:
        description = _description(path, tiff)
    if description is None:
        raise UnreadableFile(path, "its OME-XML is missing")
    return description


def _description(path: Path, tiff: TiffFile) -> bytes | None:
    with reading(path):
        text = load_page(tiff, 0).description.strip("\x00 \r\n\t")
    if "<OME" not in text[:4096] or not text.startswith("<"):
        return None
    if not text.endswith("OME>"):
        raise UnreadableFile(path, "its OME-XML is cut off; the file is truncated")
    return text.encode("utf-8")


@dataclass(frozen=True)
class _Placed:
    """A block with its file found and its number of planes known."""

    block: TiffBlock
    file: Path
    count: int


class _Fileset:
    """The files of a multi-file OME-TIFF and where in them the planes lie."""

    def __init__(self, home: Path, xml: OmeXml) -> None:
        self._home = home
        self._xml = xml
        self._counts: dict[Path, int] = {}
        names = {block.file for image in xml.images for block in image.blocks}
        self._is_alone = len(names) == 1 and xml.uuid is None and not home.name.lower().endswith(_COMPANION)

    def files(self) -> tuple[Path, ...]:
        return (self._home, *sorted(file for file in self._counts if file != self._home))

    def series(self, number: int, image: OmeImage, pages: TiffPages) -> Series:
        locations = self._locations(image)
        missing = image.planes - len(locations)
        if missing:
            raise UnreadableFile(
                self._home, f"image {number} ({image.name!r}) lacks {missing} of its {image.planes} planes"
            )
        first = locations[0, 0, 0]
        with open_tiff(first.file) as tiff, reading(first.file):
            page = load_page(tiff, first.page)
            levels, in_page, stored = levels_of(page), samples(page), page.dtype
        if levels[0] != (image.sizes["X"], image.sizes["Y"]):
            raise UnreadableFile(
                first.file,
                f"the OME-XML says {image.sizes['X']} x {image.sizes['Y']} pixels, the page has {levels[0]}",
            )
        if stored is None or native(stored) != image.dtype:
            raise UnreadableFile(first.file, f"the OME-XML says {image.dtype} pixels, the page has {stored}")
        image = _with_samples(self._home, image, in_page)
        table = {
            (z, sum(image.samples[:c]) + sample, t): replace(at, sample=sample)
            for (z, c, t), at in locations.items()
            for sample in range(image.samples[c])
        }
        return Series(
            number,
            image.name or self._home.name,
            levels[0][0],
            levels[0][1],
            image.sizes["Z"],
            image.sizes["C"],
            image.sizes["T"],
            image.dtype,
            image.channels,
            levels,
            PagePixels(pages, table),
            *image.physical,
            acquired=image.acquired,
            uuid=image.identity,
        )

    def _locations(self, image: OmeImage) -> dict[tuple[int, int, int], PageLocation]:
        blocks = image.blocks or (TiffBlock(0, 0, 0, 0, None, None, None),)
        locations = {}
        for placed in (self._place(block, image) for block in blocks):
            first = image.index(placed.block.z, _element_of(image, placed.block.c), placed.block.t)
            for step in range(min(placed.count, image.planes - first)):
                page = placed.block.ifd + step
                if page >= self._counts[placed.file]:
                    raise UnreadableFile(
                        placed.file, f"the OME-XML needs page {page + 1}, the file has {self._counts[placed.file]}"
                    )
                locations[image.position(first + step)] = PageLocation(placed.file, page)
        return locations

    def _place(self, block: TiffBlock, image: OmeImage) -> _Placed:
        if block.file is None or (block.uuid is not None and block.uuid == self._xml.uuid):
            file = self._home  # renamed single files still say their old name: the UUID decides
        else:
            file = self._home.parent / Path(block.file.replace("\\", "/")).name
            if self._is_alone and not file.exists():
                file = self._home  # a renamed single file whose XML has no UUID
        if file not in self._counts:
            self._counts[file] = self._check(file)
        rest = self._counts[file] - block.ifd
        return _Placed(block, file, min(rest, image.planes) if block.count is None else block.count)

    def _check(self, file: Path) -> int:
        if not file.is_file():
            raise UnreadableFile(file, f"this file is missing; the metadata in {self._home.name!r} name it")
        with reading(file), file.open("rb") as stream:
            if not is_tiff(stream.read(4)):
                raise UnreadableFile(file, "the metadata refer to pixels in this file, and it is no TIFF")
        count = count_directories(file)
        with open_tiff(file) as tiff, reading(file):
            for index in range(count):
                check_extent(file, load_page(tiff, index), tiff.filehandle.size)
        return count


def _element_of(image: OmeImage, first_c: int) -> int:
    """FirstC counts samples; planes count Channel elements."""
    total = 0
    for element, count in enumerate(image.samples):
        if total >= first_c:
            return element
        total += count
    raise UnreadableFile(Path(image.name), f"a TiffData block begins at channel {first_c} of {total}")


def _with_samples(home: Path, image: OmeImage, in_page: int) -> OmeImage:
    if all(count == in_page for count in image.samples):
        if in_page in (3, 4) and all(channel.colour is None for channel in image.channels):
            colours = (*RGB_COLOURS, None)
            coloured = tuple(
                replace(channel, colour=colours[index % in_page]) for index, channel in enumerate(image.channels)
            )
            return replace(image, channels=coloured)
        return image
    raise UnreadableFile(home, f"the OME-XML says {image.samples} samples a pixel, the pages have {in_page}")
