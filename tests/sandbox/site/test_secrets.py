"""A new secret gets from its file into Prefect's block, when it is right; and the sudo account needs Sudo alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

import omero
import omero.clients
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rstring
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.omero_server import OmeroServer
from blocks.slurm_cluster import SlurmCluster
from contracts.failures import FailureCategory, FailureError
from sandbox.site import Site
from sandbox.site.home import write_private
from sandbox.site.service import PROJECT
from tasks.site_examination import examine
from tests.chaos.site_blocks import NAME

FIRST, SECOND = "the-first-password", "the-second-password"


@pytest.fixture
def account(site: Site) -> Iterator[str]:
    """A restricted administrator who may act for users and nothing else; the site's block is put back afterwards."""
    name = f"sudo-{uuid.uuid4().hex[:8]}"
    root = BlitzGateway("root", site.password("root"), host=site.omero_tcp)
    with temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}):
        before = OmeroServer.load(NAME)
        try:
            assert root.connect()
            admin = root.c.sf.getAdminService()
            user = omero.model.ExperimenterI()
            user.omeName, user.firstName, user.lastName = rstring(name), rstring("Sudo"), rstring("Alone")
            sudo = omero.model.AdminPrivilegeI()
            sudo.value = rstring("Sudo")
            admin.createRestrictedSystemUser(user, [sudo])
            admin.changeUserPassword(name, rstring(FIRST))
            yield name
        finally:
            before.save(NAME, overwrite=True)
            root.close()


def test_a_new_password_is_tried_and_taken(site: Site, account: str, tmp_path: Path) -> None:
    password = tmp_path / "password"
    settings = site_with(site, tmp_path, account, password)
    write_private(password, FIRST + "\n")
    before = OmeroServer.load(NAME)
    before.model_copy(update={"sudo_user": account}).save(NAME, overwrite=True)
    what = f"password of omero-server/{NAME}"

    assert f"{what} is another than Prefect's" in secrets(site, "list", settings)
    assert f"{what} was tried, and is in Prefect now" in secrets(site, "apply", settings)
    assert OmeroServer.load(NAME).password.get_secret_value() == FIRST
    assert f"{what} is in Prefect" in secrets(site, "list", settings)
    found = {finding.subject: finding for finding in asyncio.run(examine())}
    assert (found["OMERO"].failure, found["OMERO"].warning) == (None, "")

    write_private(password, SECOND + "\n")
    said = secrets(site, "apply", settings, status=1)
    assert FIRST not in said and SECOND not in said
    assert OmeroServer.load(NAME).password.get_secret_value() == FIRST, "OMERO does not take the second one yet"

    change_password(site, account, SECOND)
    assert "is in Prefect now" in secrets(site, "apply", settings)
    assert OmeroServer.load(NAME).password.get_secret_value() == SECOND


def test_a_new_ssh_key_is_tried_and_taken(site: Site, tmp_path: Path) -> None:
    """As docs/admin.md says: the cluster knows both keys for a while, and then the new one alone."""
    known = site.home.cluster / "etc" / "ssh" / "authorized_keys"
    key = tmp_path / "cluster-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    old, new = known.read_text(), key.with_suffix(".pub").read_text()
    text = site.home.settings_file.read_text("utf-8")
    settings = tmp_path / "site.toml"
    settings.write_text(text.replace(f'"{tomllib.loads(text)["cluster"]["private_key_file"]}"', f'"{key}"'))
    what = f"private_key of slurm-cluster/{NAME}"
    with temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}):
        before = SlurmCluster.load(NAME)
        try:
            assert "PRIVATE KEY" not in secrets(site, "apply", settings, status=1)
            assert SlurmCluster.load(NAME).private_key == before.private_key, (
                "the cluster does not take the new one yet"
            )

            known.write_text(old + new)
            assert f"{what} was tried, and is in Prefect now" in secrets(site, "apply", settings)
            known.write_text(new)
            with SlurmCluster.load(NAME).connect():
                pass
            with pytest.raises(FailureError) as caught, before.connect():
                pass
            assert caught.value.failure.category is FailureCategory.CLUSTER_REFUSED_LOGIN
        finally:
            known.write_text(old)
            before.save(NAME, overwrite=True)


def site_with(site: Site, folder: Path, account: str, password: Path) -> Path:
    """The site's settings with another sudo account."""
    text = site.home.settings_file.read_text("utf-8")
    omero = tomllib.loads(text)["omero"]
    for old, new in ((omero["sudo_user"], account), (omero["password_file"], str(password))):
        text = text.replace(f'"{old}"', f'"{new}"')
    file = folder / "site.toml"
    file.write_text(text)
    return file


def change_password(site: Site, account: str, password: str) -> None:
    root = BlitzGateway("root", site.password("root"), host=site.omero_tcp)
    try:
        assert root.connect()
        root.c.sf.getAdminService().changeUserPassword(account, rstring(password))
    finally:
        root.close()


def secrets(site: Site, command: str, settings: Path, *, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "secrets", command, "--settings", str(settings)],
        cwd=PROJECT,
        env=site.environment() | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr
