"""One conversion's folders and files: written aside, verified, moved into place, and found again.

    <folder of the source>/.processed/<order>/<source name>/            the outputs, and manifest.json
    <folder of the source>/.processed/<order>/<source name>.partial/    while the converter writes
    <alternative folder>/<order>/<source name>/                         its alternative outputs

The partial folder becomes the final one by one rename(2), so that a final folder is always whole.
Folders are named by order, so that no order ever overwrites files that OMERO links to for another.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field, ValidationError

from blocks.image_storage import ImageStorage
from blocks.storage_path import fingerprint
from contracts.base import Contract
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_order import ImportOrder
from contracts.import_source import FileIdentity
from contracts.preprocessing import ConverterOutput, Preprocessing
from contracts.source_file import SourceFile
from tasks.storage_failures import storage_failure

MANIFEST = "manifest.json"


class ManifestOutput(Contract):
    """One output: its converter's words, its path inside the folder, and what it was when it was whole."""

    name: str
    path: str
    alternative: str | None
    keyvalues: Annotated[tuple[Annotated[tuple[str, str], Field(strict=False)], ...], Field(strict=False)]
    size: int
    modified_ns: int


class Manifest(Contract):
    """What a whole conversion was made from and what it made; valid while its files are as it says."""

    source: FileIdentity
    preprocessing: Preprocessing
    series: str | None
    digest: str
    outputs: Annotated[tuple[ManifestOutput, ...], Field(strict=False, min_length=1)]


@dataclass(frozen=True)
class Folders:
    """The folders of one conversion; all absolute, with links resolved."""

    final: Path
    partial: Path
    alternative: Path

    def make(self) -> None:
        """Make the partial and the alternative folder afresh; what an earlier attempt left is removed."""
        self.remove_partial()
        for folder in (self.partial, self.alternative):
            try:
                folder.mkdir(parents=True)
            except OSError as error:
                raise storage_failure(folder, error) from error

    def remove_partial(self) -> None:
        for folder in (self.partial, self.alternative):
            _remove(folder)

    def remove_alternative(self) -> None:
        _remove(self.alternative)


def folders_of(storage: ImageStorage, order: ImportOrder, file: SourceFile, source: FileIdentity) -> Folders:
    """The folders of one file's conversion in this order; nothing is made.

    Raises:
        FailureError: PATH_OUTSIDE_FOLDER when `.processed` is a link that leads out of the group's folder.
    """
    name = Path(source.path).name
    if file.series is not None:
        name += "@" + "".join(
            character if character.isalnum() or character in "-_" else "_" for character in file.series
        )
    name = name.encode()[:200].decode("utf-8", "ignore")
    processed = storage.processed_folder(source)
    group_folder = storage.folder(order.group)
    if not Path(os.path.realpath(processed)).is_relative_to(group_folder):
        raise fail(
            FailureCategory.PATH_OUTSIDE_FOLDER,
            f"{processed} leads out of the group's folder.",
            next_step="Replace this link by a folder.",
        )
    base = Path(os.path.realpath(processed)) / str(order.uuid)
    return Folders(
        final=base / name,
        partial=base / f"{name}.partial",
        alternative=storage.alternative_folder(source) / str(order.uuid) / name,
    )


def read_manifest(
    folders: Folders, source: FileIdentity, preprocessing: Preprocessing, series: str | None
) -> Manifest | None:
    """The manifest of an earlier attempt, if the same was made of the same file and is still whole."""
    try:
        manifest = Manifest.model_validate_json((folders.final / MANIFEST).read_text("utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None
    same_source = manifest.source.model_copy(update={"device": source.device}) == source
    if not same_source or manifest.preprocessing != preprocessing or manifest.series != series:
        return None
    for output in manifest.outputs:
        try:
            status = (folders.final / output.path).lstat()
        except OSError:
            return None
        if (status.st_size, status.st_mtime_ns) != (output.size, output.modified_ns):
            return None
    return manifest


def check_outputs(
    outputs: Sequence[ConverterOutput], folders: Folders, *, output_root: str, alternative_root: str
) -> tuple[ManifestOutput, ...]:
    """Map a converter's paths back to ours and make sure that every output is a file of its own.

    `output_root` and `alternative_root` are the folders as the converter saw them.

    Raises:
        FailureError: CONVERTER_BROKE_CONTRACT.
    """
    checked = []
    for output in outputs:
        path = _inside(output.full_path, output_root)
        file = _whole(folders.partial, path)
        alternative = None
        if output.alt_path is not None:
            alternative = _inside(output.alt_path, alternative_root)
            if _whole(folders.alternative, alternative).size != file.size:
                raise _broke(f"the two copies of {output.name!r} differ in size")
        checked.append(
            ManifestOutput(
                name=output.name,
                path=path,
                alternative=alternative,
                keyvalues=output.keyvalues,
                size=file.size,
                modified_ns=file.modified_ns,
            )
        )
    if len({output.path for output in checked}) != len(checked):
        raise _broke("two results are the same file")
    return tuple(checked)


def finish(folders: Folders, manifest: Manifest) -> None:
    """Put a whole conversion in its final place, durably and in one step."""
    try:
        text = folders.partial / MANIFEST
        with text.open("w", encoding="utf-8") as file:
            file.write(manifest.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        _remove(folders.final)
        folders.partial.rename(folders.final)
    except OSError as error:
        raise storage_failure(folders.final, error) from error


def _inside(path: str, root: str) -> str:
    given, base = PurePosixPath(path), PurePosixPath(root)
    if ".." in given.parts or "\0" in path or not given.is_relative_to(base) or given == base:
        raise _broke(f"it names {path!r}, which is outside {root}")
    return given.relative_to(base).as_posix()


def _whole(folder: Path, relative: str) -> FileIdentity:
    if relative == MANIFEST:
        raise _broke(f"{MANIFEST!r} is a name of ours")
    if (folder / relative).is_dir():
        raise fail(
            FailureCategory.UNKNOWN_FORMAT,
            f"The converter made a folder, {relative!r}; OMERO imports files.",
            next_step="Let the converter write OME-TIFF.",
        )
    try:
        return fingerprint(folder, folder / relative)
    except FailureError as error:
        raise _broke(f"its result {relative!r} is not there or not whole: {error.failure.summary}") from error


def _broke(detail: str) -> FailureError:
    return fail(
        FailureCategory.CONVERTER_BROKE_CONTRACT,
        "The converter's answer cannot be used.",
        detail=detail,
        next_step="Report it to whoever made the converter; its last line must name the files it wrote.",
    )


def _remove(folder: Path) -> None:
    """Remove a folder of ours with all in it, and the empty folders above it that are ours too."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
    for parent in list(folder.parents)[:2]:
        try:
            parent.rmdir()
        except OSError:
            return
