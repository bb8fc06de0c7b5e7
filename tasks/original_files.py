"""The file that an image was imported from, where this worker can read it and the group may."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from blocks.image_storage import ImageStorage
from blocks.omero_session import OmeroSession
from blocks.storage_path import cannot_open, fingerprint
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity
from converters.readers.directories import is_tiff
from tasks.input_queries import ImportedFile
from tasks.managed_repository import root_of

#: Why a file is not used, without anything being wrong: the image is then written from OMERO's pixels.
_NOT_USED = {FailureCategory.FILE_NOT_FOUND, FailureCategory.FILE_NOT_READABLE, FailureCategory.NOT_A_FILE}


class OriginalFiles:
    """Follows the links of OMERO's managed repository to files of one group."""

    def __init__(self, session: OmeroSession, storage: ImageStorage) -> None:
        repository = session.gateway.c.getManagedRepository()
        self._repository = None if repository is None else Path(os.path.realpath(root_of(repository)))
        self._folder = storage.folder(session.group)

    def home_of(self, real: Path) -> Path | None:
        """The folder that holds a path (links resolved) and that the group may read: its own, or the repository."""
        homes = (self._folder, *([] if self._repository is None else [self._repository]))
        return next((home for home in homes if real.is_relative_to(home) and real != home), None)

    def find(self, file: ImportedFile) -> FileIdentity | None:
        """Which file it is now; None when this worker does not see it or may not read it.

        The real file, links resolved, lies inside the group's folder (imported in place) or inside the repository
        itself (uploaded). A link that leads anywhere else, such as into another group's folder, is not followed.

        Raises:
            FailureError: FILE_NOT_FOUND when OMERO's link leads to nothing any more, FILE_CHANGED when the file is not
                as long as when it was imported, FILE_EMPTY, STORAGE_UNAVAILABLE.
        """
        if self._repository is None:
            return None
        place = self._repository / file.folder.lstrip("/") / file.name
        real = Path(os.path.realpath(place))
        if (home := self.home_of(real)) is None:
            return None
        try:
            identity = fingerprint(home, real)
        except FailureError as error:
            if error.failure.category is FailureCategory.FILE_NOT_FOUND and place.is_symlink():
                raise _gone(file, real) from error
            if error.failure.category in _NOT_USED:
                return None
            raise
        if file.size is not None and identity.size != file.size:
            raise fail(
                FailureCategory.FILE_CHANGED,
                f"{real.name!r} is not the file any more that was imported.",
                detail=f"{real}: {identity.size} bytes; it had {file.size} when OMERO imported it",
                next_step="Put the imported file back, or import the new one and analyse that.",
            )
        return identity


def holds_tiff(file: FileIdentity) -> bool:
    """Whether the content, not only the name, is that of a TIFF.

    Raises:
        FailureError: as opening an image of the storage does.
    """
    try:
        with open(file.path, "rb") as opened:
            return is_tiff(opened.read(4))
    except OSError as error:
        raise cannot_open(file.path, error) from error


def _gone(file: ImportedFile, real: Path) -> FailureError:
    return fail(
        FailureCategory.FILE_NOT_FOUND,
        f"The file that {file.name!r} was imported from is gone.",
        detail=f"OMERO's link leads to {real}",
        next_step="Put the file back, or leave its image out.",
    )


def path_on_cluster(path: str, mounts: Mapping[str, str]) -> str | None:
    """The path under which the cluster sees a file of the image storage; None when it does not mount it.

    `mounts`: folder on the worker to folder on the cluster, both absolute. The longest folder that holds the file
    decides.
    """
    real = PurePosixPath(path)
    held = [folder for folder in mounts if real.is_relative_to(folder)]
    if not held:
        return None
    folder = max(held, key=lambda each: len(PurePosixPath(each).parts))
    return str(PurePosixPath(mounts[folder], real.relative_to(folder)))
