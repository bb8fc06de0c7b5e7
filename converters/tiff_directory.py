"""Directories (IFDs) of an uncompressed TIFF as bytes, when it is known beforehand where everything will lie.

Formats: TIFF 6.0 (Adobe, 1992), sections 2 and 15, and BigTIFF. Little-endian. tifffile's writer seeks back to fill
in offsets, which a stream cannot; so these bytes are made here, and tests let tifffile read them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

_TYPES = {"ascii": (2, ""), "short": (3, "H"), "long": (4, "I"), "rational": (5, "II"), "long8": (16, "Q")}
_LARGEST_LONG = (1 << 32) - 1
_CENTIMETRE, _NO_UNIT = 3, 1


@dataclass(frozen=True)
class Tag:
    """One entry: its number, type and count as the format wants them, and its value as bytes."""

    code: int
    type: int
    count: int
    value: bytes


def numbers(code: int, kind: str, values: Sequence[int]) -> Tag:
    """An entry of whole numbers: `short`, `long`, `long8`, or `rational` (numerators and denominators in turn)."""
    type_number, letters = _TYPES[kind]
    packed = struct.pack(f"<{len(values)}{letters[0]}", *values)
    return Tag(code, type_number, len(values) // len(letters), packed)


def text(code: int, value: bytes) -> Tag:
    """An entry of ASCII text."""
    return Tag(code, _TYPES["ascii"][0], len(value) + 1, value + b"\0")


def resolution(size_x: float | None, size_y: float | None) -> tuple[Tag, ...]:
    """Pixels a centimetre from micrometres a pixel; without sizes, 1 of no unit: the entries are obligatory."""
    axes = [_per_centimetre(size) for size in (size_x, size_y)]
    known = [axis for axis in axes if axis is not None]
    x, y = known if len(known) == len(axes) else [Fraction(1), Fraction(1)]
    return (
        numbers(282, "rational", (x.numerator, x.denominator)),
        numbers(283, "rational", (y.numerator, y.denominator)),
        numbers(296, "short", (_CENTIMETRE if len(known) == len(axes) else _NO_UNIT,)),
    )


def _per_centimetre(micrometres: float | None) -> Fraction | None:
    if micrometres is None or not 1e-4 < micrometres < 1e7:
        return None  # what does not fit two numbers of 32 bits; the OME-XML has it in any case
    return Fraction(1e4 / micrometres).limit_denominator(10_000)


@dataclass(frozen=True)
class Directories:
    """How directories are written: with offsets of 32 bits (classic TIFF) or of 64 (BigTIFF)."""

    big: bool

    @property
    def header_length(self) -> int:
        return 16 if self.big else 8

    @property
    def offset_kind(self) -> str:
        """The type of entries that hold offsets."""
        return "long8" if self.big else "long"

    def header(self) -> bytes:
        """The file's first bytes; the first directory follows at once."""
        if self.big:
            return struct.pack("<2sHHHQ", b"II", 43, 8, 0, self.header_length)
        return struct.pack("<2sHI", b"II", 42, self.header_length)

    def length(self, tags: Iterable[Tag]) -> int:
        """Bytes of a directory with the values that do not fit into its entries; always even."""
        sizes = [len(tag.value) for tag in tags]
        outside = sum(_even(size) for size in sizes if size > self._room)
        return _even(self._fixed(len(sizes)) + outside)

    def encode(self, tags: Iterable[Tag], position: int, following: int) -> bytes:
        """The directory as it lies at `position`; the next one is at `following`, 0 when there is none."""
        entries = sorted(tags, key=lambda tag: tag.code)
        count, entry, last = ("<Q", "<HHQ8s", "<Q") if self.big else ("<H", "<HHI4s", "<I")
        place = position + self._fixed(len(entries))
        body, outside = [struct.pack(count, len(entries))], []
        for tag in entries:
            value = tag.value
            if len(value) > self._room:
                outside.append(value.ljust(_even(len(value)), b"\0"))
                value = struct.pack("<Q" if self.big else "<I", place)
                place += len(outside[-1])
            body.append(struct.pack(entry, tag.code, tag.type, tag.count, value))
        body.append(struct.pack(last, following))
        encoded = b"".join((*body, *outside))
        return encoded.ljust(_even(len(encoded)), b"\0")

    @property
    def _room(self) -> int:
        return 8 if self.big else 4

    def _fixed(self, entries: int) -> int:
        return 8 + 20 * entries + 8 if self.big else 2 + 12 * entries + 4


def _even(length: int) -> int:
    """Values begin at even offsets."""
    return length + length % 2
