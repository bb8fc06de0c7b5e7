"""Which group is offered which form for which type of objects: a table, and changes to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from contracts.forms.form import Assignment, Form, ObjectType
from omero_ui.page import NotThere
from omero_ui.visitor import Visitor


class ManagedGroup(NamedTuple):
    """A group whose assignments the visitor may change."""

    id: int
    name: str


class Cell(NamedTuple):
    """One type of objects in one group: `possible` where the form is for that type at all."""

    object_type: ObjectType
    possible: bool
    offered: bool


class Row(NamedTuple):
    form: Form
    group: ManagedGroup
    cells: tuple[Cell, ...]


#: Groups of OMERO itself: everybody and guests.
_NO_LAB = {"user", "guest", "system"}


def managed_groups(conn: Any, visitor: Visitor) -> list[ManagedGroup]:
    """All groups for an administrator, else those the visitor owns."""
    if not visitor.is_admin:
        return [ManagedGroup(group.id, group.name) for group in visitor.groups if group.owned]
    found = [ManagedGroup(group.getId(), group.getName()) for group in conn.getObjects("ExperimenterGroup")]
    return sorted((group for group in found if group.name not in _NO_LAB), key=lambda group: group.name.casefold())


def assignment_table(
    conn: Any, visitor: Visitor, forms: Iterable[Form], assignments: Iterable[Assignment]
) -> list[Row]:
    """A row for each form and each group that the visitor manages."""
    known = {(assignment.form, assignment.group): assignment for assignment in assignments}
    groups = managed_groups(conn, visitor)
    return [_row(form, group, known.get((form.id, group.id))) for form in forms for group in groups]


def require_managed(conn: Any, visitor: Visitor, group: int) -> ManagedGroup:
    """Raises NotThere for a group that the visitor does not manage."""
    found = next((managed for managed in managed_groups(conn, visitor) if managed.id == group), None)
    if found is None:
        raise NotThere
    return found


def _row(form: Form, group: ManagedGroup, assignment: Assignment | None) -> Row:
    cells = tuple(
        Cell(
            object_type,
            object_type in form.object_types,
            assignment is not None and assignment.offers(form, object_type),
        )
        for object_type in ObjectType
    )
    return Row(form, group, cells)


def row_of(form: Form, group: ManagedGroup, object_types: tuple[ObjectType, ...]) -> Row:
    """The row as it stands after a change."""
    return _row(
        form, group, Assignment(form=form.id, group=group.id, object_types=object_types) if object_types else None
    )
