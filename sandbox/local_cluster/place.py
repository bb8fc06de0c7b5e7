"""Where the local cluster's things are: below the site's folder `cluster`, under the same paths for every side."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.site.home import Home
from sandbox.site.service import PROJECT
from sandbox.slurm_commands.__main__ import COMMANDS


@dataclass(frozen=True)
class LocalPlace:
    """Folders and files of the local cluster of the site in `home`.

    They have names that the sandbox's Slurm does not use: a site may have had that before.
    """

    home: Home

    @property
    def folder(self) -> Path:
        return self.home.cluster / "local"

    @property
    def login_folder(self) -> Path:
        """Where a login begins; HOME of everything that runs there."""
        return self.folder / "home"

    @property
    def programs(self) -> Path:
        """First in the PATH of a login: Slurm's commands."""
        return self.folder / "bin"

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def containers(self) -> Path:
        return self.folder / "containers"

    @property
    def registry(self) -> Path:
        return self.folder / "registry"

    @property
    def spool(self) -> Path:
        """Scripts of jobs that run."""
        return self.folder / "spool"

    @property
    def store(self) -> Path:
        return self.folder / "jobs.sqlite"

    def make(self) -> None:
        """Make the folders and Slurm's commands."""
        for folder in (self.login_folder, self.programs, self.scratch, self.containers, self.registry, self.spool):
            folder.mkdir(parents=True, exist_ok=True)
        for name in COMMANDS:
            # -S: nothing but Python's own library is needed, and a command is up in half the time.
            command = shlex.join([sys.executable, "-S", "-m", "sandbox.slurm_commands"])
            words = shlex.join([str(self.store), name])
            program = self.programs / name
            partial = program.with_name(f".{name}")
            partial.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(PROJECT))} exec {command} {words} "$@"\n')
            partial.chmod(0o755)
            partial.rename(program)


def account() -> str:
    """The account that started the site: the one that logs in, and that jobs run as."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def why_no_containers() -> str | None:
    """Why Charliecloud cannot run images here; None when it can. It needs no root, but user namespaces and FUSE."""
    missing = [name for name in ("ch-run", "mksquashfs") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed (apt-get install charliecloud-runtime squashfs-tools)"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse is not this account's to use"
    tried = subprocess.run(["unshare", "--user", "--mount", "true"], capture_output=True, text=True)
    if tried.returncode:
        return f"we may make no user namespaces here: {tried.stderr.strip()}"
    return None
