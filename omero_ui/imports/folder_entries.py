"""Entries of a folder that is known by its descriptor; no link is followed."""

from __future__ import annotations

import os
from datetime import UTC, datetime


def exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def same_file(one: int, name: str, other: int, other_name: str) -> bool:
    """Whether two entries are the same file (hard links of each other)."""
    first = os.stat(name, dir_fd=one, follow_symlinks=False)
    second = os.stat(other_name, dir_fd=other, follow_symlinks=False)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def size_of(folder: int, name: str) -> int:
    """In bytes; 0 when there is no such entry."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def modified_of(folder: int, name: str) -> float:
    """Seconds since the epoch; now, when the entry is gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return datetime.now(UTC).timestamp()


def write_new(folder: int, name: str, content: bytes) -> None:
    """Make a file; FileExistsError when there is something of the name."""
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
