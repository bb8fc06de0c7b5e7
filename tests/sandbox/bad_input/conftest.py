"""The ground of the bad orders, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from omero.gateway import BlitzGateway
from omero.model import DatasetI, ScreenI
from prefect.client.orchestration import SyncPrefectClient

from sandbox.site import Site
from tests.sandbox.bad_input.bad_ground import READERS, Ground


def log_in(site: Site, user: str) -> BlitzGateway:
    gateway = BlitzGateway(user, site.password(user), host=site.omero_host, port=site.omero_port, secure=True)
    assert gateway.connect()
    gateway.c.enableKeepAlive(30)
    return gateway


@pytest.fixture(scope="package")
def ground(site: Site) -> Iterator[Ground]:
    root = log_in(site, "root")
    members = [root.getObject("Experimenter", attributes={"omeName": user})._obj for user in ("alice", "bob")]
    readers = root.getObject("ExperimenterGroup", attributes={"name": READERS})
    if readers is None:
        readers = root.getObject("ExperimenterGroup", root.createGroup(READERS, perms="rwr---"))
    for member in members:
        root.getAdminService().addGroups(member, [readers._obj])
    for group in ("lab-a", "lab-b", READERS):
        (site.storage / group).mkdir(exist_ok=True)
    alice = log_in(site, "alice")
    folder = site.storage / "lab-a" / "bad input"
    folder.mkdir(exist_ok=True)
    made = Ground(site, folder, root, alice, SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth))
    made.ids = {
        "of lab-b": made.make_container(DatasetI, "lab-b"),
        "of readers": made.make_container(DatasetI, READERS),
        "deleted": made.make_container(DatasetI, "lab-a"),
        "dataset": made.make_container(DatasetI, "lab-a"),
        "screen": made.make_container(ScreenI, "lab-a"),
    }
    alice.deleteObjects("Dataset", [made.ids["deleted"]], wait=True)
    made.write_tiff("whole.tif")
    made.write_tiff("whole.tif", site.storage / "lab-b")
    made.write_tiff("whole.tif", site.storage / READERS)
    try:
        yield made
    finally:
        alice.close()
        # The accounts are shared with every other test, and some look at the groups a person is in.
        for member in members:
            root.getAdminService().removeGroups(member, [readers._obj])
        root.close()
