"""What preprocessing hands to the import: one file (and its companions) to be linked into OMERO."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.base import Contract, Pair
from contracts.preprocessing import Preprocessing
from contracts.source_file import RelativePath

#: JSON has lists for tuples, so these are decoded without strictness about that alone.
Named = Annotated[tuple[Annotated[tuple[int, str], Field(strict=False)], ...], Field(strict=False)]


class FileIdentity(Contract):
    """Which file a path meant when it was checked; a swapped link or an edited file differs.

    `path` is absolute with every symbolic link resolved. `device`, `inode`, `size` (bytes) and
    `modified_ns` are those of stat(2).
    """

    path: Annotated[str, Field(min_length=1)]
    device: int
    inode: int
    size: Annotated[int, Field(ge=0)]
    modified_ns: int


class ImportSource(Contract):
    """One fileset to import for one file of the order.

    `files` are the fileset's files, the one to hand the reader first. `output` tells the filesets of
    one source file apart: empty for the file itself, else the converter's output path relative to
    its output folder. `image_name` is the converter's choice, None keeps the file's own.
    `processed` are the converter's files that OMERO keeps; `alternative` are their copies (same
    sequence), which may be imported first and are removed afterwards: links to them are moved.
    """

    path: RelativePath
    output: str = ""
    files: Annotated[tuple[FileIdentity, ...], Field(strict=False, min_length=1)]
    image_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    processed: Annotated[tuple[FileIdentity, ...], Field(strict=False)] = ()
    alternative: Annotated[tuple[str, ...], Field(strict=False)] = ()
    key_values: Annotated[tuple[Pair, ...], Field(strict=False)] = ()
    preprocessing: Preprocessing | None = None
    converter_digest: str | None = None
    sha256: str | None = None


class ImportedFileset(Contract):
    """What one ImportSource became in OMERO: the fileset and its images, and plates if it has any.

    `images` and `plates` are ids with names; `destination` is the Dataset's or Screen's id, None when
    somebody has moved the images elsewhere meanwhile.
    """

    source: ImportSource
    fileset: Annotated[int, Field(ge=0)]
    destination: Annotated[int, Field(ge=0)] | None = None
    images: Named
    plates: Named = ()
    was_there: bool = False
