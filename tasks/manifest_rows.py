"""The rows of a manifest on the image storage: folders become the images in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from blocks.image_storage import ImageStorage
from blocks.storage_path import cannot_open, open_below
from contracts.batch.manifest import Manifest, ManifestRow, RowDefaults, RowProblem, problem
from contracts.batch.manifest_file import ManifestFile
from contracts.batch.read_manifest import LARGEST_MANIFEST, read_manifest
from contracts.failures import FailureError
from converters.reader import ConverterError, UnknownFormat, find_fileset

#: Images of one folder of a manifest.
MOST_IN_FOLDER = 100_000


def read_manifest_file(storage: ImageStorage, file: ManifestFile) -> Manifest:
    """A manifest that lies in a group's folder.

    Raises:
        FailureError: what `ImageStorage.identify` raises for the file itself; STORAGE_UNAVAILABLE.
    """
    found = storage.identify(file.group, file.path)
    try:
        # By what was checked: a link that is put in the file's place now leads nowhere.
        with open(open_below(storage.folder(file.group), Path(found.path)), "rb") as opened:
            content = opened.read(LARGEST_MANIFEST + 1)
    except OSError as error:
        raise cannot_open(file.path, error) from error
    defaults = RowDefaults(user=file.user, group=file.group, fixed=file.user is not None)
    return expand_folders(storage, read_manifest(file.path, content, defaults))


def expand_folders(storage: ImageStorage, manifest: Manifest) -> Manifest:
    """The manifest with a row for each image of a folder, at the folder's line; a folder without any is a problem."""
    rows: list[ManifestRow] = []
    problems: list[RowProblem] = []
    seen = {(row.user, row.group, row.destination, row.path) for row in manifest.rows}
    for row in manifest.rows:
        try:
            paths = find_images(storage, row.group, row.path)
        except FailureError as error:
            problems.append(RowProblem(line=row.line, column="path", failure=error.failure))
            continue
        if paths is None:
            rows.append(row)
            continue
        fresh = [path for path in paths if (row.user, row.group, row.destination, path) not in seen]
        seen |= {(row.user, row.group, row.destination, path) for path in fresh}
        rows += [row.model_copy(update={"path": path}) for path in fresh]
        if not paths:
            why = f"the folder {row.path!r} has no image that we can read"
            problems.append(problem(row.line, "path", why, "Check the folder; name files of other formats one by one."))
    return Manifest(rows=tuple(rows), problems=manifest.problems + tuple(problems))


def find_images(storage: ImageStorage, group: str, path: str) -> list[str] | None:
    """The images in a folder of the group and below it, one for each set of files; None when it is no folder.

    Hidden files and folders are left out (`.processed` among them), and so are symbolic links to folders and files that
    no reader of ours knows. What is damaged is named, so that its import fails and is reported.

    Raises:
        FailureError: STORAGE_UNAVAILABLE; BAD_REQUEST when there are more than `MOST_IN_FOLDER`.
    """
    root = storage.folder(group)
    folder = root / path
    try:
        if not stat.S_ISDIR(os.lstat(folder).st_mode) or not Path(os.path.realpath(folder)).is_relative_to(root):
            return None
        return list(_images(root, folder))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot_open(path, error) from error


def _images(root: Path, folder: Path) -> Iterator[str]:
    for where, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        companions: set[Path] = set()
        for name in sorted(names):
            file = Path(where) / name
            if name.startswith(".") or file in companions or not file.is_file():
                continue
            try:
                fileset = find_fileset(file)
            except UnknownFormat:
                continue
            except ConverterError:
                yield file.relative_to(root).as_posix()
                continue
            companions |= set(fileset.files)
            yield fileset.files[0].relative_to(root).as_posix()


def _raise(error: OSError) -> None:
    raise error
