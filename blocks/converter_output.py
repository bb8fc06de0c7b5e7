"""What a converter prints, line by line: into the run's log, with bounded memory."""

from __future__ import annotations

import logging
from collections import deque

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]

#: A converter that prints more fills no log: what follows is counted and not kept.
MOST_LINES = 2_000
LONGEST_LOGGED_LINE = 2_000
#: Bytes. A converter that prints more is ended: it would fill the container engine's disk with its log.
MOST_BYTES = 64 << 20
#: The last line names every output; a plate's may be long.
LONGEST_LINE = 16 << 20
#: Of each stream, what a failure quotes.
LAST_WORDS = 8
LONGEST_QUOTED_LINE = 240


class OutputLines:
    """Cuts a stream of bytes into lines, logs them, and keeps the last lines that are not blank."""

    def __init__(self, log: Log, name: str) -> None:
        self.last = ""
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self.too_long = False
        self.too_much = False
        self._bytes = 0
        self._log = log
        self._name = name
        self._rest = bytearray()
        self._count = 0

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes; lines may be cut anywhere."""
        self._bytes += len(chunk)
        self.too_much = self._bytes > MOST_BYTES
        self._rest += chunk
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            self._take(bytes(line))
        if len(self._rest) > LONGEST_LINE:
            self.too_long = True
            self._rest = self._rest[-LONGEST_LOGGED_LINE:]

    def close(self) -> None:
        """The stream has ended; a last line needs no newline."""
        if self._rest:
            self._take(bytes(self._rest))
            self._rest.clear()
        if self._count > MOST_LINES:
            self._log.info("%s printed %s more lines", self._name, self._count - MOST_LINES)

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        if not text.strip():
            return
        self.last = text
        self.last_words.append(text[:LONGEST_QUOTED_LINE])
        self._count += 1
        if self._count <= MOST_LINES:
            self._log.info("%s: %s", self._name, text[:LONGEST_LOGGED_LINE])


class ConverterOutput:
    """Both streams of one converter: `stdout` and `stderr`.

    They come through pipes of their own, so which of two lines was printed first is not known. With the
    streams merged, a warning on stderr used to overtake the answer on stdout now and then, and a
    conversion that was whole was refused.
    """

    def __init__(self, log: Log, name: str) -> None:
        self.stdout = OutputLines(log, name)
        self.stderr = OutputLines(log, name)

    def close(self) -> None:
        """Both streams have ended."""
        self.stderr.close()
        self.stdout.close()

    @property
    def last_line(self) -> str:
        """The converter's answer: the last line on stdout; on stderr for one that prints nothing else."""
        return self.stdout.last or self.stderr.last

    @property
    def last_words(self) -> str:
        """What a failure quotes: the last lines of both streams, in at most 4,000 characters."""
        return "\n".join([*self.stderr.last_words, *self.stdout.last_words])[:4000]

    @property
    def too_long(self) -> bool:
        return self.stdout.too_long or self.stderr.too_long

    @property
    def too_much(self) -> bool:
        return self.stdout.too_much or self.stderr.too_much
