"""Files that a parameter may be given: those of the run's group that the visitor sees, and no other."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from omero.gateway import BlitzGateway
from omero.model import FileAnnotationI, OriginalFileI
from omero.rtypes import rstring

from omero_ui.analyses.attachments import list_attachments
from sandbox.site import Site


def open_gateway(site: Site, user: str, group: str) -> BlitzGateway:
    gateway = BlitzGateway(user, site.password(user), host=site.omero_tcp, group=group)
    assert gateway.connect()
    gateway.SERVICE_OPTS.setOmeroGroup("-1")  # as OMERO.web's connection stands
    return gateway


@pytest.fixture
def bob(site: Site) -> Iterator[BlitzGateway]:
    gateway = open_gateway(site, "bob", "lab-a")
    yield gateway
    gateway.close()


def attach(gateway: BlitzGateway, name: str) -> int:
    """A file annotation, in the session's group."""
    file = OriginalFileI()
    for set_field in (file.setName, file.setPath):
        set_field(rstring(name))
    annotation = FileAnnotationI()
    annotation.setFile(file)
    return int(gateway.c.sf.getUpdateService().saveAndReturnObject(annotation).id.val)


def test_only_files_of_the_group_that_the_visitor_sees_are_offered(site: Site, bob: BlitzGateway) -> None:
    name = f"model <b> {uuid.uuid4().hex[:8]}"
    made = {}
    groups = {}
    for group in ("lab-a", "lab-b"):
        alice = open_gateway(site, "alice", group)
        try:
            made[group] = attach(alice, name)
            groups[group] = alice.c.sf.getAdminService().getEventContext().groupId
            mine = [one for one in list_attachments(alice, groups[group]) if one["name"] == name]
            assert mine == [{"id": made[group], "name": name}]
        finally:
            alice.close()
    seen = [one["id"] for one in list_attachments(bob, groups["lab-a"]) if one["name"] == name]
    assert seen == [made["lab-a"]]
