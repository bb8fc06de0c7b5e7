"""The image storage: one folder per OMERO group, and what may be read and written there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field
from pydantic.networks import HttpUrl

from blocks.storage_path import cannot_open, check_path, take_fingerprint
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity
from contracts.source_file import check_relative_path

#: Converters write beside the raw data, in this folder; so do BIOMERO's.
PROCESSED = ".processed"


class ImageStorage(Block):
    """A file system with microscope images, seen under the same paths by workers and OMERO.server.

    Example:
        Check one file:
        ```python
        from blocks.image_storage import ImageStorage

        storage = ImageStorage.load("BLOCK_NAME")
        print(storage.identify("lab-a", "2026-11-23/plate 7.lif"))
        ```
    """

    _block_type_name = "Image Storage"
    _block_type_slug = "image-storage"
    _logo_url = HttpUrl("https://www.openmicroscopy.org/img/logos/ome-logomark.svg")
    _documentation_url = HttpUrl("https://omero.readthedocs.io/en/stable/sysadmins/in-place-import.html")

    root: str = Field(description="Absolute path of the folder that holds the groups' folders.")
    groups: dict[str, str] = Field(
        default_factory=dict,
        description="OMERO group name to folder inside the root; a group that is not named has the folder of its name.",
    )
    alternative: str | None = Field(
        default=None,
        description="Absolute path of a fast local folder for the alternative output of converters;"
        " without it one inside the group's `.processed` is used.",
    )

    def named_folder(self, group: str) -> str:
        """The group's folder as the mapping names it, relative to the root; not looked at."""
        return self.groups.get(group, group)

    def folder(self, group: str) -> Path:
        """The group's folder, symbolic links resolved.

        Raises:
            FailureError: NOT_CONFIGURED when the group has no folder or the mapping leaves the root,
                STORAGE_UNAVAILABLE when the root is not there, or is empty as a mount point is without its mount.
        """
        relative = self.named_folder(group)
        if relative in {"", "."}:
            relative = "."
        else:
            try:
                check_relative_path(relative)
            except ValueError as error:
                raise fail(
                    FailureCategory.NOT_CONFIGURED,
                    f"The folder of group {group!r} is not inside the image storage.",
                    detail=str(error),
                    next_step="Give the group a folder in the ImageStorage block.",
                ) from error
        path = Path(os.path.realpath(Path(self.root) / relative))
        if not Path(self.root).is_dir():
            raise _away(f"{self.root} is not a directory on this machine")
        if not path.is_dir():
            if _is_empty(Path(self.root)):
                raise _away(f"{self.root} is empty on this machine")
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                f"Group {group!r} has no folder in the image storage.",
                detail=f"{path} is not a directory on this machine",
                next_step="Ask an administrator to make the folder, or to name it in the ImageStorage block.",
            )
        return path

    def relative(self, group: str, path: str) -> str:
        """A path as the order names it, for one given absolute or relative to the working directory."""
        folder = self.folder(group)
        given = Path(path)
        for candidate in (given, Path(os.path.realpath(given))):
            if candidate.is_absolute() and candidate.is_relative_to(folder):
                return candidate.relative_to(folder).as_posix()
        if given.is_absolute():
            return path
        here = Path(os.path.normpath(Path.cwd() / given))
        return here.relative_to(folder).as_posix() if here.is_relative_to(folder) and here.exists() else path

    def identify(self, group: str, path: str) -> FileIdentity:
        """Find, open and fingerprint a file of the group, following links only inside its folder.

        The path is resolved once; the result is then opened part by part without following links, so
        that what is fingerprinted is what was checked.

        Raises:
            FailureError: BAD_REQUEST, PATH_OUTSIDE_FOLDER, FILE_NOT_FOUND, NOT_A_FILE,
                FILE_NOT_READABLE, FILE_EMPTY, FILE_CHANGED, STORAGE_UNAVAILABLE.
        """
        check_path(path, f"the folder of group {group!r}")
        folder = self.folder(group)
        try:
            real = Path(os.path.realpath(folder / path, strict=True))
        except OSError as error:
            self.folder(group)  # it may have gone away since; then that is what is to be said
            if error.errno == errno.ELOOP:
                raise fail(
                    FailureCategory.FILE_NOT_FOUND,
                    f"{path!r} is a symbolic link that leads to itself.",
                    detail=str(error),
                    next_step="Give the file itself.",
                ) from error
            raise cannot_open(path, error) from error
        if not real.is_relative_to(folder) or real == folder:
            raise fail(
                FailureCategory.PATH_OUTSIDE_FOLDER,
                f"{path!r} leads out of the folder of group {group!r}.",
                detail=f"its symbolic links lead to {real}",
                next_step="Copy the file into the group's folder, or order it as a group that may read it.",
            )
        try:
            return take_fingerprint(folder, real)
        except OSError as error:
            raise cannot_open(path, error) from error

    def check_unchanged(self, group: str, file: FileIdentity) -> None:
        """Make sure that a path still means the file it meant.

        The device number is left out: another worker, or the same one after a remount, sees another.

        Raises:
            FailureError: FILE_CHANGED; it names what differs. STORAGE_UNAVAILABLE when the whole storage is gone, or
                the group's folder is empty and of another device than the file was: a mount point.
        """
        try:
            now = take_fingerprint(self.folder(group), Path(file.path))
        except (OSError, ValueError) as error:
            folder = self.folder(group)
            if _is_empty(folder) and folder.stat().st_dev != file.device:
                raise _away(f"{folder} is empty on this machine") from error
            raise _changed(file, f"it can no longer be opened: {error}") from error
        differing = [
            name for name in FileIdentity.model_fields if name != "device" and getattr(now, name) != getattr(file, name)
        ]
        if differing:
            raise _changed(file, f"{', '.join(differing)} differ")

    def processed_folder(self, source: FileIdentity) -> Path:
        """`.processed` beside a source file; not made here."""
        return Path(source.path).parent / PROCESSED

    def alternative_folder(self, source: FileIdentity) -> Path:
        """Where alternative outputs of a source file's converter may be made; not made here."""
        if self.alternative is not None:
            return Path(os.path.realpath(self.alternative))
        return self.processed_folder(source) / ".alternative"


def _is_empty(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is None


def _away(how: str) -> FailureError:
    return fail(
        FailureCategory.STORAGE_UNAVAILABLE,
        "The image storage is not there.",
        detail=how,
        next_step="Ask an administrator to mount the image storage.",
    )


def _changed(file: FileIdentity, how: str) -> FailureError:
    return fail(
        FailureCategory.FILE_CHANGED,
        f"{Path(file.path).name!r} changed between the check and the import.",
        detail=f"{file.path}: {how}",
        next_step="Wait until nobody writes to the file, then place the order again.",
    )
