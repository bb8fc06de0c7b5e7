"""Which files of the watched folders have arrived, by evidence on the disk alone: nights remember nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from blocks.image_storage import ImageStorage
from blocks.storage_path import cannot_open
from contracts.batch.manifest import ManifestRow, shown
from contracts.batch.report import SourceProblem
from contracts.batch.watch_rule import WatchRule
from contracts.failures import FailureCategory, FailureError, fail
from converters.reader import ConverterError, find_fileset

DAY = 24 * 60 * 60.0


def find_arrived(
    storage: ImageStorage, rules: Mapping[str, WatchRule], now: float
) -> tuple[list[ManifestRow], list[SourceProblem]]:
    """A row for each file that a rule is for and that has arrived; `now` in seconds since 1970.

    A folder that cannot be read, or a file whose placeholders make no sense, is a problem of its rule.
    """
    rows: list[ManifestRow] = []
    problems: list[SourceProblem] = []
    taken: set[tuple[str, str]] = set()
    for name, rule in rules.items():
        source = f"rule {name}"
        try:
            for path, values in _arrived(storage.folder(rule.group), rule, now):
                if (rule.group, path) in taken:
                    continue
                taken.add((rule.group, path))
                try:
                    rows.append(rule.make_row(path, values))
                except ValueError as error:
                    problems.append(SourceProblem(source=source, problem=_unfit(path, error).failure))
        except FailureError as error:
            problems.append(SourceProblem(source=source, problem=error.failure))
        except OSError as error:
            problems.append(SourceProblem(source=source, problem=cannot_open(rule.start or ".", error).failure))
    return rows, problems


def _unfit(path: str, error: ValueError) -> FailureError:
    return fail(
        FailureCategory.BAD_REQUEST,
        f"The names in {shown(path)} do not fit the rule.",
        detail=str(error),
        next_step="Rename the folder, or correct the rule in the WatchedFolders block.",
    )


def _arrived(folder: Path, rule: WatchRule, now: float) -> Iterator[tuple[str, dict[str, str]]]:
    start = folder / rule.start if rule.start else folder
    if not Path(os.path.realpath(start)).is_relative_to(folder):
        raise fail(
            FailureCategory.PATH_OUTSIDE_FOLDER,
            f"{rule.start!r} leads out of the folder of group {rule.group!r}.",
            next_step="Correct the rule's pattern in the WatchedFolders block.",
        )
    if not start.is_dir():
        return  # nobody has written there yet
    for where, folders, names in os.walk(start, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        companions: set[Path] = set()
        for name in sorted(names):
            file = Path(where) / name
            path = file.relative_to(folder).as_posix()
            values = None if name.startswith(".") or file in companions else rule.match(path)
            if values is None or not _is_recent(file, rule, now):
                continue
            fileset = _fileset(file, rule)
            companions |= set(fileset)
            if _is_whole(file, fileset, rule, now):
                yield fileset[0].relative_to(folder).as_posix(), values


def _fileset(file: Path, rule: WatchRule) -> tuple[Path, ...]:
    """The file with its companions, the one to import first; a file that no reader of ours reads is alone.

    What is damaged is imported in vain, and so it is reported.
    """
    if rule.preprocessing is not None:
        return (file,)
    try:
        return tuple(find_fileset(file).files)
    except ConverterError:
        return (file,)


def _is_recent(file: Path, rule: WatchRule, now: float) -> bool:
    changed = _last_change(file, now)
    return changed is not None and now - changed <= rule.look_back_days * DAY


def _is_whole(file: Path, fileset: tuple[Path, ...], rule: WatchRule, now: float) -> bool:
    marker = rule.marker_of(file.name)
    if marker is not None:
        return (file.parent / marker).is_file()
    changes = [_last_change(each, now) for each in fileset]
    return all(changed is not None and now - changed >= rule.settle_minutes * 60 for changed in changes)


def _last_change(file: Path, now: float) -> float | None:
    """When anything of a file last changed; None for what is no regular file, or has gone.

    Copying programs give a copy its original's time of modification, years ago; no program can set the time of change.
    A time of modification in the future, from a microscope whose clock is wrong, says nothing.
    """
    try:
        status = os.lstat(file)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return max(status.st_ctime, status.st_mtime if status.st_mtime <= now else 0.0)


def _raise(error: OSError) -> None:
    raise error
