"""The group that something is analysed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.failures import FailureCategory, fail
from omero_ui.analyses.choice import Choice, InputKind
from omero_ui.analyses.chosen import Lookup
from omero_ui.visitor import Visitor, VisitorGroup

#: OMERO's word for all groups of the session.
_ALL_GROUPS = -1


def require_group(visitor: Visitor, name: str) -> VisitorGroup:
    """
    Raises:
        FailureError: NOT_A_MEMBER, also for a group that does not exist.
    """
    group = visitor.group(name)
    if group is None:
        raise fail(
            FailureCategory.NOT_A_MEMBER,
            f"You are not in a group {name[:80]!r}.",
            next_step="Choose one of your groups; an administrator can add you to others.",
        )
    return group


def begin_choice(conn: Any, visitor: Visitor, named: Mapping[InputKind, tuple[int, ...]], group: str | None) -> Choice:
    """What an address names, in the group it is in; with nothing named, an empty choice in the group that is asked for,
    else in the one OMERO.web shows.

    Raises:
        FailureError: NOT_A_MEMBER when the visitor is in no such group, or in none.
    """
    first = next(((kind, ids[0]) for kind, ids in named.items() if ids), None)
    found = None if first is None else Lookup(conn, _ALL_GROUPS).group_of(*first)
    if found is None and group:
        found = require_group(visitor, group).name
    if found is None or visitor.group(found) is None:
        active = conn.getEventContext().groupId
        usual = next((one for one in visitor.groups if one.id == active), None) or next(iter(visitor.groups), None)
        found = usual.name if usual is not None else None
    if found is None:
        raise fail(
            FailureCategory.NOT_A_MEMBER,
            "You are in no group, so there is nothing to analyse.",
            next_step="An administrator can add you to one.",
        )
    return Choice(
        group=found,
        images=named[InputKind.IMAGE],
        datasets=named[InputKind.DATASET],
        plates=named[InputKind.PLATE],
    )
