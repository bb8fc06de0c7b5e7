"""Login to tree: the requests a browser makes in OMERO.web until the tree shows projects and datasets."""

from __future__ import annotations

import re
import statistics
import time

import httpx
from omero.gateway import BlitzGateway

from benchmarks.figure import Figure
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
    with httpx.Client(base_url=site.web_url, follow_redirects=True, timeout=60) as browser:
        page = browser.get("/webclient/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        if token is None:
            raise RuntimeError("OMERO.web's login page has no form")
        form = {"username": "alice", "password": site.password("alice"), "server": "1", "csrfmiddlewaretoken": token[1]}
        page = browser.post("/webclient/login/", data=form, headers={"Referer": f"{site.web_url}/webclient/login/"})
        if "id_password" in page.text:
            raise RuntimeError("OMERO.web did not let alice in")
        containers = browser.get("/webclient/api/containers/", params={"id": "-1", "page": "0"})
        containers.raise_for_status()
        containers.json()
