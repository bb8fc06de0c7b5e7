"""Accounts: users, groups, memberships and passwords, and what an administrator may do.

Ids 0 to 2 mean what they mean on every OMERO.server: users root 0 and guest 1; groups system 0, user 1 and guest 2.
Passwords are kept as scrypt hashes. Only `guest` needs no password, as OMERO.web expects.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import omero
from pydantic import BaseModel, ConfigDict, Field

from sandbox.omero.permissions import ALL_PRIVILEGES, parse_permissions
from sandbox.omero.records import Record

if TYPE_CHECKING:
    from sandbox.omero.store import Store

ROOT, GUEST = 0, 1
SYSTEM_GROUP, USER_GROUP, GUEST_GROUP = 0, 1, 2

#: scrypt's cost: about 30 ms a login, which the hash's 16 MB keep expensive for whoever steals the file.
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


class AccountError(Exception):
    """An account cannot be made or changed as asked; the message says why."""


class GroupAccount(BaseModel):
    """A group in an accounts file."""

    model_config = ConfigDict(extra="forbid")
    name: str
    permissions: str = Field(pattern="^rw[r-][aw-][r-][aw-]$")


class UserAccount(BaseModel):
    """A user in an accounts file. The first group is the user's default group."""

    model_config = ConfigDict(extra="forbid")
    name: str
    password: str
    first_name: str = ""
    last_name: str = ""
    groups: list[str] = []
    admin: bool = False


class AccountsFile(BaseModel):
    """What `--accounts FILE` holds: groups first, then users. A user that exists gets the password and the groups."""

    model_config = ConfigDict(extra="forbid")
    groups: list[GroupAccount] = []
    users: list[UserAccount] = []


