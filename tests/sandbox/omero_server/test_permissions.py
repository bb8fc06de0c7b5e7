"""What bob sees of alice's objects and may do with them, in a group of every kind.

The expectations are OMERO's published permissions table.
"""

from __future__ import annotations

from collections.abc import Callable

import omero
import omero.model
import pytest
from omero.gateway import BlitzGateway, DatasetWrapper
from omero.rtypes import rstring

from tests.sandbox.omero_server.conftest import Login


def create_dataset(gateway: BlitzGateway, name: str) -> int:
    dataset = DatasetWrapper(gateway, omero.model.DatasetI())
    dataset.setName(name)
    dataset.save()
    return int(dataset.getId())


def annotate(gateway: BlitzGateway, dataset_id: int) -> None:
    link = omero.model.DatasetAnnotationLinkI()
    link.setParent(omero.model.DatasetI(dataset_id, False))
    comment = omero.model.CommentAnnotationI()
    comment.setTextValue(rstring("seen"))
    link.setChild(comment)
    gateway.getUpdateService().saveObject(link)


def rename(gateway: BlitzGateway, dataset_id: int) -> None:
    dataset = gateway.getQueryService().get("Dataset", dataset_id)
    dataset.name = rstring("renamed")
    gateway.getUpdateService().saveObject(dataset)


def put_into_project(gateway: BlitzGateway, dataset_id: int) -> None:
    project = omero.model.ProjectI()
    project.name = rstring("bob's")
    link = omero.model.ProjectDatasetLinkI()
    link.setParent(project)
    link.setChild(omero.model.DatasetI(dataset_id, False))
    gateway.getUpdateService().saveObject(link)


def delete(gateway: BlitzGateway, dataset_id: int) -> None:
    gateway.deleteObjects("Dataset", [dataset_id], wait=True)


Action = Callable[[BlitzGateway, int], None]
ACTIONS: dict[str, Action] = {"annotate": annotate, "rename": rename, "link": put_into_project, "delete": delete}
ALLOWED = {
    "private": set(), "read-only": set(), "read-annotate": {"annotate"},
    "read-write": {"annotate", "rename", "link", "delete"},
}  # fmt: skip


@pytest.mark.parametrize("group", list(ALLOWED))
def test_members_see_each_others_objects_unless_the_group_is_private(group: str, login: Login) -> None:
    dataset_id = create_dataset(login("alice", group), "alice's")
    seen = login("bob", group).getObject("Dataset", dataset_id)
    assert (seen is not None) == (group != "private")
    assert login("carol", group).getObject("Dataset", dataset_id) is not None, "the group's owner sees all"


@pytest.mark.parametrize("action", list(ACTIONS))
@pytest.mark.parametrize("group", list(ALLOWED))
def test_members_may_change_others_objects_as_the_group_allows(group: str, action: str, login: Login) -> None:
    dataset_id = create_dataset(login("alice", group), "alice's")
    bob = login("bob", group)
    if action in ALLOWED[group]:
        ACTIONS[action](bob, dataset_id)
    else:
        with pytest.raises((omero.SecurityViolation, omero.CmdError)):
            ACTIONS[action](bob, dataset_id)
        assert login("alice", group).getObject("Dataset", dataset_id).getName() == "alice's"


@pytest.mark.parametrize("group", list(ALLOWED))
def test_clients_are_told_what_they_may_do(group: str, login: Login) -> None:
    dataset_id = create_dataset(login("alice", group), "alice's")
    seen = login("bob", group).getObject("Dataset", dataset_id)
    if seen is None:
        assert group == "private"
        return
    told = {
        "annotate": seen.canAnnotate(),
        "rename": seen.canEdit(),
        "link": seen.canLink(),
        "delete": seen.canDelete(),
    }
    assert {action for action, allowed in told.items() if allowed} == ALLOWED[group]


def test_a_group_is_closed_to_others(login: Login) -> None:
    dataset_id = create_dataset(login("alice", "read-write"), "alice's")
    dave = login("dave")
    assert dave.getObject("Dataset", dataset_id) is None
    dave.SERVICE_OPTS.setOmeroGroup(-1)
    assert dave.getObject("Dataset", dataset_id) is None
    groups = {group.getName(): group.getId() for group in login("alice").getGroupsMemberOf()}
    dave.SERVICE_OPTS.setOmeroGroup(groups["read-write"])
    with pytest.raises(omero.SecurityViolation):
        dave.getQueryService().findAll("Dataset", None, dave.SERVICE_OPTS)


def test_objects_of_other_groups_are_out_of_sight_until_all_groups_are_asked_for(login: Login) -> None:
    dataset_id = create_dataset(login("alice", "private"), "alice's")
    alice = login("alice", "read-only")
    assert alice.getObject("Dataset", dataset_id) is None
    alice.SERVICE_OPTS.setOmeroGroup(-1)
    assert alice.getObject("Dataset", dataset_id) is not None


def test_groups_are_not_mixed(login: Login) -> None:
    dataset_id = create_dataset(login("alice", "private"), "alice's")
    alice = login("alice", "read-only")
    with pytest.raises(omero.SecurityViolation, match="MIXED GROUP"):
        put_into_project(alice, dataset_id)
    assert not list(alice.getObjects("Project", attributes={"name": "bob's"}))


def test_an_administrator_sees_and_changes_everything(login: Login) -> None:
    dataset_id = create_dataset(login("alice", "private"), "alice's")
    admin = login("importer")
    admin.SERVICE_OPTS.setOmeroGroup(-1)
    assert admin.getObject("Dataset", dataset_id) is not None
    admin.deleteObjects("Dataset", [dataset_id], wait=True)
    assert admin.getObject("Dataset", dataset_id) is None


def test_only_administrators_make_accounts(login: Login) -> None:
    group = omero.model.ExperimenterGroupI()
    group.name = rstring("bob's own")
    with pytest.raises(omero.SecurityViolation):
        login("bob").getAdminService().createGroup(group)
    assert login("importer").getAdminService().createGroup(group) > 0


def test_a_group_owner_changes_the_members(login: Login) -> None:
    carol, admin = login("carol", "read-only"), login("importer")
    group = admin.getAdminService().lookupGroup("read-only")
    dave = admin.getAdminService().lookupExperimenter("dave")
    carol.getAdminService().addGroups(dave, [group])
    assert "read-only" in [g.getName() for g in login("dave").getGroupsMemberOf()]
    carol.getAdminService().removeGroups(dave, [group])
    with pytest.raises(omero.SecurityViolation):
        login("bob").getAdminService().addGroups(dave, [group])
