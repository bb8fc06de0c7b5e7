"""Login to tree: the requests a browser makes in OMERO.web until the tree shows projects and datasets."""

from __future__ import annotations

import statistics
import time
from contextlib import closing

from omero.gateway import BlitzGateway

from benchmarks.figure import Figure
from benchmarks.login import log_in
from sandbox.site import Site

ROUNDS = 7


def measure(site: Site) -> list[Figure]:
    web, bare = [], []
    for _ in range(ROUNDS):
        began = time.monotonic()
        login_to_tree(site)
        web.append(time.monotonic() - began)
        began = time.monotonic()
        with BlitzGateway("alice", site.password("alice"), host=site.omero_tcp, secure=False) as gateway:
            gateway.connect()
            list(gateway.getObjects("Project"))
            list(gateway.getObjects("Dataset"))
        bare.append(time.monotonic() - began)
    ratio = statistics.median(web) / statistics.median(bare)
    return [
        Figure("OMERO.web, login until the tree's data are there, median", 1000 * statistics.median(web), "ms",
               f"{ratio:.1f} x a BlitzGateway login that lists projects and datasets"),
        Figure("BlitzGateway login, projects, datasets, median", 1000 * statistics.median(bare), "ms"),
    ]  # fmt: skip


def login_to_tree(site: Site) -> None:
    """Raises RuntimeError when OMERO.web shows its login page instead of the tree."""
    with closing(log_in(site, "alice")) as browser:
        containers = browser.get("/webclient/api/containers/", params={"id": "-1", "page": "0"})
        containers.raise_for_status()
        containers.json()
