"""Files on disk that OriginalFile objects stand for, and how they are registered and removed."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import omero

from sandbox.omero.calls import Call
from sandbox.omero.records import Milliseconds, Record
from sandbox.omero.repository_paths import OutsideRepository, resolve_inside
from sandbox.omero.store import Store

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero

#: What OMERO calls the type of a folder and of an import's log.
DIRECTORY_TYPE, LOG_TYPE = "Directory", "application/omero-log-file"


def repository_uuid(store: Store) -> str:
    """The identity of the managed repository, as OriginalFile.repo carries it."""
    return f"{store.setting('database-uuid')}-managed"


def split_path(path: str) -> tuple[str, str]:
    """A repository path as OriginalFile keeps it: the folder with a slash at its end, and the name."""
    folder, _, name = path.strip("/").rpartition("/")
    return f"{folder}/", name


def place_of(server: EmbeddedOmero, file: Record) -> Path:
    """Where the bytes of an OriginalFile are; the caller holds the store's lock.

    Files of the managed repository are at their own path, all others (annotations, tables) below `Files`
    by their id. Raises omero.SecurityViolation for a path that leads out of the repository.
    """
    values = file.values
    if values.get("repo") != repository_uuid(server.store):
        return server.files_root / str(file.id)
    return place_in_repository(server, values["path"] + values["name"])


def place_in_repository(server: EmbeddedOmero, path: str) -> Path:
    """The absolute place of a repository path. Raises omero.ValidationException when it leads out."""
    try:
        return resolve_inside(server.repository_root, path)
    except OutsideRepository as error:
        raise omero.ValidationException(None, None, str(error)) from error


def find_file(server: EmbeddedOmero, path: str) -> Record | None:
    """The OriginalFile registered for a repository path."""
    folder, name = split_path(path)
    found = server.store.find("OriginalFile", path=folder, name=name)
    own = repository_uuid(server.store)
    return next((file for file in found if file.values.get("repo") == own), None)


def register_file(server: EmbeddedOmero, path: str, call: Call, mimetype: str | None = None) -> Record:
    """The OriginalFile of a repository path; made where there is none. In a transaction.

    The type is guessed from the name unless given; size and modification time are the file's, if it exists.
    """
    existing = find_file(server, path)
    if existing is not None:
        return existing
    folder, name = split_path(path)
    place = place_in_repository(server, path)
    if mimetype is None:
        mimetype = DIRECTORY_TYPE if place.is_dir() else mimetypes.guess_type(name)[0] or "application/octet-stream"
    file = server.store.create(
        "OriginalFile", owner=call.caller.user, group=call.group, event=call.event(),
        path=folder, name=name, mimetype=mimetype, repo=repository_uuid(server.store),
    )  # fmt: skip
    if place.is_file():
        note_size(server.store, file, place)
    return file


def note_size(store: Store, file: Record, place: Path) -> None:
    """Keep the size and time of the file on disk with its OriginalFile."""
    status = place.stat()
    store.assign(file, "size", status.st_size)
    store.assign(file, "mtime", Milliseconds(status.st_mtime * 1000))


def find_places(server: EmbeddedOmero, files: Iterable[Record]) -> list[Path]:
    """Where the files are. Ask before their records are deleted, remove after that is committed."""
    with server.store.lock:
        return [place_of(server, file) for file in files if file.values.get("mimetype") != "Repository"]


def remove_files(server: EmbeddedOmero, places: Iterable[Path]) -> None:
    """Remove files and symbolic links (never what a link points to), then the folders that became empty.

    A file that is gone already is no failure. Raises OSError where the file system refuses.
    """
    roots = (server.repository_root, server.files_root)
    for place in places:
        server.pixels.files.forget(place)
        if place.is_dir() and not place.is_symlink():
            with suppress(OSError):  # a folder that still holds something stays
                place.rmdir()
        else:
            place.unlink(missing_ok=True)
        folder = place.parent
        while folder not in roots and any(folder.is_relative_to(root) for root in roots):
            try:
                folder.rmdir()
            except OSError:  # not empty: others' files are in it
                break
            folder = folder.parent
