"""Converts an image file: one OME-TIFF a series, in two folders, done once."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.errors import UnknownSeries
from converters.image_file import ImageFile, Series
from converters.ome_tiff import Compression, Document, write_ome_tiff
from converters.ome_tiff import read_written_annotation as read_annotation
from converters.output_names import candidates, fit, output_bases
from converters.partial_file import PartialFile
from converters.reader import open_image_file
from converters.statistics import ChannelStatistics

#: Raised when the writer's output changes: results of another edition are not reused.
EDITION = "1"
NAMESPACE = "omero-flows/conversion"
_FINGERPRINT = "Source fingerprint"
#: The UUID of an OME-TIFF is made from its source's fingerprint, so that converting again gives the same bytes.
_NAMESPACE_UUID = uuid.UUID("5f1d2c0e-8f0b-5a55-9d0c-0a4f2a1b6c3d")

Say = Callable[[str], None]


@dataclass(frozen=True)
class ConvertedImage:
    """One result. `name` is the image's name for OMERO; `keyvalues` describe it; `reused`: it was there."""

    name: str
    path: Path
    alternative: Path | None
    keyvalues: Mapping[str, str]
    reused: bool


def convert(
    source: Path,
    folder: Path,
    alternative: Path | None,
    *,
    series: str | None = None,
    compression: Compression = Compression.ZLIB,
    say: Say,
    show_progress: bool = False,
) -> tuple[ConvertedImage, ...]:
    """Convert `source`, or one `series` of it (index, name or UUID), into `folder` and `alternative`.

    Each result is written once into `folder` and then hard linked, or where that is not possible
    copied, into `alternative`. A finished result of the same source (names, sizes and modification
    times of its files), series and settings is reused. A result has its name only when it is whole,
    and is never overwritten in `folder`, since OMERO may have been pointed to it: when the name is
    taken by something else, the result is called `..._2`, `..._3`, ...

    Raises:
        ConverterError: UnknownFormat, UnreadableFile, UnknownSeries, DiskFull, UnwritableOutput.
    """
    with open_image_file(source) as image:
        chosen = choose_series(image, series)
        bases = output_bases(source.name, [one.name for one in image.series])
        say(f"{source.name}: {image.format}, {len(image.series)} series, {len(image.files)} files")
        converted = []
        for number, one in enumerate(chosen):
            say(f"series {number + 1} of {len(chosen)}: {one.name}: {describe_sizes(one)} {one.dtype}")
            work = _Work(image, one, compression, say, show_progress)
            converted.append(_convert_one(work, folder, bases[one.index], alternative))
    return tuple(converted)


def choose_series(image: ImageFile, wanted: str | None) -> Sequence[Series]:
    """All series, or the one with this index, name or UUID (in this order of precedence: UUID, name, index).

    Raises:
        UnknownSeries: none or several have the name.
    """
    if wanted is None:
        return image.series
    by_uuid = [one for one in image.series if one.uuid is not None and one.uuid.casefold() == wanted.casefold()]
    by_name = [one for one in image.series if one.name == wanted]
    found = by_uuid or by_name
    if not found and wanted.isascii() and wanted.isdigit() and int(wanted) < len(image.series):
        found = [image.series[int(wanted)]]
    if len(found) == 1:
        return found
    if found:
        raise UnknownSeries(image.path, f"{len(found)} of its series are named {wanted!r}; give the index or the UUID")
    known = ", ".join(f"{one.index}: {one.name}" for one in image.series[:20])
    more = f", and {len(image.series) - 20} more" if len(image.series) > 20 else ""
    raise UnknownSeries(image.path, f"it has no series {wanted!r}; it has {known}{more}")


@dataclass(frozen=True)
class _Work:
    """One series to convert, and how."""

    image: ImageFile
    series: Series
    compression: Compression
    say: Say
    show_progress: bool

    @property
    def name(self) -> str:
        """The image's name for OMERO, as an import of the source itself would give it; 255 characters."""
        source = self.image.path.name
        return (source if len(self.image.series) == 1 else f"{source} [{self.series.name}]")[:255]


