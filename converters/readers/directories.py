"""The chain of directories (pages) of a TIFF, walked without a library, to notice a broken chain.

Format: TIFF 6.0 section 2, BigTIFF as in libtiff's design. A TIFF whose chain leads outside the
file was truncated; readers that stop there quietly would lose the rest of the images.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from converters.errors import UnreadableFile

_CLASSIC, _BIG = 42, 43
#: Bytes a value of each field type; a value longer than an offset lies elsewhere in the file.
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def is_tiff(head: bytes) -> bool:
    """Whether the first bytes are those of a TIFF or BigTIFF of either byte order."""
    return head[:4] in {b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"}


def count_directories(path: Path) -> int:
    """The number of directories in the main chain.

    Raises:
        UnreadableFile: the chain or a tag's value leaves the file, or the chain has a loop or is empty.
    """
    try:
        with path.open("rb") as file:
            return _walk(path, file)
    except OSError as error:
        raise UnreadableFile(path, f"the file cannot be read: {error.strerror}") from error
    except struct.error:
        raise UnreadableFile(path, "the TIFF is truncated: a page's directory is cut off") from None


def _walk(path: Path, file: BinaryIO) -> int:
    head = file.read(8)
    order = "<" if head[:2] == b"II" else ">"
    (version,) = struct.unpack(order + "H", head[2:4])
    if version == _CLASSIC:
        count_format, offset_format, entry = order + "H", order + "I", struct.Struct(order + "HHII")
        (offset,) = struct.unpack(offset_format, head[4:8])
    elif version == _BIG:
        count_format, offset_format, entry = order + "Q", order + "Q", struct.Struct(order + "HHQQ")
        (offset,) = struct.unpack(offset_format, file.read(8))
    else:
        raise UnreadableFile(path, f"the TIFF header has version {version}")
    size = file.seek(0, 2)
    seen: set[int] = set()
    while offset:
        if offset in seen:
            raise UnreadableFile(path, "the TIFF is damaged: its pages form a loop")
        if offset >= size:
            raise UnreadableFile(
                path, f"the TIFF is truncated: page {len(seen) + 1} would begin at byte {offset} of {size}"
            )
        seen.add(offset)
        file.seek(offset)
        (entries,) = struct.unpack(count_format, file.read(struct.calcsize(count_format)))
        if not 0 < entries < 65536:
            raise UnreadableFile(path, f"the TIFF is damaged: page {len(seen)} has no valid directory")
        directory = file.read(entries * entry.size)
        for tag, kind, count, value in entry.iter_unpack(directory[: len(directory) // entry.size * entry.size]):
            length = _TYPE_SIZES.get(kind, 0) * count
            if length > struct.calcsize(offset_format) and value + length > size:
                where = f"tag {tag} of page {len(seen)} should reach byte {value + length} of {size}"
                raise UnreadableFile(path, f"the TIFF is truncated: {where}")
        (offset,) = struct.unpack(offset_format, file.read(struct.calcsize(offset_format)))
    if not seen:
        raise UnreadableFile(path, "the TIFF has no pages; was its writing interrupted?")
    return len(seen)
