"""Which runs a visitor may see: their own, those of groups whose members they may read, all for OMERO's admins."""

from __future__ import annotations

from collections.abc import Collection

from contracts.run_tags import ORDERED, RunKind, group_tag, kind_tag, user_tag
from omero_ui.visitor import Visitor


def visible_tags(visitor: Visitor) -> list[str] | None:
    """A run is visible if it has one of these tags; None: every run is."""
    if visitor.is_admin:
        return None
    readable = [group_tag(group.name) for group in visitor.groups if group.members_readable]
    return [user_tag(visitor.name), *readable]


def seen_alike(visitor: Visitor) -> frozenset[str] | None:
    """The same for visitors who see the same runs, and for them alone: what may be remembered for all of them."""
    tags = visible_tags(visitor)
    return None if tags is None else frozenset(tags)


def may_see_batches(visitor: Visitor) -> bool:
    """Batches are of many users' files: for OMERO's admins alone."""
    return visitor.is_admin


def may_see(visitor: Visitor, tags: Collection[str]) -> bool:
    """Whether a run with these tags is visible. Other housekeeping than batches is nobody's run."""
    if ORDERED not in tags and kind_tag(RunKind.BATCH) in tags:
        return may_see_batches(visitor)
    wanted = visible_tags(visitor)
    return ORDERED in tags and (wanted is None or not set(wanted).isdisjoint(tags))


def may_change(visitor: Visitor, tags: Collection[str]) -> bool:
    """Whether the visitor may cancel or retry it: one's own, and any for OMERO's admins and owners of its group."""
    owned = {group_tag(group.name) for group in visitor.groups if group.owned}
    return may_see(visitor, tags) and (visitor.is_admin or user_tag(visitor.name) in tags or not owned.isdisjoint(tags))
