"""omero.api.IAdmin: users, groups, memberships, passwords; who the caller is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import omero
import omero.api

from sandbox.omero.accounts import (
    GUEST,
    GUEST_GROUP,
    ROOT,
    SYSTEM_GROUP,
    USER_GROUP,
    AccountError,
)
from sandbox.omero.calls import Call
from sandbox.omero.permissions import format_permissions
from sandbox.omero.records import Record
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.wire import find_record, load_all, load_one

_USER_PATHS = ("groupExperimenterMap.parent",)
_GROUP_PATHS = ("groupExperimenterMap.child.groupExperimenterMap.parent",)

#: What users may change about themselves and administrators about others.
_PERSONAL_FIELDS = ("firstName", "middleName", "lastName", "email", "institution")


@servant(omero.api.IAdmin)
class Admin(Service):
    """Reading is everybody's; changing asks for the administrator's privilege that OMERO.server asks for."""

    # ---- who am I

    def getEventContext(self, call: Call) -> Any:  # noqa: N802
        return self.session.event_context(call.caller)

    def getSecurityRoles(self, call: Call) -> Any:  # noqa: N802
        return omero.sys.Roles(
            rootId=ROOT,
            rootName="root",
            guestId=GUEST,
            guestName="guest",
            systemGroupId=SYSTEM_GROUP,
            systemGroupName="system",
            userGroupId=USER_GROUP,
            userGroupName="user",
            guestGroupId=GUEST_GROUP,
            guestGroupName="guest",
        )

    def canUpdate(self, target: Any, call: Call) -> bool:  # noqa: N802
        return not call.caller.restrictions(find_record(self.store, target))[1]

    # ---- reading users and groups

    def getExperimenter(self, user_id: int, call: Call) -> Any:  # noqa: N802
        return load_one(call, self._user(user_id), _USER_PATHS)

    def lookupExperimenter(self, name: str, call: Call) -> Any:  # noqa: N802
        user = self.server.accounts.user(name)
        if user is None:
            raise omero.ApiUsageException(None, None, f"No such experimenter: {name}")
        return load_one(call, user, _USER_PATHS)

    def lookupExperimenters(self, call: Call) -> list[Any]:  # noqa: N802
        return load_all(call, self.store.all("Experimenter"), _USER_PATHS)

    def getGroup(self, group_id: int, call: Call) -> Any:  # noqa: N802
        return load_one(call, self._group(group_id), _GROUP_PATHS)

    def lookupGroup(self, name: str, call: Call) -> Any:  # noqa: N802
        group = self.server.accounts.group(name)
        if group is None:
            raise omero.ApiUsageException(None, None, f"No such group: {name}")
        return load_one(call, group, _GROUP_PATHS)

    def lookupGroups(self, call: Call) -> list[Any]:  # noqa: N802
        return load_all(call, self.store.all("ExperimenterGroup"), _GROUP_PATHS)

    def containedExperimenters(self, group_id: int, call: Call) -> list[Any]:  # noqa: N802
        return load_all(call, self.server.accounts.members(self._group(group_id)), _USER_PATHS)

    def containedGroups(self, user_id: int, call: Call) -> list[Any]:  # noqa: N802
        memberships = self.server.accounts.memberships(self._user(user_id))
        return load_all(call, [membership.values["parent"] for membership in memberships], _GROUP_PATHS)

    def getDefaultGroup(self, user_id: int, call: Call) -> Any:  # noqa: N802
        return load_one(call, self.server.accounts.default_group(self._user(user_id)), _GROUP_PATHS)

    def getMemberOfGroupIds(self, user: Any, call: Call) -> list[int]:  # noqa: N802
        return self.server.accounts.group_ids(find_record(self.store, user))

    def getLeaderOfGroupIds(self, user: Any, call: Call) -> list[int]:  # noqa: N802
        return self.server.accounts.led_group_ids(find_record(self.store, user))

    def getCurrentAdminPrivileges(self, call: Call) -> list[Any]:  # noqa: N802
        return self._privileges(self.session.user, call)

    def getAdminPrivileges(self, user: Any, call: Call) -> list[Any]:  # noqa: N802
        return self._privileges(find_record(self.store, user), call)

    def getAdminsWithPrivileges(self, privileges: list[Any], call: Call) -> list[Any]:  # noqa: N802
        wanted = {privilege.value.val for privilege in privileges}
        accounts = self.server.accounts
        admins = [
            user for user in accounts.members(self._group(SYSTEM_GROUP)) if wanted <= set(accounts.privileges(user))
        ]
        return load_all(call, admins, _USER_PATHS)

    def getMyUserPhotos(self, call: Call) -> list[Any]:  # noqa: N802
        return []

    def lookupLdapAuthExperimenters(self, call: Call) -> list[Any]:  # noqa: N802
        """None: no account comes from a directory."""
        return []

    def lookupLdapAuthExperimenter(self, user_id: int, call: Call) -> str | None:  # noqa: N802
        return None

    # ---- changing users

    def createUser(self, user: Any, group_name: str, call: Call) -> int:  # noqa: N802
        group = self.server.accounts.group(group_name)
        if group is None:
            raise omero.ApiUsageException(None, None, f"No such group: {group_name}")
        return self._create_user(user, "", [group], call)

    def createSystemUser(self, user: Any, call: Call) -> int:  # noqa: N802
        return self._create_user(user, "", [self._group(SYSTEM_GROUP)], call)

    def createRestrictedSystemUser(self, user: Any, privileges: list[Any], call: Call) -> int:  # noqa: N802
        return self.createRestrictedSystemUserWithPassword(user, privileges, None, call)

    def createRestrictedSystemUserWithPassword(
        self,
        user: Any,
        privileges: list[Any],
        password: Any,  # noqa: N802
        call: Call,
    ) -> int:
        made = self._create_user(user, password.val if password else "", [self._group(SYSTEM_GROUP)], call)
        self.server.accounts.set_privileges(self._user(made), [p.value.val for p in privileges])
        return made

    def createExperimenter(self, user: Any, default: Any, others: list[Any], call: Call) -> int:  # noqa: N802
        return self.createExperimenterWithPassword(user, None, default, others, call)

    def createExperimenterWithPassword(
        self,
        user: Any,
        password: Any,
        default: Any,
        others: list[Any],  # noqa: N802
        call: Call,
    ) -> int:
        groups = [find_record(self.store, group) for group in [default, *(others or [])]]
        return self._create_user(user, password.val if password else "", groups, call)

    def _create_user(self, user: Any, password: str, groups: list[Record], call: Call) -> int:
        self._need("ModifyUser", call)
        personal = {name: _text(user, name) for name in _PERSONAL_FIELDS if name not in ("firstName", "lastName")}
        with _account_rules():
            made = self.server.accounts.create_user(
                _text(user, "omeName") or "",
                password,
                _text(user, "firstName") or "",
                _text(user, "lastName") or "",
                groups,
                personal=personal,
            )
        return made.id

    def updateSelf(self, user: Any, call: Call) -> None:  # noqa: N802
        self._change_person(self.session.user, user)

    def updateExperimenter(self, user: Any, call: Call) -> None:  # noqa: N802
        self._need("ModifyUser", call)
        record = find_record(self.store, user)
        if _text(user, "omeName"):
            self.store.assign(record, "omeName", _text(user, "omeName"))
        self._change_person(record, user)

    def updateExperimenterWithPassword(self, user: Any, password: Any, call: Call) -> None:  # noqa: N802
        self.updateExperimenter(user, call)
        self.server.accounts.set_password(find_record(self.store, user), password.val if password else "")

    def _change_person(self, record: Record, user: Any) -> None:
        for name in _PERSONAL_FIELDS:
            self.store.assign(record, name, _text(user, name))

    def deleteExperimenter(self, user: Any, call: Call) -> None:  # noqa: N802
        """Only a user without objects goes; the store refuses one that anything still refers to."""
        self._need("ModifyUser", call)
        record = find_record(self.store, user)
        for membership in self.server.accounts.memberships(record):
            self.store.delete(membership)
        self.store.delete(record)

    def setAdminPrivileges(self, user: Any, privileges: list[Any], call: Call) -> None:  # noqa: N802
        self._need("ModifyUser", call)
        self.server.accounts.set_privileges(find_record(self.store, user), [p.value.val for p in privileges])

    # ---- passwords

    def changePassword(self, password: Any, call: Call) -> None:  # noqa: N802
        self.server.accounts.set_password(self.session.user, password.val)

    def changePasswordWithOldPassword(self, old: Any, new: Any, call: Call) -> None:  # noqa: N802
        name = str(self.session.user.values["omeName"])
        if self.server.accounts.authenticate(name, old.val if old else "") is None:
            raise omero.SecurityViolation(None, None, "Old password is invalid")
        self.server.accounts.set_password(self.session.user, new.val)

    def changeUserPassword(self, name: str, password: Any, call: Call) -> None:  # noqa: N802
        self._need("ModifyUser", call)
        user = self.server.accounts.user(name)
        if user is None:
            raise omero.ApiUsageException(None, None, f"No such experimenter: {name}")
        self.server.accounts.set_password(user, password.val)

    def synchronizeLoginCache(self, call: Call) -> None:  # noqa: N802
        """There is no cache to bring up to date."""

    # ---- changing groups and memberships

    def createGroup(self, group: Any, call: Call) -> int:  # noqa: N802
        self._need("ModifyGroup", call)
        permissions = group.details.permissions if group.details is not None else None
        with _account_rules():
            made = self.server.accounts.create_group(
                _text(group, "name") or "",
                "rw----" if permissions is None else format_permissions(permissions.getPerm1()),
            )
        self.store.assign(made, "description", _text(group, "description"))
        return made.id

    def updateGroup(self, group: Any, call: Call) -> None:  # noqa: N802
        record = find_record(self.store, group)
        self._need_lead(record, "ModifyGroup", call)
        for name in ("name", "description"):
            self.store.assign(record, name, _text(group, name))
        permissions = group.details.permissions if group.details is not None else None
        if permissions is not None:
            self.store.assign_detail(record, "permissions", permissions.getPerm1())

    def changePermissions(self, target: Any, permissions: Any, call: Call) -> None:  # noqa: N802
        record = find_record(self.store, target)
        if record.model.name != "ExperimenterGroup":
            raise omero.ApiUsageException(None, None, "permissions belong to groups")
        self._need_lead(record, "ModifyGroup", call)
        self.store.assign_detail(record, "permissions", permissions.getPerm1())

    def deleteGroup(self, group: Any, call: Call) -> None:  # noqa: N802
        """Only an empty group goes; the store refuses one that anything still belongs to."""
        self._need("ModifyGroup", call)
        record = find_record(self.store, group)
        for membership in self.store.referrers("GroupExperimenterMap", "parent", record):
            self.store.delete(membership)
        self.store.delete(record)

    def addGroups(self, user: Any, groups: list[Any], call: Call) -> None:  # noqa: N802
        for group in self._lead(groups, call):
            self.server.accounts.add_member(group, find_record(self.store, user))

    def removeGroups(self, user: Any, groups: list[Any], call: Call) -> None:  # noqa: N802
        for group in self._lead(groups, call):
            self.server.accounts.remove_member(group, find_record(self.store, user))

    def setGroupOwner(self, group: Any, user: Any, call: Call) -> None:  # noqa: N802
        self._set_leaders(group, [user], True, call)

    def unsetGroupOwner(self, group: Any, user: Any, call: Call) -> None:  # noqa: N802
        self._set_leaders(group, [user], False, call)

    def addGroupOwners(self, group: Any, users: list[Any], call: Call) -> None:  # noqa: N802
        self._set_leaders(group, users, True, call)

    def removeGroupOwners(self, group: Any, users: list[Any], call: Call) -> None:  # noqa: N802
        self._set_leaders(group, users, False, call)

    def _set_leaders(self, group: Any, users: list[Any], leads: bool, call: Call) -> None:
        [record] = self._lead([group], call)
        for user in users:
            self.server.accounts.set_leader(record, find_record(self.store, user), leads)

    def setDefaultGroup(self, user: Any, group: Any, call: Call) -> None:  # noqa: N802
        record, default = find_record(self.store, user), find_record(self.store, group)
        if record is not self.session.user:
            self._need("ModifyGroupMembership", call)
        if default.id not in self.server.accounts.group_ids(record):
            raise omero.ApiUsageException(None, None, f"{record} is no member of {default}")
        self.server.accounts.set_default_group(record, default)

    # ---- inside

    def _user(self, user_id: int) -> Record:
        user = self.store.get("Experimenter", user_id)
        if user is None:
            raise omero.ApiUsageException(None, None, f"No such experimenter: {user_id}")
        return user

    def _group(self, group_id: int) -> Record:
        group = self.store.get("ExperimenterGroup", group_id)
        if group is None:
            raise omero.ApiUsageException(None, None, f"No such group: {group_id}")
        return group

    def _privileges(self, user: Record, call: Call) -> list[Any]:
        names = set(self.server.accounts.privileges(user))
        return load_all(call, [e for e in self.store.all("AdminPrivilege") if e.values["value"] in names])

    def _need(self, privilege: str, call: Call) -> None:
        if privilege not in call.caller.privileges:
            raise omero.SecurityViolation(None, None, f"this needs the administrator's privilege {privilege}")

    def _need_lead(self, group: Record, privilege: str, call: Call) -> None:
        """Groups are also changed by those who own them."""
        if group.id not in call.caller.leader_of:
            self._need(privilege, call)

    def _lead(self, groups: Iterable[Any], call: Call) -> list[Record]:
        """The groups whose members the caller may change."""
        records = [find_record(self.store, group) for group in groups]
        for record in records:
            self._need_lead(record, "ModifyGroupMembership", call)
        return records


class _account_rules:  # noqa: N801 - reads as a statement: `with _account_rules():`
    """What the accounts refuse, as clients are told it."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, failure: BaseException | None, trace: Any) -> None:
        if isinstance(failure, AccountError):
            raise omero.ValidationException(None, None, str(failure)) from failure


def _text(ice_object: Any, name: str) -> str | None:
    value = getattr(ice_object, name)
    return None if value is None else str(value.val)