class Accounts:
    """The accounts in one store. Methods that write join the caller's transaction or make their own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # ---- finding

    def user(self, name: str) -> Record | None:
        return next(iter(self._store.find("Experimenter", omeName=name)), None)

    def group(self, name: str) -> Record | None:
        return next(iter(self._store.find("ExperimenterGroup", name=name)), None)

    def memberships(self, user: Record) -> list[Record]:
        """The user's memberships (GroupExperimenterMap), the default group first."""
        return self._store.collection(user, "groupExperimenterMap")

    def group_ids(self, user: Record) -> list[int]:
        return [membership.values["parent"].id for membership in self.memberships(user)]

    def led_group_ids(self, user: Record) -> list[int]:
        """The groups that the user owns."""
        return [m.values["parent"].id for m in self.memberships(user) if m.values.get("owner")]

    def members(self, group: Record) -> list[Record]:
        return [m.values["child"] for m in self._store.referrers("GroupExperimenterMap", "parent", group)]

    def is_admin(self, user: Record) -> bool:
        return SYSTEM_GROUP in self.group_ids(user)

    def privileges(self, user: Record) -> list[str]:
        """The administrator's privileges by name, sorted; none for everybody else."""
        if not self.is_admin(user):
            return []
        restricted = self._store.setting(f"privileges:{user.id}")
        return sorted(ALL_PRIVILEGES if restricted is None else set(json.loads(restricted)) & ALL_PRIVILEGES)

    def may_work_in(self, user: Record, group: Record) -> bool:
        """Members, administrators, and everybody where the group is readable to the world."""
        return self.is_admin(user) or group.id in self.group_ids(user) or bool((group.permissions or 0) & 4)

    # ---- logging in

    def authenticate(self, name: str, password: str) -> Record | None:
        """The user, if the password is theirs; None for a wrong password and for an unknown user alike."""
        user = self.user(name)
        if user is None:
            return None
        if user.id == GUEST:
            return user
        stored = self._store.setting(f"password:{user.id}")
        return user if stored is not None and _matches(password, stored) else None

    def login_group(self, user: Record, wanted: str | None = None) -> Record:
        """The group that a session starts in: the wanted one (name or id), or the user's default group.

        Raises omero.SecurityViolation when the user may not work in the wanted group or has none at all.
        """
        if wanted:
            group = self.group(wanted)
            if group is None and wanted.isdigit():
                group = self._store.get("ExperimenterGroup", int(wanted))
            if group is None or not self.may_work_in(user, group):
                raise omero.SecurityViolation(None, None, f"User {user.id} is not a member of group {wanted}")
            return group
        return self.default_group(user)

    def default_group(self, user: Record) -> Record:
        """The first of the user's groups that is not the group of all users."""
        candidates = [group_id for group_id in self.group_ids(user) if group_id != USER_GROUP]
        group = self._store.get("ExperimenterGroup", candidates[0]) if candidates else None
        if group is None:
            raise omero.SecurityViolation(None, None, f"User {user.id} has no group to log in to")
        return group

    # ---- making and changing

    def create_group(self, name: str, permissions: str, *, group_id: int | None = None) -> Record:
        """A new group; `permissions` as `rwra--`. Raises AccountError where the name is taken or no name."""
        if not name:
            raise AccountError("a group needs a name")
        if self.group(name) is not None:
            raise AccountError(f"there is a group {name} already")
        store = self._store
        with store.transaction():
            group = store.create(
                "ExperimenterGroup", owner=None, group=None, event=None, id=group_id, name=name, ldap=False
            )
            store.assign_detail(group, "permissions", parse_permissions(permissions))
        return group

    def create_user(
        self,
        name: str,
        password: str,
        first: str,
        last: str,
        groups: Sequence[Record],
        *,
        admin: bool = False,
        user_id: int | None = None,
        personal: Mapping[str, str | None] | None = None,
    ) -> Record:
        """A new user, member of `groups` (the first is the default) and of the group of all users.

        `personal` is what else is known of them: email, institution, middleName.

        Raises AccountError where the name is taken or no name.
        """
        if not name:
            raise AccountError("a user needs a name")
        if self.user(name) is not None:
            raise AccountError(f"there is a user {name} already")
        store = self._store
        with store.transaction():
            user = store.create(
                "Experimenter",
                owner=None,
                group=None,
                event=None,
                id=user_id,
                omeName=name,
                firstName=first,
                lastName=last,
                ldap=False,
            )
            for field_name, value in (personal or {}).items():
                store.assign(user, field_name, value)
            joined = [*groups]
            if admin:
                joined.append(self._group_by_id(SYSTEM_GROUP))
            if user_id != GUEST:
                joined.append(self._group_by_id(USER_GROUP))
            for group in joined:
                self.add_member(group, user)
            self.set_password(user, password)
        return user

    def add_member(self, group: Record, user: Record, *, leader: bool = False) -> Record:
        """The membership; an existing one is kept as it is."""
        for membership in self.memberships(user):
            if membership.values["parent"] is group:
                return membership
        with self._store.transaction():
            membership = self._store.create(
                "GroupExperimenterMap", owner=None, group=None, event=None, parent=group, child=user
            )
            self._store.assign(membership, "owner", leader)  # the model's field: leads the group
        return membership

    def remove_member(self, group: Record, user: Record) -> None:
        for membership in self.memberships(user):
            if membership.values["parent"] is group:
                self._store.delete(membership)

    def set_leader(self, group: Record, user: Record, leads: bool) -> None:
        """Make a member the group's owner or an ordinary member; one who is no member becomes one to lead."""
        for membership in self.memberships(user):
            if membership.values["parent"] is group:
                self._store.assign(membership, "owner", leads)
                return
        if leads:
            self.add_member(group, user, leader=True)

    def set_default_group(self, user: Record, group: Record) -> None:
        """Put the group first among the user's groups, where clients look for it. The user must be a member."""
        memberships = sorted(self.memberships(user), key=lambda m: m.values["parent"] is not group)
        self._store.arrange(user, "groupExperimenterMap", memberships)

    def set_privileges(self, user: Record, privileges: Iterable[str]) -> None:
        self._store.remember(f"privileges:{user.id}", json.dumps(sorted(privileges)))

    def set_password(self, user: Record, password: str) -> None:
        """Keep the password's hash. An empty password logs nobody in."""
        if password:
            self._store.remember(f"password:{user.id}", _hash(password))

    def _group_by_id(self, group_id: int) -> Record:
        group = self._store.get("ExperimenterGroup", group_id)
        if group is None:
            raise AccountError(f"there is no group {group_id}")
        return group

    # ---- a new server

    def create_system_accounts(self, root_password: str) -> None:
        """The users and groups that every OMERO.server has; nothing where they exist already."""
        if self._store.get("Experimenter", ROOT) is not None:
            return
        with self._store.transaction():
            system = self.create_group("system", "rw----", group_id=SYSTEM_GROUP)
            self.create_group("user", "rwr-r-", group_id=USER_GROUP)
            guests = self.create_group("guest", "rw----", group_id=GUEST_GROUP)
            self.create_user("root", root_password, "root", "root", [system], user_id=ROOT)
            self.create_user("guest", "", "Guest", "Account", [guests], user_id=GUEST)

    def load(self, path: Path) -> None:
        """Make the accounts that a JSON file names (see AccountsFile); what exists is completed, never removed.

        Raises AccountError for a file that cannot be read, has unknown keys, or names an unknown group.
        """
        try:
            wanted = AccountsFile.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise AccountError(f"{path}: {error}") from error
        with self._store.transaction():
            for group in wanted.groups:
                if self.group(group.name) is None:
                    self.create_group(group.name, group.permissions)
            for user in wanted.users:
                self._complete(user)

    def _complete(self, wanted: UserAccount) -> None:
        groups = []
        for name in wanted.groups:
            group = self.group(name)
            if group is None:
                raise AccountError(f"user {wanted.name}: there is no group {name}")
            groups.append(group)
        user = self.user(wanted.name)
        if user is None:
            self.create_user(
                wanted.name, wanted.password, wanted.first_name, wanted.last_name, groups, admin=wanted.admin
            )
            return
        self.set_password(user, wanted.password)
        for group in [*groups, *([self._group_by_id(SYSTEM_GROUP)] if wanted.admin else [])]:
            self.add_member(group, user)


def _hash(password: str) -> str:
    salt = os.urandom(16)
    return f"scrypt${salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT).hex()}"


def _matches(password: str, stored: str) -> bool:
    _, salt, expected = stored.split("$")
    found = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_SCRYPT).hex()
    return hmac.compare_digest(found, expected)
