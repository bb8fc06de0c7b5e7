"""The cluster's container images: our own workflows, built here, where a registry would have them."""

from __future__ import annotations

import shutil

from sandbox.cluster.machine import Machine, why_not
from sandbox.site.service import NotAvailable, Service, Unhealthy, python


class Workflows(Service):
    """Builds the images at the first start, some seconds; later ones find them in the user's cache."""

    name = "workflows"
    runs_once = True
    optional = True
    starts_allowed = 2

    def prepare(self) -> None:
        if reason := why_not():
            raise NotAvailable(reason)
        programs = {"mksquashfs": "squashfs-tools", "ch-run": "charliecloud-runtime"}
        missing = [package for program, package in programs.items() if shutil.which(program) is None]
        if missing:
            raise NotAvailable(f"not installed (apt-get install {' '.join(missing)}): no container images of workflows")

    def command(self) -> list[str]:
        return ["nice", *python("-m", "sandbox.workflows", str(Machine(self.home).registry))]

    def check(self) -> None:
        raise Unhealthy("not finished yet")
