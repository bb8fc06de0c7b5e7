"""The cluster's host key and the user's key, ed25519, made at the first start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from sandbox.site.home import Home, write_private


@dataclass(frozen=True)
class SshKey:
    """`private` as OpenSSH's PEM, `public` as `ssh-ed25519 AAAA...`."""

    private: str
    public: str


def keep_key(path: Path) -> SshKey:
    """The key in `path`, made if there is none; only its owner can read the file."""
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        write_private(path, text)
    public = load_ssh_private_key(text.encode(), password=None).public_key()
    return SshKey(text, public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())


def host_key(home: Home) -> SshKey:
    return keep_key(home.secrets / "cluster-host-key")


def user_key(home: Home) -> SshKey:
    return keep_key(home.secrets / "cluster-user-key")
