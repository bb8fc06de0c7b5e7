"""The demo accounts of a site: three people, two groups with different permissions, and the services'."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Group:
    """A group of OMERO and its folder in the image storage. Permissions as OMERO writes them."""

    name: str
    permissions: str
    folder: str


@dataclass(frozen=True)
class Account:
    """A user of OMERO; `groups` begins with the default group, an admin is a member of `system`."""

    name: str
    first_name: str
    last_name: str
    groups: tuple[str, ...]
    is_admin: bool = False


#: read-annotate: colleagues see and annotate each other's images; private: only one's own.
GROUPS = (Group("lab-a", "rwra--", "lab-a"), Group("lab-b", "rw----", "lab-b"))

ROOT = Account("root", "root", "root", ("system", "user"), is_admin=True)
#: The account the flows log in with, to act as the ordering user (a sudo session).
IMPORTER = Account("importer", "Import", "Service", ("system",), is_admin=True)
#: The account that keeps forms; no person is it.
FORM_MASTER = Account("formmaster", "Form", "Master", ("system",), is_admin=True)
ALICE = Account("alice", "Alice", "Arber", ("lab-a", "lab-b"))
BOB = Account("bob", "Bob", "Bauer", ("lab-a",))
ACCOUNTS = (ROOT, IMPORTER, FORM_MASTER, ALICE, BOB)


def make_passwords() -> dict[str, str]:
    """A password for each account, new for every site: no two sites share one."""
    return {account.name: secrets.token_urlsafe(12) for account in ACCOUNTS}


def accounts_file(passwords: dict[str, str]) -> str:
    """The file `python -m sandbox.omero --accounts` reads (JSON)."""
    content: dict[str, Any] = {
        "groups": [{"name": group.name, "permissions": group.permissions} for group in GROUPS],
        "users": [
            {
                "name": account.name,
                "first_name": account.first_name,
                "last_name": account.last_name,
                "groups": list(account.groups),
                "admin": account.is_admin,
                "password": passwords[account.name],
            }
            for account in ACCOUNTS
        ],
    }
    return json.dumps(content, indent=2) + "\n"
