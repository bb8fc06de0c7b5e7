"""Who asks: what OMERO says about the session of a request. Nothing a browser sends is believed."""

from __future__ import annotations

from typing import Any

from contracts.base import Contract, ObjectId


class VisitorGroup(Contract):
    """A group the visitor belongs to.

    `members_readable`: the visitor may see what other members have, by the group's permissions or as its owner.
    """

    id: ObjectId
    name: str
    permissions: str
    owned: bool
    members_readable: bool


class Visitor(Contract):
    """An OMERO user, for the length of one request."""

    id: ObjectId
    name: str
    full_name: str
    is_admin: bool
    groups: tuple[VisitorGroup, ...]

    def group(self, name: str) -> VisitorGroup | None:
        """The group of that name, where the visitor belongs to it."""
        return next((group for group in self.groups if group.name == name), None)


#: Every account is in this group; nothing lies in it.
_ALL_USERS = "user"


def read_visitor(conn: Any) -> Visitor:
    """Ask OMERO about the account of a connection (BlitzGateway) that OMERO.web has admitted."""
    context = conn.getEventContext()
    owned = set(context.leaderOfGroups)
    groups = []
    for group in conn.getObjects("ExperimenterGroup", list(context.memberOfGroups)):
        if group.getName() == _ALL_USERS:
            continue
        permissions = group.getDetails().getPermissions()
        is_owner = group.getId() in owned
        groups.append(
            VisitorGroup(
                id=group.getId(),
                name=group.getName(),
                permissions=str(permissions),
                owned=is_owner,
                members_readable=is_owner or bool(permissions.isGroupRead()),
            )
        )
    user = conn.getUser()
    return Visitor(
        id=context.userId,
        name=context.userName,
        full_name=user.getFullName() or context.userName,
        is_admin=bool(context.isAdmin),
        groups=tuple(sorted(groups, key=lambda group: group.name.lower())),
    )
