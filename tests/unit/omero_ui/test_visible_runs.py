"""Who sees which runs, and who may change them: by OMERO's groups alone."""

from __future__ import annotations

import uuid

import pytest

from contracts.destination import Destination, DestinationType
from contracts.import_order import ImportOrder
from contracts.run_tags import order_tags
from contracts.source_file import SourceFile
from omero_ui.runs.visible import may_change, may_see, visible_tags
from omero_ui.visitor import Visitor, VisitorGroup

READABLE = VisitorGroup(id=3, name="lab-a", permissions="rwr---", owned=False, members_readable=True)
PRIVATE = VisitorGroup(id=4, name="lab-b", permissions="rw----", owned=False, members_readable=False)
OWNED = PRIVATE.model_copy(update={"owned": True, "members_readable": True})


def visitor(name: str, *groups: VisitorGroup, is_admin: bool = False) -> Visitor:
    return Visitor(id=7, name=name, full_name=name, is_admin=is_admin, groups=groups)


def tags(user: str, group: str) -> list[str]:
    order = ImportOrder(
        uuid=uuid.uuid4(),
        user=user,
        group=group,
        destination=Destination(type=DestinationType.DATASET, name="siRNA"),
        files=(SourceFile(path="a.tif"),),
    )
    return order_tags(order)


@pytest.mark.parametrize(
    ("who", "user", "group", "sees", "changes"),
    [
        (visitor("alice", READABLE), "alice", "lab-a", True, True),
        (visitor("bob", READABLE), "alice", "lab-a", True, False),
        (visitor("bob", PRIVATE), "alice", "lab-b", False, False),
        (visitor("bob", OWNED), "alice", "lab-b", True, True),
        (visitor("bob", READABLE), "alice", "lab-b", False, False),
        (visitor("bob"), "alice", "lab-a", False, False),
        (visitor("root", is_admin=True), "alice", "lab-b", True, True),
        # A user and a group of one name are not taken for each other.
        (visitor("lab-b", READABLE), "alice", "lab-b", False, False),
        (visitor("bob", READABLE), "lab-a", "lab-b", False, False),
    ],
)
def test_runs_are_seen_and_changed_by_those_who_may(
    who: Visitor, user: str, group: str, sees: bool, changes: bool
) -> None:
    assert may_see(who, tags(user, group)) is sees
    assert may_change(who, tags(user, group)) is changes


def test_a_list_asks_for_the_same_runs_that_a_page_shows() -> None:
    who = visitor("alice", READABLE, PRIVATE)
    wanted = visible_tags(who)
    assert wanted == ["user:alice", "group:lab-a"]
    for other in (tags("alice", "lab-b"), tags("bob", "lab-a"), tags("bob", "lab-b")):
        assert may_see(who, other) is bool(set(wanted) & set(other))


def test_housekeeping_is_nobodys_run() -> None:
    assert not may_see(visitor("root", is_admin=True), ["omero-flows-housekeeping"])


def test_batches_are_for_admins_alone() -> None:
    batch = ["omero-flows-housekeeping", "kind:batch"]
    assert may_see(visitor("root", is_admin=True), batch) and may_change(visitor("root", is_admin=True), batch)
    assert not may_see(visitor("alice", OWNED), batch) and not may_change(visitor("alice", OWNED), batch)
    # What somebody orders is seen by its user and group, whatever else it is tagged as.
    assert not may_see(visitor("bob"), [*tags("alice", "lab-a"), "kind:batch"])
