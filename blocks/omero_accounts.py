"""Names of OMERO's users and groups by their ids, for what other software wrote down with ids."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.omero_failures import classify
from blocks.omero_server import OmeroServer
from blocks.omero_session import sudo_login


@dataclass(frozen=True)
class Accounts:
    """Login names, and names of groups."""

    users: dict[int, str]
    groups: dict[int, str]


def read_accounts(server: OmeroServer) -> Accounts:
    """
    Raises:
        FailureError: OMERO_UNREACHABLE, OMERO_REFUSED_LOGIN, OMERO_REFUSED.
    """
    try:
        with sudo_login(server) as client:
            admin = client.sf.getAdminService()
            return Accounts(
                users={user.id.val: user.omeName.val for user in admin.lookupExperimenters()},
                groups={group.id.val: group.name.val for group in admin.lookupGroups()},
            )
    except Exception as error:
        raise classify(error, "read the names of users and groups") from error
