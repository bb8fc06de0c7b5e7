"""The built-in converter's command."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from converters.command import main


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """End by an exception, so that unfinished files are removed on the way out."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main())
