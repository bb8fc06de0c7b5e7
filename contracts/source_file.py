"""A file of an order, named by its path inside the group's folder."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.base import Contract, Pair
from contracts.preprocessing import Preprocessing

#: Longest name of a directory entry on Linux file systems, in bytes (NAME_MAX).
LONGEST_NAME = 255
#: Longest path the kernel takes, in bytes (PATH_MAX less its NUL).
LONGEST_PATH = 4095


def check_relative_path(path: str) -> str:
    """Refuse what must never reach a path: absolute, `..`, control characters, over-long names.

    Spaces, quotes and any printable Unicode are fine. The flow resolves symbolic links and checks
    containment again, on the machine that reads the file.

    Raises:
        ValueError: names the offending part.
    """
    if not path or path in {".", "/"}:
        raise ValueError("the path is empty")
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise ValueError(f"{path!r} has a control character (newline, NUL, ...): rename the file")
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{path!a} is not valid UTF-8: rename the file") from None
    if path.startswith("/"):
        raise ValueError(f"{path!r} is absolute; give it relative to the group's folder")
    parts = path.split("/")
    if ".." in parts:
        raise ValueError(f"{path!r} has '..'; give it relative to the group's folder")
    if "" in parts or "." in parts:
        raise ValueError(f"{path!r} has an empty or '.' part")
    if any(len(part.encode("utf-8")) > LONGEST_NAME for part in parts):
        raise ValueError(f"a name in {path!r} is longer than {LONGEST_NAME} bytes")
    if len(encoded) > LONGEST_PATH:
        raise ValueError(f"the path is longer than {LONGEST_PATH} bytes")
    return path


#: POSIX path inside the group's folder, `/` between parts.
RelativePath = Annotated[str, AfterValidator(check_relative_path)]


class SourceFile(Contract):
    """One file, or the first file of a multi-file format (its companions are found by its reader).

    `series`: import only the series with this index or name of a multi-image file, by converting it
    (BIOMERO's `{UUID}` sub-image orders); None means the whole file. `preprocessing`: how this file is converted,
    where that is not the order's way. `key_values` are written on what this file becomes, beside the order's.
    """

    path: RelativePath
    series: Annotated[str, Field(min_length=1)] | None = None
    preprocessing: Preprocessing | None = None
    key_values: Annotated[tuple[Pair, ...], Field(strict=False)] = ()

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name
