"""Who may see and change what: OMERO's group permissions, for one caller.

Source: OMERO's published permissions tables (private, read-only, read-annotate, read-write groups;
group owners; administrators with restricted privileges) and the constants of omero-py. Not compared
with a running OMERO.server; world-readable groups are the least tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import omero.model

from sandbox.omero.records import Record

if TYPE_CHECKING:
    from sandbox.omero.store import Store

#: The `perm1` numbers of the group kinds that OMERO offers.
PRIVATE = -120  # rw----
READ_ONLY = -56  # rwr---
READ_ANNOTATE = -40  # rwra--
READ_WRITE = -8  # rwrw--

#: What objects without a group (enumerations, experimenters) show: readable by everyone.
_SYSTEM = -52

#: The places of the restrictions on the wire (omero.constants.permissions and the two that followed it).
LINK, EDIT, DELETE, ANNOTATE, CHGRP, CHOWN = range(6)

#: Groups with a fixed meaning.
SYSTEM_GROUP, USER_GROUP = 0, 1

_READ, _WRITE, _ANNOTATE = 4, 2, 1
_USER_SHIFT, _GROUP_SHIFT, _WORLD_SHIFT = 8, 4, 0

#: Every privilege an administrator can have (the AdminPrivilege enumeration).
ALL_PRIVILEGES = frozenset(
    {
        "Chgrp",
        "Chown",
        "DeleteFile",
        "DeleteManagedRepo",
        "DeleteOwned",
        "DeleteScriptRepo",
        "ModifyGroup",
        "ModifyGroupMembership",
        "ModifyUser",
        "ReadSession",
        "Sudo",
        "WriteFile",
        "WriteManagedRepo",
        "WriteOwned",
        "WriteScriptRepo",
    }
)


def parse_permissions(text: str) -> int:
    """'rwra--' -> -40. Raises ValueError for anything else than six permission letters."""
    permissions = omero.model.PermissionsI(text)
    return int(permissions.getPerm1())


def format_permissions(perm1: int) -> str:
    """-40 -> 'rwra--'."""
    return str(omero.model.PermissionsI(perm1))


@dataclass(slots=True, eq=False)
class Caller:
    """Who calls, and in which group; one per call, because memberships and groups change between calls.

    With `all_groups` (the context -1) every readable group is seen, otherwise only `group` and what
    belongs to the user group, which everyone reads. `event_context` makes the EventContext that objects
    carry in their details; the server sets it.
    """

    user: Record
    group: Record
    all_groups: bool = False
    is_admin: bool = False
    member_of: frozenset[int] = frozenset()
    leader_of: frozenset[int] = frozenset()
    privileges: frozenset[str] = frozenset()
    event_context: Callable[[], Any] | None = None
    call_context: Mapping[str, str] = field(default_factory=dict)
    _reading: dict[int, str] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        store: Store,
        user: Record,
        group: Record,
        *,
        all_groups: bool = False,
        privileges: Iterable[str] | None = None,
        event_context: Callable[[], Any] | None = None,
        call_context: Mapping[str, str] | None = None,
    ) -> Caller:
        """The caller with the memberships that the store knows now.

        `privileges` None means all of them for a member of the system group; they count for nobody else.
        """
        memberships = store.referrers("GroupExperimenterMap", "child", user)
        member_of = frozenset(m.values["parent"].id for m in memberships)
        leader_of = frozenset(m.values["parent"].id for m in memberships if m.values.get("owner"))
        is_admin = SYSTEM_GROUP in member_of
        granted = frozenset() if not is_admin else ALL_PRIVILEGES if privileges is None else frozenset(privileges)
        return cls(
            user,
            group,
            all_groups=all_groups,
            is_admin=is_admin,
            member_of=member_of,
            leader_of=leader_of,
            privileges=granted,
            event_context=event_context,
            call_context=dict(call_context or {}),
        )

    # -- reading

    def visible(self, record: Record) -> bool:
        """Whether the caller may read the record in the current group context."""
        if record.model.is_global:
            return True
        group = record.group
        if group is None:
            return True
        reading = self._reading.get(group.id)
        if reading is None:
            reading = self._reading[group.id] = self._decide_reading(group)
        return reading == "all" or (reading == "own" and record.owner is self.user)

    def _decide_reading(self, group: Record) -> str:
        """'all', 'own' or 'nothing' of the group's objects."""
        if group.id == USER_GROUP:
            return "all"
        if not self.all_groups and group is not self.group:
            return "nothing"
        return self.decide_membership_reading(group)

    def decide_membership_reading(self, group: Record) -> str:
        """The same without regard to the current group context."""
        if self.is_admin or group.id in self.leader_of:
            return "all"
        perm1 = _permissions_of(group)
        if group.id not in self.member_of:
            return "all" if perm1 & (_READ << _WORLD_SHIFT) else "nothing"
        if perm1 & (_READ << _GROUP_SHIFT):
            return "all"
        return "own" if perm1 & (_READ << _USER_SHIFT) else "nothing"

    # -- changing

    def restrictions(self, record: Record) -> list[bool]:
        """What the caller may not do: [LINK, EDIT, DELETE, ANNOTATE, CHGRP, CHOWN], True means forbidden."""
        if record.model.is_global or record.group is None:
            return self._system_restrictions(record)
        group, perm1 = record.group, _permissions_of(record.group)
        owns = record.owner is self.user
        leads = group.id in self.leader_of
        private = not perm1 & (_READ << _GROUP_SHIFT)
        member = group.id in self.member_of
        may_write_owned = "WriteOwned" in self.privileges
        # In a private group nobody mixes their objects with another's, because the owner could not read them.
        powerful_mixing = (may_write_owned or leads) and not private
        writes = member and bool(perm1 & (_WRITE << _GROUP_SHIFT))
        annotates = writes or (member and bool(perm1 & (_ANNOTATE << _GROUP_SHIFT)))
        may = [
            owns or writes or powerful_mixing,  # LINK
            owns or writes or may_write_owned or leads,  # EDIT
            owns or writes or "DeleteOwned" in self.privileges or leads,  # DELETE
            owns or annotates or powerful_mixing,  # ANNOTATE
            owns or "Chgrp" in self.privileges,  # CHGRP
            leads or "Chown" in self.privileges,  # CHOWN
        ]
        return [not allowed for allowed in may]

    def _system_restrictions(self, record: Record) -> list[bool]:
        """Experimenters, groups, enumerations, sessions, events and other objects of the system."""
        name = record.model.name
        needed = {
            "Experimenter": "ModifyUser",
            "ExperimenterGroup": "ModifyGroup",
            "GroupExperimenterMap": "ModifyGroupMembership",
        }.get(name)
        edits = self.is_admin and (needed is None or needed in self.privileges)
        annotates = edits or record is self.user
        if name == "ExperimenterGroup" and record.id in self.leader_of:
            edits = annotates = True
        return [not edits, not edits, not edits, not annotates, True, True]

    # -- for the wire

    def permissions(self, record: Record) -> Any:
        """The PermissionsI for the record's details, with this caller's restrictions."""
        group = record if record.model.name == "ExperimenterGroup" else record.group
        permissions = omero.model.PermissionsI(_SYSTEM if group is None else _permissions_of(group))
        permissions._restrictions = self.restrictions(record)
        permissions._extendedRestrictions = []
        return permissions

    def permission_map(self, record: Record) -> dict[str, str | bool]:
        """The record's permissions as projections give them: {'perm': 'rwra--', 'canLink': True, ...}."""
        group = record if record.model.name == "ExperimenterGroup" else record.group
        forbidden = self.restrictions(record)
        return {
            "perm": format_permissions(_SYSTEM if group is None else _permissions_of(group)),
            "canLink": not forbidden[LINK],
            "canEdit": not forbidden[EDIT],
            "canDelete": not forbidden[DELETE],
            "canAnnotate": not forbidden[ANNOTATE],
            "canChgrp": not forbidden[CHGRP],
            "canChown": not forbidden[CHOWN],
        }


def _permissions_of(group: Record) -> int:
    if group.permissions is None:
        raise ValueError(f"{group} has no permissions; every ExperimenterGroup needs them")
    return group.permissions
