"""The account's private key and the pinned host keys, as they stand in a SlurmCluster block."""

from __future__ import annotations

import io

import paramiko
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from contracts.failures import FailureCategory, FailureError, fail


def read_private_key(text: str) -> paramiko.PKey:
    """A private key without passphrase, in OpenSSH's or PEM format.

    Raises:
        FailureError: NOT_CONFIGURED; the key is not in it.
    """
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text.strip() + "\n"))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise fail(
        FailureCategory.NOT_CONFIGURED,
        "The private key of the SlurmCluster block cannot be read.",
        detail="it is no Ed25519, ECDSA or RSA key without passphrase",
        next_step="Make one with `ssh-keygen -t ed25519 -N ''` and put the private part into the block.",
    )


def read_known_hosts(text: str) -> paramiko.HostKeys:
    """The pinned keys, from lines as OpenSSH writes them; host names may be hashed.

    Raises:
        FailureError: NOT_CONFIGURED, naming the line.
    """
    keys = paramiko.HostKeys()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            entry = None if line.startswith("@") else HostKeyEntry.from_line(line, number)
        except (paramiko.SSHException, InvalidHostKey, ValueError) as error:
            raise _bad_line(number, str(error)) from error
        if entry is None or entry.key is None:
            raise _bad_line(number, "it is no plain `host keytype key` line")
        for host in entry.hostnames or ():
            keys.add(host, entry.key.get_name(), entry.key)
    return keys


def _bad_line(number: int, why: str) -> FailureError:
    return fail(
        FailureCategory.NOT_CONFIGURED,
        f"Line {number} of known_hosts in the SlurmCluster block cannot be read.",
        detail=why,
        next_step="Take it from `ssh-keyscan HOST`, after comparing the key with the administrators'.",
    )


def host_name(host: str, port: int) -> str:
    """How known_hosts calls a server."""
    return host if port == 22 else f"[{host}]:{port}"
