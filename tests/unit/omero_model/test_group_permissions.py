"""OMERO's permissions tables, cell by cell."""

from __future__ import annotations

import pytest

from sandbox.omero.permissions import (
    PRIVATE,
    READ_ANNOTATE,
    READ_ONLY,
    READ_WRITE,
    format_permissions,
    parse_permissions,
)
from sandbox.omero.records import Record
from tests.unit.omero_model.small_database import Database

NAMES = ("link", "edit", "delete", "annotate", "chgrp", "chown")


def allowed(database: Database, user: str, group: str, record: Record, **options: object) -> set[str]:
    restrictions = database.caller(user, group, **options).restrictions(record)
    return {name for name, forbidden in zip(NAMES, restrictions, strict=True) if not forbidden}


@pytest.mark.parametrize(
    ("text", "perm1"), [("rw----", PRIVATE), ("rwr---", READ_ONLY), ("rwra--", READ_ANNOTATE), ("rwrw--", READ_WRITE)]
)
def test_permissions_as_text(text: str, perm1: int) -> None:
    assert parse_permissions(text) & 0xFFF == perm1 & 0xFFF
    assert format_permissions(perm1) == text


@pytest.mark.parametrize("text", ["", "rwxrwx", "rw---", "rw-----"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid permission string"):
        parse_permissions(text)


ALL_BUT_CHOWN = {"link", "edit", "delete", "annotate", "chgrp"}


@pytest.mark.parametrize(
    ("group", "user", "expected"),
    [
        ("private", "alice", ALL_BUT_CHOWN),
        ("private", "bob", set()),
        ("private", "leader", {"edit", "delete", "chown"}),
        ("private", "root", {"edit", "delete", "chgrp", "chown"}),
        ("readonly", "alice", ALL_BUT_CHOWN),
        ("readonly", "bob", set()),
        ("readonly", "leader", {"link", "edit", "delete", "annotate", "chown"}),
        ("readonly", "root", ALL_BUT_CHOWN | {"chown"}),
        ("lab", "alice", ALL_BUT_CHOWN),
        ("lab", "bob", {"annotate"}),
        ("lab", "leader", {"link", "edit", "delete", "annotate", "chown"}),
        ("shared", "alice", ALL_BUT_CHOWN),
        ("shared", "bob", {"link", "edit", "delete", "annotate"}),
        ("shared", "stranger", set()),
    ],
)
def test_what_each_may_do_with_alices_image(database: Database, group: str, user: str, expected: set[str]) -> None:
    image = database.add_image("alices.tif", user="alice", group=group)
    assert allowed(database, user, group, image) == expected


@pytest.mark.parametrize(
    ("group", "user", "sees"),
    [
        ("private", "alice", True),
        ("private", "bob", False),
        ("private", "leader", True),
        ("private", "root", True),
        ("readonly", "bob", True),
        ("lab", "bob", True),
        ("shared", "bob", True),
        ("lab", "stranger", False),
        ("lab", "root", True),
    ],
)
def test_who_sees_alices_image(database: Database, group: str, user: str, sees: bool) -> None:
    image = database.add_image("alices.tif", user="alice", group=group)
    assert database.caller(user, group).visible(image) is sees
    assert database.caller(user, "user", all_groups=True).visible(image) is sees


def test_a_group_context_shows_that_group_and_the_user_group_alone(database: Database) -> None:
    image = database.objects["one"]
    everyone = database.add("OriginalFile", user="root", group="user", name="script.py")
    for caller in (database.caller(group="shared"), database.caller("root", "shared")):
        assert not caller.visible(image)
        assert caller.visible(everyone)
        assert caller.visible(database.users["bob"])
        assert caller.visible(database.store.enumeration("PixelsType", "uint8"))


def test_a_world_readable_group_is_read_by_strangers(database: Database) -> None:
    database.add_group("open", parse_permissions("rwr-r-"))
    image = database.add_image("open.tif", group="open")
    caller = database.caller("stranger", "user", all_groups=True)
    assert caller.visible(image)
    assert allowed(database, "stranger", "open", image) == set()


def test_an_administrator_with_fewer_privileges(database: Database) -> None:
    image = database.objects["one"]
    assert allowed(database, "root", "lab", image, privileges=["Chgrp"]) == {"chgrp"}
    assert allowed(database, "root", "lab", image, privileges=["DeleteOwned"]) == {"delete"}
    assert allowed(database, "root", "lab", image, privileges=["WriteOwned"]) == {"link", "edit", "annotate"}
    assert database.caller("root", "lab", privileges=[]).visible(image)


def test_privileges_count_for_administrators_alone(database: Database) -> None:
    assert allowed(database, "bob", "lab", database.objects["one"], privileges=["WriteOwned"]) == {"annotate"}


def test_system_objects(database: Database) -> None:
    alice, lab = database.users["alice"], database.groups["lab"]
    assert allowed(database, "bob", "lab", alice) == set()
    assert allowed(database, "alice", "lab", alice) == {"annotate"}
    assert allowed(database, "root", "lab", alice) == {"link", "edit", "delete", "annotate"}
    assert allowed(database, "root", "lab", alice, privileges=["ModifyGroup"]) == set()
    assert allowed(database, "leader", "lab", lab) == {"link", "edit", "delete", "annotate"}
    assert allowed(database, "alice", "lab", lab) == set()


def test_permissions_on_the_wire(database: Database) -> None:
    caller = database.caller("bob")
    permissions = caller.permissions(database.objects["one"])
    assert str(permissions) == "rwra--"
    assert permissions.canAnnotate()
    assert not permissions.canEdit()
    assert not permissions.canLink()
    assert not permissions.canDelete()
    assert caller.permission_map(database.objects["one"]) == {
        "perm": "rwra--",
        "canLink": False,
        "canEdit": False,
        "canDelete": False,
        "canAnnotate": True,
        "canChgrp": False,
        "canChown": False,
    }
    assert str(caller.permissions(database.groups["private"])) == "rw----"
    assert str(caller.permissions(database.users["bob"])) == "rwr-r-"
