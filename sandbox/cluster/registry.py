"""The cluster's container images: our own workflows, built here, where a registry would have them."""

from __future__ import annotations

import shutil

from sandbox.cluster.machine import Machine, why_not
from sandbox.local_cluster.place import LocalPlace, why_no_containers
from sandbox.site.service import NotAvailable, Service, Unhealthy, python


class Workflows(Service):
    """Builds the images at the first start, some seconds; later ones find them in the user's cache."""

    name = "workflows"
    runs_once = True
    optional = True
    starts_allowed = 2

    def prepare(self) -> None:
        if self._is_local():
            return
        if reason := why_not():
            raise NotAvailable(reason)
        programs = {"mksquashfs": "squashfs-tools", "ch-run": "charliecloud-runtime"}
        missing = [package for program, package in programs.items() if shutil.which(program) is None]
        if missing:
            raise NotAvailable(f"not installed (apt-get install {' '.join(missing)}): no container images of workflows")

    def command(self) -> list[str]:
        if not self._is_local():
            return ["nice", *python("-m", "sandbox.workflows", str(Machine(self.home).registry))]
        how = [] if why_no_containers() is None else ["--direct"]
        return ["nice", *python("-m", "sandbox.workflows", *how, str(LocalPlace(self.home).registry))]

    def _is_local(self) -> bool:
        return self.addresses.local_cluster is not None

    def check(self) -> None:
        raise Unhealthy("not finished yet")
