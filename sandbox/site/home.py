"""The one folder a site lives in, and where everything in it is."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def default_home() -> Path:
    """`$OMERO_FLOWS_HOME`, else `$XDG_DATA_HOME/omero-flows/site`, else `~/.local/share/omero-flows/site`."""
    if chosen := os.environ.get("OMERO_FLOWS_HOME"):
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "omero-flows" / "site"


def write_private(path: Path, text: str) -> None:
    """Write `path` readable by its owner alone, whole or not at all (rename), also when killed half-way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.rename(path)


def read_json(path: Path) -> Any:
    """What a file of ours holds, or None when there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Home:
    """Paths of a site; `root` is absolute with symlinks resolved, because OMERO compares real paths."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> Home:
        return cls(Path(os.path.realpath(root.expanduser())))

    def make(self) -> None:
        """Make the folders. The root is the owner's alone: passwords lie in it."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        for folder in (
            self.omero,
            self.postgres,
            self.prefect,
            self.results,
            self.web,
            self.storage,
            self.logs,
            self.containers,
            self.cluster,
            self.run,
            self.secrets,
        ):
            folder.mkdir(exist_ok=True)
        for folder in (self.storage, self.cluster):  # others read in them, from where the root does not hide them
            folder.chmod(0o755)

    @property
    def omero(self) -> Path:
        return self.root / "omero"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def prefect(self) -> Path:
        return self.root / "prefect"

    @property
    def results(self) -> Path:
        """Where Prefect's task results are kept, so that a restarted run finds its finished tasks."""
        return self.root / "results"

    @property
    def web(self) -> Path:
        return self.root / "web"

    @property
    def nginx(self) -> Path:
        return self.root / "nginx"

    @property
    def storage(self) -> Path:
        """The image storage: one folder a group."""
        return self.root / "storage"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def containers(self) -> Path:
        return self.root / "containers"

    @property
    def cluster(self) -> Path:
        """The machine the sandbox's Slurm runs on: its accounts, scratch, state (see `sandbox.cluster`)."""
        return self.root / "cluster"

    @property
    def cluster_ssh_config(self) -> Path:
        """For people: `ssh -F FILE hpc`."""
        return self.secrets / "cluster-ssh-config"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def site_file(self) -> Path:
        """Ports, accounts and secrets of the site: what must stay the same over a restart."""
        return self.root / "site.json"

    @property
    def settings_file(self) -> Path:
        """The settings `omero-flows deploy` and the flows read."""
        return self.root / "site.toml"

    @property
    def status_file(self) -> Path:
        return self.run / "status.json"

    @property
    def lock_file(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def sockets(self) -> Path:
        """A short folder for sockets: a socket's path may have 107 bytes and a home may be deep."""
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:10]
        return Path("/tmp") / f"omero-flows-{os.getuid()}" / name

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def held(self, service: str) -> Path:
        """A file that, while it is there, keeps a service down (see `Site.hold`)."""
        return self.run / f"{service}.held"
