"""Open an image file of any known format. The content decides; the name only hints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from converters.errors import ConverterError, UnknownFormat, UnreadableFile
from converters.image_file import Channel, Fileset, ImageFile, Plate, PlateWell, Series
from converters.readers import czi, imagexpress, lif, ome_tiff, tiff

__all__ = [
    "Channel",
    "ConverterError",
    "Fileset",
    "ImageFile",
    "Plate",
    "PlateWell",
    "Series",
    "UnknownFormat",
    "UnreadableFile",
    "find_fileset",
    "list_companions",
    "open_image_file",
]

#: Enough of a file to tell every format by.
_HEAD = 4096


@dataclass(frozen=True)
class _Format:
    recognises: Callable[[Path, bytes], bool]
    open: Callable[[Path], ImageFile]
    find_fileset: Callable[[Path], Fileset]


#: Special formats come before the general ones that contain them: a plate's TIFF is a TIFF too.
_FORMATS = (
    _Format(lif.recognises, lif.open_file, lif.find_fileset),
    _Format(czi.recognises, czi.open_file, czi.find_fileset),
    _Format(imagexpress.recognises, imagexpress.open_file, imagexpress.find_fileset),
    _Format(ome_tiff.recognises, ome_tiff.open_file, ome_tiff.find_fileset),
    _Format(tiff.recognises, tiff.open_file, tiff.find_fileset),
)

#: What the first bytes of files say that people do hand us by mistake.
_FOREIGN = (
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK\x03\x04", "a ZIP archive (or an Office document); unpack it first"),
    (b"\x89HDF\r\n", "an HDF5 file (Imaris, ilastik, ...)"),
    (b"\xda\xce\xbe\x0a", "a Nikon ND2 file"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an OLE file (Olympus OIB, Zeiss ZVI, old Office)"),
)


def open_image_file(path: Path) -> ImageFile:
    """Open `path` for reading; pixels are read lazily, metadata at once.

    Raises:
        UnknownFormat: the content is of no format that is read here.
        UnreadableFile: missing, empty, truncated, damaged, or a companion file is missing.
    """
    return _recognise(path).open(path)


def find_fileset(path: Path) -> Fileset:
    """Every file of the fileset that `path` belongs to, and whether it is a plate.

    A file with no companions gives itself alone. Reads headers, no pixels.

    Raises:
        UnknownFormat, UnreadableFile: as `open_image_file`.
    """
    return _recognise(path).find_fileset(path)


def list_companions(path: Path) -> tuple[Path, ...]:
    """The files of `find_fileset`, the one to open first."""
    return find_fileset(path).files


def _recognise(path: Path) -> _Format:
    head = _read_head(path)
    for candidate in _FORMATS:
        if candidate.recognises(path, head):
            return candidate
    for magic, meaning in _FOREIGN:
        if head.startswith(magic):
            raise UnknownFormat(path, f"this is {meaning}, which is not read here")
    if not head.strip(b"\x00"):
        raise UnreadableFile(path, "the file begins with nothing but zeros; was its copy interrupted?")
    known = "TIFF, OME-TIFF, Leica LIF, Zeiss CZI, ImageXpress plates"
    raise UnknownFormat(path, f"the content is of no format that is read here ({known})")


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        raise UnreadableFile(path, "this is a folder, not a file")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise UnreadableFile(path, "there is no such file") from None
    except OSError as error:
        raise UnreadableFile(path, f"the file cannot be opened: {error.strerror}") from error
    if not head:
        raise UnreadableFile(path, "the file is empty (0 bytes)")
    return head
