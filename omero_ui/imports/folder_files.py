"""The image files of a folder, when somebody puts the whole folder into the list."""

from __future__ import annotations

import os
from collections.abc import Iterator

from contracts.failures import FailureCategory, fail
from contracts.import_order import MOST_FILES
from contracts.import_settings import ImportSettings
from contracts.source_file import check_relative_path
from omero_ui.imports.draft import PLATE_ENDINGS
from omero_ui.imports.folder_page import natural
from omero_ui.imports.group_folder import GroupFolder, cannot_open

#: What our readers open (`python -m converters --help`).
ENDINGS = (".tif", ".tiff", ".lif", ".czi", *PLATE_ENDINGS)
#: OME-TIFFs that belong together are opened by their companion; each of them alone would bring all of them again.
COMPANION = ".companion.ome"
DEEPEST = 20
#: Entries that are looked at.
MOST_ENTRIES = 200_000


def find_files(folder: GroupFolder, path: str, settings: ImportSettings) -> list[str]:
    """Paths of the image files in a folder and below it, as they would be put into the list one by one.

    Of a plate's folder it is the file that describes the plate. Hidden folders, links and names that no order can hold
    are left out.

    Raises:
        FailureError: BAD_REQUEST when there is none, or more than an order holds; what `GroupFolder.opened` raises.
    """
    endings = (*ENDINGS, *(ending for one in settings.converters.values() for ending in one.extensions))
    found: list[str] = []
    for file in _walk(folder, path, endings, [MOST_ENTRIES], DEEPEST):
        found.append(file)
        if len(found) > MOST_FILES:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"There are more than {MOST_FILES:,} image files in {path!r}.",
                next_step="Choose its folders one by one, in several orders.",
            )
    if not found:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"There is no image file in {path!r} that can be imported.",
            detail=f"looked for {', '.join(dict.fromkeys(endings))}",
            next_step="Choose files one by one, with a conversion.",
        )
    return found


def _walk(folder: GroupFolder, path: str, endings: tuple[str, ...], left: list[int], depth: int) -> Iterator[str]:
    files, folders = [], []
    with folder.opened(path) as descriptor:
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    left[0] -= 1
                    whole = f"{path}/{entry.name}" if path else entry.name
                    if left[0] < 0:
                        raise fail(
                            FailureCategory.BAD_REQUEST,
                            f"There is too much in {path!r} to look through.",
                            next_step="Choose its folders one by one.",
                        )
                    if entry.name.startswith(".") or not _can_be_ordered(whole):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif entry.is_file(follow_symlinks=False):
                        files.append(entry.name)
        except OSError as error:
            raise cannot_open(path, error) from error
    for name in sorted(_wanted(files, endings), key=natural):
        yield f"{path}/{name}" if path else name
    if depth and not any(name.lower().endswith(PLATE_ENDINGS) for name in files):
        for name in sorted(folders, key=natural):
            yield from _walk(folder, f"{path}/{name}" if path else name, endings, left, depth - 1)


def _wanted(names: list[str], endings: tuple[str, ...]) -> list[str]:
    plates = [name for name in names if name.lower().endswith(PLATE_ENDINGS)]
    if plates:
        return plates
    companions = [name for name in names if name.lower().endswith(COMPANION)]
    led = (".ome.tif", ".ome.tiff") if companions else ()
    return companions + [
        name for name in names if name.lower().endswith(endings) and not (led and name.lower().endswith(led))
    ]


def _can_be_ordered(path: str) -> bool:
    try:
        check_relative_path(path)
    except ValueError:
        return False
    return True
