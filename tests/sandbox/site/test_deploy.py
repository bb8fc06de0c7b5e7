"""`omero-flows deploy` on a site in use: it leaves what was changed there, and comes again when flows change."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.image_storage import ImageStorage
from flows import read_catalogue
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.chaos.site_blocks import NAME

TIDY = "tidy-cluster/tidy-cluster"


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


def test_what_was_changed_in_the_panel_and_in_prefect_outlives_a_deploy(site: Site) -> None:
    nightly = CronSchedule(cron="30 4 * * 1-5", timezone="Europe/Amsterdam")
    with (
        temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}),
        SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client,
    ):
        before = ImageStorage.load(NAME)
        tidy = client.read_deployment_by_name(TIDY)
        try:
            before.model_copy(update={"groups": {**before.groups, "core": "core"}}).save(NAME, overwrite=True)
            client.update_deployment_schedule(tidy.id, tidy.schedules[0].id, schedule=nightly, active=False)
            said = deploy(site, "--dry-run")
            assert "kept groups.core as it was changed in Prefect" in said, said
            assert "kept schedules as it was changed in Prefect" in said, said
            assert said.count("kept ") == 2, said
            assert deploy(site) == said.replace("as it is:", "as it was:")
            assert ImageStorage.load(NAME).groups == {**before.groups, "core": "core"}
            (kept,) = client.read_deployment_by_name(TIDY).schedules
            assert (kept.schedule, kept.active) == (nightly, False)
        finally:
            said = deploy(site, "--overwrite")
        assert 'groups.core: no more, was "core"' in said, said
        assert "changed deployment tidy-cluster" in said, said
        assert said.count("changed ") == 2, said
        assert ImageStorage.load(NAME).groups == before.groups
        (again,) = client.read_deployment_by_name(TIDY).schedules
        assert (again.schedule, again.active) == (tidy.schedules[0].schedule, True)


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
