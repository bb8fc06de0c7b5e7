"""The machine the cluster runs on: this one, seen through a mount namespace that holds the site's files.

Inside it everything is where Debian's programs look for it: /etc/slurm, /run/munge, /home, /tmp, and the
cluster's own file systems below /srv. All of that lies in the site's folder. So several sites do not
meet, no socket's path is too long (107 bytes), the unprivileged user reaches what is theirs though the
site's folder is its owner's alone, and nothing is written outside of it. Paths inside and outside
differ, as a cluster's and a worker's do: code that confuses them fails here too.

It is no security boundary: processes of one host share its network and what else its disk has.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sandbox.site.home import Home, write_private

#: The cluster's and the machine's name, in a UTS namespace: what this host is called plays no part.
HOST_NAME = "hpc"
#: The one account that may log in; it exists inside the machine alone.
USER = "omero-hpc"

#: Where things are inside.
HOME = f"/home/{USER}"
SCRATCH = "/srv/scratch"
CONTAINERS = "/srv/containers"
REGISTRY = "/srv/registry"
STORAGE = "/srv/storage"

#: Above Debian's accounts and below the ranges of user namespaces (Debian policy 9.2.2, subuid(5)).
_USER_IDS = range(70000, 90000)

#: Program: the Debian package that has it.
_PROGRAMS = {
    "unshare": "util-linux",
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "sshd": "openssh-server",
}

#: Arguments: the machine's folder, the image storage, the command. Each folder is mounted from /mnt,
#: because the first mount may hide where the next comes from (a site below /home or /tmp).
_ENTER = """
machine=$1 storage=$2
shift 2
mount -n --bind "$storage" "$machine/srv/storage"
mount -n -o remount,bind,ro "$machine/srv/storage"
mount -n --rbind "$machine" /mnt
for place in etc/passwd etc/group etc/hosts etc/slurm etc/munge etc/ssh run home tmp; do
    mount -n --bind "/mnt/$place" "/$place"
done
mount -n --bind /mnt/tmp /var/tmp
mount -n --bind /mnt/spool /var/spool
mount -n --rbind /mnt/srv /srv
umount -n --lazy /mnt
# Container runtimes mount images with FUSE; without udev the device is root's alone.
if [ -e /dev/fuse ] && [ "$(stat -c %a /dev/fuse)" != 666 ]; then
    mount -n -t tmpfs none /mnt
    mknod -m 666 /mnt/fuse c 10 229
    mount -n --bind /mnt/fuse /dev/fuse
    umount -n --lazy /mnt
fi
hostname "$HOST_NAME"
cd /
exec "$@"
"""

#: The machine's folders that are root's, each after the one it lies in.
_FOLDERS = (
    *("etc", "etc/slurm", "etc/munge", "etc/ssh", "run", "run/munge", "run/sshd", "run/mysqld"),
    *("home", "spool", "srv", "srv/registry", "srv/storage", "tmp"),
)

#: The first process of a process namespace has to reap the orphans, which a shell does while it waits.
_REAP = '"$@" & wait $!'


def why_not() -> str | None:
    """Why the cluster cannot run on this machine; None when it can."""
    if os.getuid() != 0:
        return "Slurm, and an sshd for another user, need root"
    missing = sorted({package for program, package in _PROGRAMS.items() if _find(program) is None})
    if missing:
        return f"not installed (apt-get install {' '.join(missing)})"
    tried = subprocess.run(
        ["unshare", "--mount", "--uts", "--pid", "--fork", "mount", "-n", "--bind", "/mnt", "/mnt"],
        capture_output=True,
        text=True,
    )
    if tried.returncode:
        return f"we may make no namespaces and mounts here: {tried.stderr.strip()}"
    return None


def _find(program: str) -> str | None:
    """Daemons are in sbin, which is not in every PATH."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Machine:
    """The machine of the site in `home`. Paths of properties are this host's; constants are paths inside."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def folder(self) -> Path:
        return self._home.cluster

    @property
    def scratch(self) -> Path:
        return self.folder / "srv" / "scratch"

    @property
    def containers(self) -> Path:
        return self.folder / "srv" / "containers"

    @property
    def registry(self) -> Path:
        return self.folder / "srv" / "registry"

    @property
    def spool(self) -> Path:
        """/var/spool inside: what the daemons must remember over a restart."""
        return self.folder / "spool"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def make(self, configuration: Mapping[str, str], private: Mapping[str, str]) -> None:
        """Make the folders and accounts, and write the files: text by path below /etc.

        What is `private` only root can read.

        Only call it while no process of the site runs: a mounted file that is replaced is not seen any more.
        """
        shutil.rmtree(self.run, ignore_errors=True)  # process ids and sockets of an earlier life
        for name in _FOLDERS:
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "tmp").chmod(0o1777)
        user = self._user_id()
        for folder in (self.folder / HOME.lstrip("/"), self.scratch, self.containers):
            folder.mkdir(exist_ok=True)
            os.chown(folder, user, user)
        accounts, groups = Path("/etc/passwd").read_text("utf-8"), Path("/etc/group").read_text("utf-8")
        readable = {
            "passwd": f"{accounts.rstrip()}\n{USER}:*:{user}:{user}:Jobs of the sandbox:{HOME}:/bin/bash\n",
            "group": f"{groups.rstrip()}\n{USER}:x:{user}:\n",
            "hosts": f"127.0.0.1 localhost {HOST_NAME}\n::1 localhost\n",
            **configuration,
        }
        for name, text in {**readable, **private}.items():
            write_private(self.folder / "etc" / name, text)
        for name in readable:
            (self.folder / "etc" / name).chmod(0o644)

    def enter(self, command: list[str], *, contained: bool = False) -> list[str]:
        """A command line that runs `command` as root inside the machine, in its own process id.

        `contained`: in a process namespace of its own as well, so that everything it ever started ends
        with it, at once and for certain, also when it is killed. It must be ended by SIGKILL: `unshare`
        waits for it and ignores SIGTERM.
        """
        namespaces = ["unshare", "--mount", "--uts"]
        if contained:
            namespaces += ["--pid", "--fork", "--kill-child", "--mount-proc"]
            command = ["sh", "-c", _REAP, "init", *command]
        script = _ENTER.replace("$HOST_NAME", HOST_NAME)
        return [*namespaces, "sh", "-euc", script, "enter", str(self.folder), str(self._home.storage), *command]

    def ask(self, *command: str, seconds: float = 10.0) -> subprocess.CompletedProcess[str]:
        """Run a command as root inside and wait for it: health checks, and what a cluster's admin does.

        Raises:
            subprocess.TimeoutExpired: it did not end in time, and was killed.
        """
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            self.enter(list(command)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environment,
            cwd="/",
        )

    def _user_id(self) -> int:
        """The account's id: who owns its home, else one that nobody on this host has."""
        home = self.folder / HOME.lstrip("/")
        if home.exists():
            return home.stat().st_uid
        taken = {account.pw_uid for account in pwd.getpwall()}
        return random.choice([number for number in _USER_IDS if number not in taken])
