"""A SHA-256 that is computed in a thread beside the one that sends or writes the bytes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256

#: Bytes that are handed to the thread at once, and summed up in one call: chunks of a network stream are small, and
#: each call has to wait until the thread that receives them lets go of the interpreter. A chunk of this size, as files
#: are read, is not copied.
BATCH_BYTES = 1 << 20
#: Batches that may wait; they are kept in memory until they are summed up.
MOST_WAITING = 12


class SideDigest:
    """hashlib lets other threads run while it sums up, so that a transfer waits for neither processor nor network."""

    def __init__(self) -> None:
        self._digest = sha256()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        self._batch: list[bytes] = []
        self._size = 0
        self._waiting: deque[Future[None]] = deque()

    def update(self, chunk: bytes) -> None:
        """Add a chunk, in sequence; waits when the sum falls behind."""
        self._batch.append(chunk)
        self._size += len(chunk)
        if self._size >= BATCH_BYTES:
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft().result()
            self._waiting.append(self._thread.submit(self._add, self._batch))
            self._batch, self._size = [], 0

    def hexdigest(self) -> str:
        """The sum of all chunks; nothing can be added afterwards."""
        self._thread.shutdown(wait=True)
        self._add(self._batch)
        return self._digest.hexdigest()

    def _add(self, batch: list[bytes]) -> None:
        self._digest.update(b"".join(batch))
