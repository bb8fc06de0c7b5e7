"""Image files that stay open between calls, because opening one costs far more than reading a tile."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from converters.image_file import ImageFile
from converters.reader import open_image_file

#: Readers that stay open at once.
OPEN_FILES = 16


class _OpenFile:
    def __init__(self, file: ImageFile) -> None:
        self.file = file
        self.users = 0


class OpenFiles:
    """Opened image files, at most `capacity` of them idle, the least recently used closed first."""

    def __init__(self, capacity: int = OPEN_FILES) -> None:
        self._capacity = capacity
        self._files: OrderedDict[Path, _OpenFile] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def lease(self, path: Path) -> Iterator[ImageFile]:
        """The opened file, kept open while the context lasts. Raises ConverterError."""
        entry = self._take(path)
        try:
            yield entry.file
        finally:
            with self._lock:
                entry.users -= 1
                if self._files.get(path) is not entry and entry.users == 0:
                    entry.file.close()
            self._close_idle(self._capacity)

    def _take(self, path: Path) -> _OpenFile:
        with self._lock:
            entry = self._files.get(path)
            if entry is not None:
                self._files.move_to_end(path)
                entry.users += 1
                return entry
        opened = _OpenFile(open_image_file(path))
        with self._lock:
            entry = self._files.setdefault(path, opened)
            entry.users += 1
        if entry is not opened:
            opened.file.close()
        return entry

    def forget(self, path: Path) -> None:
        """The file was removed or replaced: close it as soon as nobody reads it."""
        with self._lock:
            entry = self._files.pop(path, None)
            if entry is not None and entry.users == 0:
                entry.file.close()

    def close(self) -> None:
        """Close every file that nobody reads; the others close with their last reader."""
        self._close_idle(0)

    def _close_idle(self, keep: int) -> None:
        with self._lock:
            for path in [path for path, entry in self._files.items() if entry.users == 0]:
                if len(self._files) <= keep:
                    return
                self._files.pop(path).file.close()
