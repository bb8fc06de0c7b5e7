"""One process at a time works at an order, wherever it runs: a lock file beside the group's images.

A process that lost its heartbeats (a paused machine, a broken network) is replaced by another; both
would import. The lock is the kernel's (flock(2)): it ends with the process that holds it, however
that process ends. Limit: the file system must pass flock on between machines, as NFSv4 and SMB do.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blocks.image_storage import PROCESSED
from contracts.destination import Destination
from contracts.failures import FailureCategory, fail
from tasks.storage_failures import storage_failure

ORDERS = ".orders"


def order_lock_path(group_folder: Path, token: str) -> Path:
    return group_folder / PROCESSED / ORDERS / f"{token}.lock"


def destination_lock_path(group_folder: Path, user: str, destination: Destination) -> Path:
    """The lock under which a destination given by name is found or created."""
    name = hashlib.sha256(f"{user}\0{destination.model_dump_json()}".encode()).hexdigest()[:32]
    return group_folder / PROCESSED / ORDERS / f"destination-{name}.lock"


@contextmanager
def hold(
    path: Path,
    *,
    stopped: Callable[[], bool],
    log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    poll_seconds: float = 0.5,
) -> Iterator[None]:
    """Hold a lock file, waiting for whoever holds it and saying so once.

    Raises:
        FailureError: STORAGE_UNAVAILABLE, DISK_FULL or NOT_CONFIGURED when the file cannot be made,
            CANCELLED when told to stop.
    """
    descriptor = _acquire(path, stopped, log, poll_seconds)
    try:
        _sign(descriptor, log)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def try_hold(path: Path, *, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> Iterator[bool]:
    """Hold a lock file if nobody else does; False when somebody does.

    Raises:
        FailureError: STORAGE_UNAVAILABLE, DISK_FULL or NOT_CONFIGURED when the file cannot be made.
    """
    descriptor = _try_acquire(path)
    if not isinstance(descriptor, int):
        yield False
        return
    try:
        _sign(descriptor, log)
        yield True
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _sign(descriptor: int, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    """Say in the file who holds it, for those who wait. The lock holds without it, also on a full disk."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{socket.gethostname()} {os.getpid()}\n".encode(), 0)
    except OSError as error:
        log.warning("The order's lock file cannot say who holds it: %s", error)


def _acquire(
    path: Path,
    stopped: Callable[[], bool],
    log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    poll_seconds: float,
) -> int:
    said = False
    while True:
        descriptor = _try_acquire(path)
        if isinstance(descriptor, int):
            return descriptor
        holder = descriptor
        if stopped():
            raise fail(
                FailureCategory.CANCELLED,
                "Cancelled while waiting for another process.",
                next_step="Retry the order if you want it after all.",
            )
        if not said:
            log.warning("Another process works at this (host and process: %s); waiting for it to end", holder)
            said = True
        time.sleep(poll_seconds)


def _try_acquire(path: Path) -> int | str:
    """The descriptor that holds the lock, or who holds it (host and process)."""
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "unknown"
            os.close(descriptor)
            return holder
        if _is_still(path, descriptor):
            return descriptor
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
    except OSError as error:
        raise storage_failure(path, error) from error


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the locked file is the one others open; its last holder removed it when it let go."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
