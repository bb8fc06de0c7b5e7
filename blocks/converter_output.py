"""What a converter prints, line by line: into the run's log, with bounded memory."""

from __future__ import annotations

import logging

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]

#: A converter that prints more fills no log: what follows is counted and not kept.
MOST_LINES = 2_000
LONGEST_LOGGED_LINE = 2_000
#: Bytes. A converter that prints more is ended: it would fill the container engine's disk with its log.
MOST_BYTES = 64 << 20
#: The last line names every output; a plate's may be long.
LONGEST_LINE = 16 << 20


class OutputLines:
    """Cuts a stream of bytes into lines, logs them, and keeps the last line that is not blank."""

    def __init__(self, log: Log, name: str) -> None:
        self.last = ""
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
        self._count += 1
        if self._count <= MOST_LINES:
            self._log.info("%s: %s", self._name, text[:LONGEST_LOGGED_LINE])
