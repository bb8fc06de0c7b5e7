"""A settings file that somebody names."""

from __future__ import annotations

from pathlib import Path

from contracts.failures import FailureCategory, fail


def read_text(file: Path) -> str:
    """Its text; of one that is too long only so much that a parser says so.

    Raises:
        FailureError: BAD_REQUEST when it cannot be read, or is no UTF-8.
    """
    from contracts.slurm_config import LONGEST_FILE

    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(LONGEST_FILE + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{file} cannot be read.",
            detail=str(error),
            next_step="Give BIOMERO's own files, in UTF-8.",
        ) from error
