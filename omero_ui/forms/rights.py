"""Who may do what with forms, by OMERO's word: nothing that a browser sends is believed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.base import Contract, ObjectId
from contracts.failures import FailureCategory, fail
from contracts.forms.form import Assignment, Form, ObjectType
from omero_ui.page import NotThere
from omero_ui.visitor import Visitor


class FormObject(Contract):
    """An object that the visitor may see. `annotatable`: the visitor may fill in forms for it."""

    type: ObjectType
    id: ObjectId
    name: str
    group: ObjectId
    group_name: str
    annotatable: bool


def find_object(conn: Any, object_type: str, object_id: int) -> FormObject:
    """Raises NotThere for a type that has no forms, and for what the visitor does not see."""
    if object_type not in set(ObjectType):
        raise NotThere
    found = conn.getObject(object_type, object_id)
    if found is None:
        raise NotThere
    group = found.getDetails().getGroup()
    return FormObject(
        type=ObjectType(object_type),
        id=found.getId(),
        name=found.getName() or "",
        group=group.getId(),
        group_name=group.getName(),
        annotatable=bool(found.canAnnotate()),
    )


def may_design(visitor: Visitor) -> bool:
    """Administrators and owners of a group design forms."""
    return visitor.is_admin or any(group.owned for group in visitor.groups)


def may_change(visitor: Visitor, form: Form | None) -> bool:
    """A new form: who designs. One that is there: its owners and administrators, as in OMERO.forms."""
    return may_design(visitor) and (form is None or visitor.is_admin or visitor.id in form.owners)


def require_designer(visitor: Visitor) -> None:
    """For everybody else the designer is not there."""
    if not may_design(visitor):
        raise NotThere


def offered(forms: Iterable[Form], assignments: Iterable[Assignment], target: FormObject) -> list[Form]:
    """The forms that the object's group is offered for objects of its type."""
    names = {
        (assignment.form, assignment.group): assignment
        for assignment in assignments
        if assignment.group == target.group
    }
    return [
        form
        for form in forms
        if (found := names.get((form.id, target.group))) is not None and found.offers(form, target.type)
    ]


def require_annotatable(target: FormObject) -> None:
    """Raises FailureError NOT_ALLOWED."""
    if not target.annotatable:
        raise fail(
            FailureCategory.DESTINATION_NOT_WRITABLE,
            f"You may see {target.type} {target.name!r}, but not annotate it.",
            next_step="Ask its owner to fill in the form, or an owner of the group for the right to annotate.",
        )