def _convert_one(work: _Work, folder: Path, base: str, alternative: Path | None) -> ConvertedImage:
    fingerprint = fingerprint_of(work.image, work.series, work.compression)
    for candidate in candidates(base):
        target = folder / fit(candidate)
        with PartialFile(target) as partial:
            was_there = os.path.lexists(target)
            if not was_there:
                _write(work, partial, fingerprint)
        annotation = read_annotation(target, NAMESPACE) or {}
        if annotation.get(_FINGERPRINT) == fingerprint:
            break
        work.say(f"{target.name} is there and was made from something else: it is left alone")
    if was_there:
        work.say(f"{target.name} is already there, made from the same source: reused")
    size, checksum = target.stat().st_size, sha256_of(target)
    work.say(f"{target.name}: {size} bytes")
    other = _place(target, alternative / target.name, checksum) if alternative is not None else None
    keyvalues = annotation | {"Output bytes": str(size), "Output SHA-256": checksum}
    return ConvertedImage(work.name, target, other, keyvalues, was_there)


def _write(work: _Work, partial: PartialFile, fingerprint: str) -> None:
    document = Document(
        work.name,
        f"urn:uuid:{uuid.uuid5(_NAMESPACE_UUID, fingerprint)}",
        NAMESPACE,
        lambda statistics: _describe(work.image, work.series, work.compression, fingerprint, statistics),
    )
    write_ome_tiff(
        work.series,
        partial.path,
        document,
        compression=work.compression,
        progress=_reporter(work.say, work.show_progress),
    )
    partial.commit()


def _place(target: Path, other: Path, checksum: str) -> Path:
    """Give the result its second place, by a hard link or else a copy; what is there and equal stays.

    A link is made under the final name: its content is whole already. (A link under the name of a
    partial file could be truncated by the next process that takes the partial file over.)
    """
    if other.exists() and (other.samefile(target) or _is_copy(target, other, checksum)):
        return other
    try:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.unlink(missing_ok=True)
        os.link(target, other)
    except OSError:  # another file system, or one without hard links; the copy says what else is wrong
        with PartialFile(other) as partial:
            shutil.copyfile(target, partial.path)
            partial.commit()
    return other


def _is_copy(target: Path, other: Path, checksum: str) -> bool:
    return other.is_file() and other.stat().st_size == target.stat().st_size and sha256_of(other) == checksum


def fingerprint_of(image: ImageFile, series: Series, compression: Compression) -> str:
    """SHA-256 over what a result depends on: the source's files, the series, and how it is written."""
    digest = hashlib.sha256(f"{EDITION}\0{compression.value}\0{series.index}\0{series.name}".encode(errors="replace"))
    for file in image.files:
        status = file.stat()
        digest.update(f"\0{file.name}\0{status.st_size}\0{status.st_mtime_ns}".encode(errors="replace"))
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """The checksum of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_sizes(series: Series) -> str:
    """`512 x 512 pixels, 10 z, 2 channels, 3 time points`, without what there is one of."""
    parts = [f"{series.size_x} x {series.size_y} pixels"]
    parts += [f"{series.size_z} z"] if series.size_z > 1 else []
    parts += [f"{series.size_c} channels"] if series.size_c > 1 else []
    parts += [f"{series.size_t} time points"] if series.size_t > 1 else []
    return ", ".join(parts)


def _describe(
    image: ImageFile,
    series: Series,
    compression: Compression,
    fingerprint: str,
    statistics: tuple[ChannelStatistics, ...],
) -> dict[str, str]:
    """The key-values of a result, in the order in which people read them."""
    found = {
        "Source file": image.path.name,
        "Source format": image.format,
        "Source series": f"{series.index}: {series.name}",
        "Sizes": describe_sizes(series),
        "Pixel type": series.dtype.name,
    }
    physical = (series.physical_size_x, series.physical_size_y, series.physical_size_z)
    if any(size is not None for size in physical):
        found["Pixel size (\u00b5m)"] = " x ".join("?" if size is None else f"{size:.6g}" for size in physical)
    if series.acquired is not None:
        found["Acquired"] = series.acquired.isoformat()
    if series.uuid is not None:
        found["Source series UUID"] = series.uuid
    for number, (channel, values) in enumerate(zip(series.channels, statistics, strict=True), 1):
        label = f"Channel {number}" + (f" ({channel.name})" if channel.name else "")
        for what, pair in (("range", values.range), ("window", values.window)):
            found[f"{label} {what}"] = "no finite value" if pair is None else f"{pair[0]:g} to {pair[1]:g}"
    found["Output format"] = f"OME-TIFF, {compression.value}"
    found[_FINGERPRINT] = fingerprint
    return found


def _reporter(say: Say, every_plane: bool) -> Callable[[int, int], None]:
    """Reports each plane, or each tenth of them."""
    reported = -1

    def report(done: int, total: int) -> None:
        nonlocal reported
        if every_plane or done * 10 // total > reported:
            reported = done * 10 // total
            say(f"{done * 100 // total} % ({done} of {total} planes)")

    return report
