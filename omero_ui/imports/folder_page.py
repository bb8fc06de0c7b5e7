"""One page of a folder's entries: sorted, filtered, with size and date. Only what is shown is looked at.

A folder on a network drive answers some thousand questions a second. Names and kinds come with the directory itself;
size and date are asked for the entries of the page alone, unless the page is sorted by them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from contracts.failures import FailureCategory, fail
from contracts.source_file import check_relative_path
from omero_ui.imports.group_folder import GroupFolder, cannot_open

#: Entries a page; the page's address names the first.
PAGE = 100
#: A folder with more entries is not listed to its end: the reader is asked to filter, or to make subfolders.
MOST_ENTRIES = 200_000

_NUMBER = re.compile(r"\d+")


class Order(StrEnum):
    NAME = "name"
    SIZE = "size"
    DATE = "date"


@dataclass(frozen=True)
class Entry:
    """`size` is in bytes, None for a folder. `refusal` says why it cannot be chosen, None when it can."""

    name: str
    path: str
    is_folder: bool
    size: int | None
    modified: datetime | None
    refusal: str | None = None


@dataclass(frozen=True)
class FolderPage:
    """`count` are the entries that pass the filter; `entries` those from `first` on."""

    path: str
    entries: tuple[Entry, ...]
    first: int
    count: int
    all: int

    @property
    def next(self) -> int | None:
        """Where the next page begins; None at the end."""
        after = self.first + len(self.entries)
        return after if after < self.count else None


def list_folder(
    folder: GroupFolder,
    path: str,
    *,
    order: Order = Order.NAME,
    backwards: bool = False,
    pattern: str = "",
    first: int = 0,
    most: int = PAGE,
) -> FolderPage:
    """A page of a folder; folders come before files, hidden names are left out.

    `pattern` is found anywhere in the name, capitals or not.

    Raises:
        FailureError: as `GroupFolder.opened`; BAD_REQUEST for a folder with more than `MOST_ENTRIES`.
    """
    with folder.opened(path) as descriptor:
        found = _names(path, descriptor)
        wanted = pattern.casefold()
        chosen = [entry for entry in found if wanted in entry[0].casefold()] if wanted else found
        if order is Order.NAME:
            chosen.sort(key=lambda entry: natural(entry[0]), reverse=backwards)
        else:
            known = {name: _status(descriptor, name) for name, _ in chosen}
            chosen.sort(key=lambda entry: _measure(known[entry[0]], order), reverse=backwards)
        chosen.sort(key=lambda entry: not entry[1])
        first = max(0, min(first, len(chosen)))
        entries = tuple(
            _entry(folder, path, descriptor, name, is_folder) for name, is_folder in chosen[first : first + most]
        )
        return FolderPage(path, entries, first, len(chosen), len(found))


def natural(name: str) -> str:
    """A sorting key for which plate2 comes before plate10, and numbers before all else; capitals do not count.

    It is a text, since texts are sorted several times faster than lists of parts: each number stands in it with the
    count of its digits in front.
    """
    return _NUMBER.sub(_sortable, name.casefold())


def _sortable(found: re.Match[str]) -> str:
    digits = str(int(found[0]))
    return f"\0{chr(len(digits))}{digits}"


def _names(path: str, descriptor: int) -> list[tuple[str, bool]]:
    """(name, is a folder) of all that is not hidden."""
    found = []
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    found.append((entry.name, _is_folder(entry)))
                if len(found) > MOST_ENTRIES:
                    raise fail(
                        FailureCategory.BAD_REQUEST,
                        f"The folder has more than {MOST_ENTRIES:,} entries.",
                        next_step="Divide it into folders, for example one a day.",
                    )
    except OSError as error:
        raise cannot_open(path, error) from error
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _status(descriptor: int, name: str) -> os.stat_result | None:
    """None for what vanished meanwhile, or is a link to nothing."""
    try:
        return os.stat(name, dir_fd=descriptor)
    except OSError:
        return None


def _measure(status: os.stat_result | None, order: Order) -> float:
    if status is None:
        return -1
    return status.st_size if order is Order.SIZE else status.st_mtime


def _entry(folder: GroupFolder, path: str, descriptor: int, name: str, is_folder: bool) -> Entry:
    whole = f"{path}/{name}" if path else name
    status = _status(descriptor, name)
    shown = name.encode("utf-8", "replace").decode("utf-8")
    refusal = _refusal(folder, whole, status)
    return Entry(
        name="".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in shown),
        path=whole if refusal is None else "",
        is_folder=is_folder,
        size=None if status is None or is_folder else status.st_size,
        modified=None if status is None else datetime.fromtimestamp(status.st_mtime, UTC),
        refusal=refusal,
    )


def _refusal(folder: GroupFolder, path: str, status: os.stat_result | None) -> str | None:
    try:
        check_relative_path(path)
    except ValueError as error:
        return str(error).encode("utf-8", "replace").decode("utf-8")
    if status is None:
        return "It cannot be read, or is a link to nothing."
    if not folder.holds(folder.path / path):
        return "It is a link that leads out of the group's folder."
    if stat.S_ISREG(status.st_mode):
        return "It is empty (0 bytes)." if status.st_size == 0 else None
    return None if stat.S_ISDIR(status.st_mode) else "It is not a regular file."


def crumbs(path: str) -> Sequence[tuple[str, str]]:
    """(name, path) of each folder on the way to `path`, outermost first."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: number + 1])) for number, part in enumerate(parts)]
