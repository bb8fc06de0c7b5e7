"""A login node as OpenSSH's configuration of an account describes it: what `ssh ALIAS` would connect to."""

from __future__ import annotations

from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys

from blocks.ssh_connection import SshTarget
from blocks.ssh_keys import host_name
from contracts.failures import FailureCategory, FailureError, fail

#: Where OpenSSH looks for keys that are not named (ssh_config(5), IdentityFile), those kinds that are read here.
_USUAL_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
_USUAL_KNOWN_HOSTS = "~/.ssh/known_hosts /etc/ssh/ssh_known_hosts"
#: Words of ssh_config that lead elsewhere than to the host itself.
_DETOURS = ("proxyjump", "proxycommand", "hostkeyalias")


def read_ssh_config(path: Path, alias: str) -> SshTarget:
    """Whom `ssh -F path alias` connects to, with its key and the pinned host keys.

    Guarantee: nothing is guessed; the account, a key without passphrase and a known host key are there.
    Limit: of known_hosts, lines with wildcards and certificates are not looked at; no ProxyJump.

    Raises:
        FailureError: NOT_CONFIGURED, saying what of it is missing.
    """
    try:
        config = paramiko.SSHConfig.from_path(str(path)).lookup(alias)
    except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
        raise _unusable(path, alias, f"{path} cannot be read: {error}") from error
    for word in _DETOURS:
        if config.get(word, "none") not in ("none", None):
            raise _unusable(path, alias, f"it has {word}, which is not supported: the workers connect by themselves")
    if "user" not in config:
        raise _unusable(path, alias, "it names no User")
    host, port = config["hostname"], int(config.get("port", "22"))
    return SshTarget(
        host=host,
        port=port,
        user=config["user"],
        private_key=_private_key(path, alias, [*(config.get("identityfile") or _USUAL_KEYS)]),
        known_hosts=_known_hosts(path, alias, config.get("userknownhostsfile", _USUAL_KNOWN_HOSTS), host, port),
    )


def _private_key(path: Path, alias: str, files: list[str]) -> str:
    for name in files:
        file = Path(name).expanduser()
        if file.is_file():
            try:
                return file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise _unusable(path, alias, f"the key {file} cannot be read: {error}") from error
    raise _unusable(path, alias, f"none of its keys is there: {', '.join(files)}")


def _known_hosts(path: Path, alias: str, files: str, host: str, port: int) -> str:
    """The lines that pin this host's keys, and no others: the rest of a known_hosts file is no business of a block."""
    name, lines = host_name(host, port), []
    for word in files.split():
        file = Path(word.strip('"')).expanduser()
        if file.is_file():
            lines += [line for line in file.read_text("utf-8", "replace").splitlines() if _pins(line, name)]
    if not lines:
        raise _unusable(path, alias, f"no host key of {name} is in {files}; log in once by hand, and compare it")
    return "\n".join(lines) + "\n"


def _pins(line: str, name: str) -> bool:
    if not line.strip() or line.startswith(("#", "@")):
        return False
    try:
        entry = HostKeyEntry.from_line(line)
    except (paramiko.SSHException, ValueError):
        return False
    if entry is None or entry.key is None:
        return False
    keys = HostKeys()
    for host in entry.hostnames or ():
        keys.add(host, entry.key.get_name(), entry.key)
    return keys.lookup(name) is not None


def _unusable(path: Path, alias: str, why: str) -> FailureError:
    return fail(
        FailureCategory.NOT_CONFIGURED,
        f"How to log in to {alias!r} is not in {path}.",
        detail=why,
        next_step="Correct it, or name another file with --ssh-config; `ssh -F FILE HOST` must log in by itself.",
    )
