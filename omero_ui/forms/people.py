"""Names of OMERO's users, for those who read who did something."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def full_names(conn: Any, ids: Iterable[int]) -> dict[int, str]:
    """The full names of users by id; one that OMERO no longer has is `user 7`."""
    wanted = sorted(set(ids))
    found = {user.getId(): user.getFullName() or user.getName() for user in conn.getObjects("Experimenter", wanted)}
    return {user: found.get(user, f"user {user}") for user in wanted} if wanted else {}
