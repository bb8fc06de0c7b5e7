"""Images for the panel's tests, imported as a person imports them."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omero.gateway import BlitzGateway

from sandbox.site import Site
from sandbox.site.service import PROJECT


@dataclass(frozen=True)
class Orders:
    site: Site

    def import_files(self, user: str, group: str, dataset: str, files: Sequence[Path]) -> tuple[int, tuple[int, ...]]:
        """The dataset, and its images by name."""
        words = ["import", "--as", user, "--group", group, "--dataset", dataset, "--uuid", str(uuid.uuid4())]
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *words, *map(str, files)],
            cwd=PROJECT,
            env=self.site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        gateway = BlitzGateway(user, self.site.password(user), host=self.site.omero_tcp)
        assert gateway.connect(), gateway.getLastError()
        try:
            gateway.SERVICE_OPTS.setOmeroGroup(-1)
            (found,) = gateway.getObjects("Dataset", attributes={"name": dataset})
            images = sorted(found.listChildren(), key=lambda image: str(image.getName()))
            return int(found.getId()), tuple(int(image.getId()) for image in images)
        finally:
            gateway.close()
