"""Let the next bytes be read while the last ones are sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor


def read_ahead(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The same pieces, up to `count` of them taken beforehand by a thread of their own.

    What taking a piece raises is raised in its place. When the consumer stops early, the piece that is being taken is
    waited for, and the thread ends.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        coming = deque(pool.submit(next, pieces, None) for _ in range(count))
        while (piece := coming.popleft().result()) is not None:
            coming.append(pool.submit(next, pieces, None))
            yield piece
    finally:
        pool.shutdown(cancel_futures=True)
        if isinstance(pieces, Generator):
            pieces.close()
