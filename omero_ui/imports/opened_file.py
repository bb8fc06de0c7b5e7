"""An image file opened into its images, by the converters' reader in a process of its own.

Files come from microscopes and from anybody who may write to the folder: a reader that hangs, or eats all memory, must
not take OMERO.web with it. What was told is kept for a while, by what the file was when it was opened.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from threading import BoundedSemaphore, Lock

from pydantic import TypeAdapter, ValidationError

from contracts.failures import FailureCategory, FailureError, fail
from contracts.file_contents import FileContents, UnreadContents, WhyUnread
from omero_ui.imports.group_folder import GroupFolder

#: Images told at once, with their thumbnails.
PAGE = 24
#: Longest side of a thumbnail, in pixels.
EDGE = 96

MEMORY_BYTES = 4 << 30
SECONDS = 30
#: Files that this process opens at once; each takes a processor for about half a second.
AT_ONCE = 2
#: Answers that are kept.
KEPT = 64

_ANSWER: TypeAdapter[FileContents | UnreadContents] = TypeAdapter(FileContents | UnreadContents)
_SOURCE = Path(__file__).parents[2]
_turn = BoundedSemaphore(AT_ONCE)
_kept: OrderedDict[tuple[object, ...], FileContents] = OrderedDict()
_lock = Lock()


def open_file(folder: GroupFolder, path: str, first: int = 0) -> FileContents:
    """What a file of the group holds: `PAGE` of its images from number `first` on.

    A file whose companions lie outside the group's folder is refused, and nothing of it is told.

    Raises:
        FailureError: what `GroupFolder.identify` raises; UNKNOWN_FORMAT, BROKEN_FILE, PATH_OUTSIDE_FOLDER,
            FILE_CHANGED, CONVERTER_TIMED_OUT, CONVERTER_NOT_AVAILABLE.
    """
    real, status = folder.identify(path)
    key = (str(real), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, first)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    contents = _read(path, _ask(path, real, first))
    if not all(folder.holds(Path(file)) for file in contents.files):
        raise fail(
            FailureCategory.PATH_OUTSIDE_FOLDER,
            f"{real.name!r} belongs with files that lie outside the group's folder.",
            next_step="Copy the whole set of files into the group's folder.",
        )
    again, now = folder.identify(path)
    if again != real or (now.st_ino, now.st_size, now.st_mtime_ns) != (
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
    ):
        raise fail(
            FailureCategory.FILE_CHANGED,
            f"{real.name!r} changed while it was opened.",
            next_step="Wait until its copy has ended, then open it again.",
        )
    with _lock:
        _kept[key] = contents
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return contents


def _ask(path: str, real: Path, first: int) -> bytes:
    """The answer of `python -m converters describe`: bounded in memory, time and length, and killed with us."""
    bounded = ["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "prlimit", f"--as={MEMORY_BYTES}", "--core=0"]
    bounded += [f"--cpu={SECONDS}", "--fsize=0"]
    if not _turn.acquire(timeout=SECONDS):
        raise _too_slow(path, "other files are being opened")
    try:
        child = subprocess.Popen(
            [*bounded, sys.executable, "-m", "converters", "describe", f"--first={first}", f"--most={PAGE}"]
            + [f"--thumbnail={EDGE}", "--", str(real)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "PYTHONPATH": str(_SOURCE)},
            start_new_session=True,
        )
        try:
            answer, _ = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            raise _too_slow(path, f"it took more than {SECONDS} s") from error
        finally:
            child.kill()
            child.communicate()
    except OSError as error:
        raise fail(
            FailureCategory.CONVERTER_NOT_AVAILABLE,
            "Files cannot be opened on this machine.",
            detail=str(error),
            next_step="Tell an administrator; files can be imported without being opened.",
        ) from error
    finally:
        _turn.release()
    return answer


def _read(path: str, answer: bytes) -> FileContents:
    try:
        told = _ANSWER.validate_json(answer)
    except ValidationError as error:
        raise fail(
            FailureCategory.BROKEN_FILE,
            f"{path!r} cannot be opened here: its reader gave up.",
            detail="it needed more memory or processor time than a preview may take, or is damaged",
            next_step="Import it without opening it, or ask an administrator.",
        ) from error
    if isinstance(told, UnreadContents):
        raise _unread(path, told)
    return told


def _unread(path: str, unread: UnreadContents) -> FailureError:
    name = Path(path).name
    if unread.why is WhyUnread.UNKNOWN_FORMAT:
        return fail(
            FailureCategory.UNKNOWN_FORMAT,
            f"{name!r} is in no format that can be opened here.",
            detail=unread.reason,
            next_step="Choose a conversion for it, if there is one.",
        )
    return fail(
        FailureCategory.BROKEN_FILE,
        f"{name!r} cannot be read; it may be truncated.",
        detail=unread.reason,
        next_step="Copy the file again from the microscope.",
    )


def _too_slow(path: str, detail: str) -> FailureError:
    return fail(
        FailureCategory.CONVERTER_TIMED_OUT,
        f"{Path(path).name!r} could not be opened in time.",
        detail=detail,
        next_step="Try again, or import it without opening it.",
    )
