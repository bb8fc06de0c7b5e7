"""Secrets that nobody needs to think up: made at random, each in a file of its own that its owner alone may read."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

#: File names in the folder of secrets (environment.example), and what makes each.
RANDOM: dict[str, Callable[[], str]] = {
    "prefect-auth": lambda: f"omero-flows:{secrets.token_urlsafe(32)}",
    "database-password": lambda: secrets.token_urlsafe(32),
    # A Fernet key: 32 bytes in URL-safe base64 (cryptography.io, "Fernet").
    "encryption-key": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
}


def make_secrets(folder: Path) -> dict[Path, bool]:
    """Make every file that is not there; one that is there is never touched. Each with whether it was made.

    Raises:
        OSError: the folder cannot be written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {folder / name: _make(folder / name, secret) for name, secret in RANDOM.items()}


def _make(file: Path, secret: Callable[[], str]) -> bool:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(secret() + "\n")
    return True
