"""What became of one order of a batch, in little memory: a night has tens of thousands of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.import_report import FileOutcome, FileState
from contracts.source_file import SourceFile


class BatchOutcomes:
    """Counts of all files, and by name whatever failed; of the others the first, and more while `spare` lasts.

    `spare` is shared by the batch's orders: each of its items lets one more file be named. A night that kept all would
    grow by 2 KiB for each image; which order an image came by stands on the image itself.
    """

    def __init__(self, files: Sequence[SourceFile], spare: Iterator[int]) -> None:
        self.imported = 0
        self.there = 0
        self.failed = 0
        self.taken_in = 0
        self._files = files
        self._spare = spare
        self._ended = bytearray(len(files))
        self._named: dict[int, FileOutcome] = {}

    @property
    def has_ended(self) -> bool:
        return all(self._ended)

    @property
    def cancelled(self) -> int:
        """Files that were cancelled, or not reached."""
        return len(self._files) - self.imported - self.there - self.failed

    def knows(self, index: int) -> bool:
        return bool(self._ended[index])

    def add(self, index: int, outcome: FileOutcome) -> None:
        """A file's end; its first one stands."""
        if self._ended[index]:
            return
        self._ended[index] = True
        if outcome.was_there:
            self.there += 1
            return
        match outcome.state:
            case FileState.IMPORTED:
                self.imported += 1
                self.taken_in += outcome.size
            case FileState.FAILED:
                self.failed += 1
            case FileState.CANCELLED:
                pass
        self._name(self._named, index, outcome)

    def named(self) -> tuple[FileOutcome, ...]:
        """In the order's sequence; what was there before is only counted."""
        named = dict(self._named)
        for index, file in enumerate(self._files):
            if not self._ended[index]:
                self._name(named, index, FileOutcome(path=file.path, state=FileState.CANCELLED))
        return tuple(named[index] for index in sorted(named))

    def _name(self, named: dict[int, FileOutcome], index: int, outcome: FileOutcome) -> None:
        if outcome.state is FileState.FAILED or not named or next(self._spare, None) is not None:
            named[index] = outcome
