"""A machine with systemd as its first process: this one's own files under a layer that is thrown away (systemd-nspawn).

It shares this machine's network, has an /etc of its own, and starts nothing but what it is told to.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.chaos.waiting import wait_for

TARGET = "bare.target"
#: No service that this machine has installed is started, as its default target would.
_BARE = """[Unit]
Description=systemd and nothing else
Requires=sysinit.target
After=sysinit.target
AllowIsolate=yes
"""


class SystemdMachine:
    """`root`: its files, to be changed before or while it runs."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        self._log = log
        self._nspawn: subprocess.Popen[bytes] | None = None

    def write(self, path: str, text: str) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def boot(self, shared: Mapping[Path, str], *, seconds: float = 60.0) -> None:
        """Start it; `shared`: folders of this machine and where they are in it."""
        self.write(f"/etc/systemd/system/{TARGET}", _BARE)
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                [
                    *("systemd-nspawn", "--register=no", "--keep-unit", "--console=pipe", "--link-journal=no"),
                    *("--resolv-conf=off", "--timezone=off", f"--directory={self.root}", "--boot"),
                    *(f"--bind={here}:{there}" for here, there in shared.items()),
                    f"systemd.unit={TARGET}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for("systemd to be up", self._is_running, seconds=seconds, explain=self._console)

    def _console(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def _is_running(self) -> bool:
        """Whether its systemd answers; degraded is running too."""
        if self._first_process() is None:
            return False
        return self.try_run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def _first_process(self) -> int | None:
        assert self._nspawn is not None and self._nspawn.poll() is None, self._console()
        children = psutil.Process(self._nspawn.pid).children()
        return children[0].pid if children else None

    def try_run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in it, as root."""
        first = self._first_process()
        assert first is not None, self._console()
        return subprocess.run(
            ["nsenter", "--target", str(first), "--all", "env", "--chdir=/opt/omero-flows", *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/var/lib/an-admin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *command: str) -> str:
        done = self.try_run(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}\n{self.journal()}"
        return done.stdout

    def journal(self) -> str:
        return self.try_run("journalctl", "--no-pager", "--lines=80", "--output=short-iso").stdout

    def properties(self, unit: str, *names: str) -> tuple[str, ...]:
        """What `systemctl show` says of a unit."""
        shown = self.run("systemctl", "show", unit, "--property", ",".join(names))
        found = dict(line.split("=", 1) for line in shown.splitlines())
        return tuple(found[name] for name in names)

    def halt(self) -> None:
        if self._nspawn is None or self._nspawn.poll() is not None:
            return
        self._nspawn.terminate()  # systemd's orderly end
        try:
            self._nspawn.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()


@contextmanager
def systemd_machine(folder: Path) -> Iterator[SystemdMachine]:
    """Not booted yet. `folder` is empty and lies on any file system; the layer is in memory."""
    layer = folder / "layer"
    layer.mkdir()
    _mount("-t", "tmpfs", "layer", layer)
    try:
        upper, work, root = (layer / name for name in ("upper", "work", "root"))
        for place in (upper, work, root):
            place.mkdir()
        _mount("-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", "overlay", root)
        machine = SystemdMachine(root, folder / "console.log")
        try:
            yield machine
        finally:
            machine.halt()
            _unmount(root)
    finally:
        _unmount(layer)


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", place], check=True)


def drop_in(lines: Sequence[str]) -> str:
    """More of a unit's [Service]."""
    return "\n".join(["[Service]", *lines, ""])
