"""What the addresses and forms of the Import page say, checked before anything is done with it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from contracts.failures import FailureCategory, fail
from omero_ui.imports.draft import Draft
from omero_ui.visitor import Visitor, VisitorGroup


def group_of(visitor: Visitor, name: str | None, default: int | None = None) -> VisitorGroup:
    """The visitor's group of that name; without one the group of id `default`, or else the first.

    Raises:
        FailureError: NOT_A_MEMBER, also for a group that does not exist.
    """
    if name:
        group = visitor.group(name)
    else:
        group = next((one for one in visitor.groups if one.id == default), None) or next(iter(visitor.groups), None)
    if group is None:
        raise fail(
            FailureCategory.NOT_A_MEMBER,
            f"You are not in a group {name[:80]!r}." if name else "You are in no group.",
            next_step="Choose one of your groups; an administrator can add you to others.",
        )
    return group


def group_by_id(visitor: Visitor, id: int) -> VisitorGroup:
    """The visitor's group of that id.

    Raises:
        FailureError: NOT_A_MEMBER, also for a group that does not exist.
    """
    return group_of(visitor, next((one.name for one in visitor.groups if one.id == id), f"number {id}"))


def draft_of(visitor: Visitor, text: str) -> Draft:
    """The list that the page sent.

    Raises:
        FailureError: BAD_REQUEST, NOT_A_MEMBER.
    """
    try:
        draft = Draft.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The list cannot be read.",
            detail=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            next_step="Reload the page; what cannot be read is left out then.",
        ) from error
    group_of(visitor, draft.group)
    return draft


def number(text: Any, default: int = 0) -> int:
    """A number from an address; `default` for what is none."""
    given = str(text or "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else default
