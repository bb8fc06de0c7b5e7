"""The order's Dataset or Screen: looked up by id, or found or created by name."""

from __future__ import annotations

from typing import Any

from omero.gateway import BlitzGateway
from omero.model import DatasetI, ProjectDatasetLinkI, ProjectI, ScreenI
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI

from blocks.omero_session import OmeroSession
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory, fail

_NEW = {DestinationType.DATASET: DatasetI, DestinationType.SCREEN: ScreenI}


def check_destination(session: OmeroSession, destination: Destination) -> None:
    """Make sure that the user may put images there; writes nothing.

    Raises:
        FailureError: UNKNOWN_DESTINATION (not there, or in another group), DESTINATION_NOT_WRITABLE.
    """
    if destination.id is None:
        return
    kind = destination.type.value
    query = session.gateway.c.sf.getQueryService()
    rows = _look_up(query, kind, destination.id)
    if not rows:
        (other,) = (other.value for other in DestinationType if other is not destination.type)
        raise fail(
            FailureCategory.UNKNOWN_DESTINATION,
            f"There is no {kind} {destination.id} that the user can see.",
            next_step=f"There is a {other} {destination.id}: order it with that, if it is meant."
            if _look_up(query, other, destination.id)
            else f"Choose another {kind}; it may have been deleted.",
        )
    _, group_id, group_name = rows[0]
    if group_id != session.group_id:
        raise fail(
            FailureCategory.UNKNOWN_DESTINATION,
            f"{kind} {destination.id} belongs to group {group_name!r}, not to {session.group!r}.",
            next_step=f"Order the import as group {group_name!r}, or choose another {kind}.",
        )
    found = query.get(kind, destination.id)
    if not found.details.permissions.canLink():
        raise fail(
            FailureCategory.DESTINATION_NOT_WRITABLE,
            f"{session.user!r} may not put images into {kind} {destination.id}.",
            next_step=f"Choose a {kind} of the user's own, or ask its owner.",
        )


def _look_up(query: Any, kind: str, object_id: int) -> Any:
    """The id, its group's id and name, in one row, when the user can see it in any group."""
    return unwrap(
        query.projection(
            f"select d.id, d.details.group.id, d.details.group.name from {kind} d where d.id = :id",
            ParametersI().addId(object_id),
            {"omero.group": "-1"},
        )
    )


def check_kind(kind: DestinationType, name: str, *, holds_plate: bool) -> None:
    """Refuse a plate in a Dataset and images in a Screen: OMERO would leave them in neither.

    Raises:
        FailureError: BAD_REQUEST.
    """
    if holds_plate and kind is not DestinationType.SCREEN:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{name!r} is a plate; plates go into a Screen.",
            next_step="Order it again with a Screen as its destination.",
        )
    if not holds_plate and kind is not DestinationType.DATASET:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{name!r} gives images and no plate; images go into a Dataset.",
            next_step="Order it again with a Dataset as its destination.",
        )


def find_or_create(session: OmeroSession, destination: Destination) -> Any:
    """An id-only Dataset or Screen to import into. Hold the destination's lock: OMERO has no such step.

    By name the oldest one that is the user's own is taken.
    """
    new = _NEW[destination.type]
    if destination.id is not None:
        return new(destination.id, False)
    assert destination.name is not None
    gateway = session.gateway
    found = _find(gateway, session, destination)
    if found is not None:
        return new(found, False)
    container = new()
    container.setName(rstring(destination.name))
    if destination.project is None:
        return new(gateway.c.sf.getUpdateService().saveAndReturnObject(container).id.val, False)
    link = ProjectDatasetLinkI()
    link.setParent(_project(gateway, session, destination.project))
    link.setChild(container)
    return new(gateway.c.sf.getUpdateService().saveAndReturnObject(link).child.id.val, False)


def _find(gateway: BlitzGateway, session: OmeroSession, destination: Destination) -> int | None:
    parameters = ParametersI().addString("name", destination.name)
    parameters.addLong("user", session.user_id)
    if destination.project is None:
        text = (
            f"select d.id from {destination.type.value} d "
            "where d.name = :name and d.details.owner.id = :user order by d.id"
        )
    else:
        parameters.addString("project", destination.project)
        text = (
            "select d.id from ProjectDatasetLink l join l.child d join l.parent p where d.name = :name "
            "and p.name = :project and d.details.owner.id = :user and p.details.owner.id = :user order by d.id"
        )
    rows = unwrap(gateway.c.sf.getQueryService().projection(text, parameters))
    return int(rows[0][0]) if rows else None


def _project(gateway: BlitzGateway, session: OmeroSession, name: str) -> ProjectI:
    parameters = ParametersI().addString("name", name)
    parameters.addLong("user", session.user_id)
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select p.id from Project p where p.name = :name and p.details.owner.id = :user order by p.id", parameters
        )
    )
    if rows:
        return ProjectI(rows[0][0], False)
    project = ProjectI()
    project.setName(rstring(name))
    return project
