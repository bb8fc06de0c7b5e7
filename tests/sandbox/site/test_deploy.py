"""`omero-flows deploy` on a site in use: it leaves what was changed there, and comes again when flows change."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.image_storage import ImageStorage
from flows import read_catalogue
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.chaos.site_blocks import NAME


def deploy(site: Site, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "deploy", *words],
        cwd=PROJECT,
        env=site.environment() | {"COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_folder_that_was_added_in_the_panel_outlives_a_deploy(site: Site) -> None:
    with temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}):
        before = ImageStorage.load(NAME)
        try:
            before.model_copy(update={"groups": {**before.groups, "core": "core"}}).save(NAME, overwrite=True)
            said = deploy(site)
            assert "kept groups.core as it was changed in Prefect" in said, said
            assert said.count("kept ") == 1, said
            assert ImageStorage.load(NAME).groups == {**before.groups, "core": "core"}
        finally:
            said = deploy(site, "--overwrite")
        assert "kept " not in said
        assert ImageStorage.load(NAME).groups == before.groups


def test_a_site_that_is_up_learns_of_flows_that_were_changed(site: Site) -> None:
    """Without it Prefect refuses runs whose parameters are new (409) until somebody thinks of deploying."""

    def deployed() -> float:
        status = site.status()
        assert status is not None
        return status.services["deploy"].since

    again = Site(site.home.root)
    again.start()
    earlier = deployed()
    again.start()
    assert deployed() == earlier, "nothing has changed"
    file = Path(str(read_catalogue.__file__))
    kept = file.stat()
    os.utime(file, (time.time(), time.time()))
    try:
        again.start()
    finally:
        os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert deployed() > earlier
