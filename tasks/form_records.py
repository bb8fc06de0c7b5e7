"""What was filled in with an order becomes a record of its destination, and key-values on it.

The form master's session is one of the sudo account, as the user's is. A record's token is made of the order's and the
form's name: an order that is killed and started again finds its record and makes no other.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from omero.rtypes import unwrap
from omero.sys import ParametersI
from prefect import get_run_logger, task

from blocks.omero_failures import classify
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.failures import FailureCategory, FailureError, fail
from contracts.forms import record_keeping, storage
from contracts.forms.form import Assignment, Form, FormVersion, ObjectType
from contracts.forms.form_values import check_values, in_form_order
from contracts.forms.record import FilledForm, FormRecord, RecordPlace
from contracts.import_order import ImportOrder
from tasks.form_annotations import FormHolder
from tasks.order_run import OrderRun
from tasks.retries import DELAYS, is_retryable

#: The form master is in this group alone, and what it keeps lies there.
SYSTEM_GROUP = "system"


@task(
    name="fill in",
    task_run_name="fill in {filled.form}",
    persist_result=False,
    retries=len(DELAYS),
    retry_delay_seconds=DELAYS,
    retry_condition_fn=is_retryable,
)
async def fill_in(run: OrderRun, filled: FilledForm) -> None:
    """Keep what was filled in for the order's destination, once, and show it there."""
    log = get_run_logger()
    try:
        place = await run.in_thread(_fill_in, run, filled, log)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, f"keep the form {filled.form!r}") from error
    log.info("The form %s is kept for %s %s", filled.form, place.object_type.value, place.object_id)


def check_forms(order: ImportOrder, session: OmeroSession) -> None:
    """Whether all that was filled in with an order can be kept; writes nothing.

    Raises:
        FailureError: BAD_REQUEST, UNKNOWN_FORM, BROKEN_FORM, FORM_CHANGED, DESTINATION_NOT_WRITABLE, NOT_CONFIGURED.
    """
    if not order.forms:
        return
    _check_annotatable(order, session)
    with _as_form_master(session.server) as master:
        for filled in order.forms:
            _check(order, filled, session.group_id, master)


def record_token(order: uuid.UUID, form: str) -> uuid.UUID:
    return uuid.uuid5(order, f"form\0{form}")


def _fill_in(run: OrderRun, filled: FilledForm, log: Any) -> RecordPlace:
    order, session = run.order, run.session
    kind, target = order.destination.type.value, run.find_target(log)
    place = RecordPlace(object_type=ObjectType(kind), object_id=target.id.val, form=filled.form)
    gateway = session.gateway
    with _as_form_master(session.server) as master:
        version = _check(order, filled, session.group_id, master)
        record = FormRecord(
            key="new",
            at=datetime.now(UTC),
            form=filled.form,
            version=version.key,
            changed_by=session.user_id,
            values=in_form_order(version.json_schema, filled.values),
            message=filled.message,
            token=record_token(order.uuid, filled.form),
        )
        record_keeping.save_record(master, place, record)
        record_keeping.show_newest(
            master,
            place,
            as_master=FormHolder(master.gateway, kind, place.object_id),
            as_user=FormHolder(gateway, kind, place.object_id),
            group=session.group_id,
        )
    return place


@contextmanager
def _as_form_master(server: OmeroServer) -> Iterator[FormHolder]:
    """The form master's own annotations, in a session that ends with the block.

    Raises:
        FailureError: NOT_CONFIGURED, and what a session raises.
    """
    if server.forms_user is None:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The flows do not know which account keeps forms.",
            next_step="Set forms_user under [omero] in site.toml (docs/admin.md, Forms), and run `omero-flows deploy`.",
        )
    with server.as_user(server.forms_user, SYSTEM_GROUP) as session:
        gateway = session.gateway
        yield FormHolder(gateway, "Experimenter", session.user_id)


def _check(order: ImportOrder, filled: FilledForm, group: int, master: FormHolder) -> FormVersion:
    """The version that the values are of.

    Raises:
        FailureError: UNKNOWN_FORM for a form that is not offered there, FORM_CHANGED for a version that is gone,
            BAD_REQUEST for values that do not fit.
    """
    form = _find_offered(order, filled.form, group, master)
    version = form.latest if filled.version is None else form.version(filled.version)
    if version is None:
        raise fail(
            FailureCategory.FORM_CHANGED,
            f"{form.title!r} has no version {filled.version!r}.",
            next_step="Fill it in anew, in its newest version.",
        )
    problems = check_values(version.json_schema, filled.values)
    if problems:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"What was filled in does not fit the form {form.title!r}.",
            detail="\n".join(map(str, problems)),
            next_step="Correct it and place the order anew.",
        )
    return version


def _find_offered(order: ImportOrder, name: str, group: int, master: FormHolder) -> Form:
    kind = ObjectType(order.destination.type.value)
    annotations = [found.rows for found in master.find(storage.schema_namespace(name))]
    if annotations:
        form = storage.read_form(annotations)
        offers: list[Assignment] = [
            storage.read_assignment(found.rows) for found in master.find(storage.assignment_namespace(name, group))
        ]
        if offers and offers[0].offers(form, kind):
            return form
    raise fail(
        FailureCategory.UNKNOWN_FORM,
        f"No form {name!r} is offered for a {kind.value} in group {order.group!r}.",
        next_step="Ask an owner of the group to offer it, or leave it out.",
    )


def _check_annotatable(order: ImportOrder, session: OmeroSession) -> None:
    """A destination given by name is the user's own."""
    if order.destination.id is None:
        return
    kind = order.destination.type.value
    found = session.gateway.c.sf.getQueryService().findByQuery(
        f"select o from {kind} o where o.id = :id", ParametersI().addId(order.destination.id)
    )
    if found is None or not found.details.permissions.canAnnotate():
        name = unwrap(found.name) if found is not None else order.destination.id
        raise fail(
            FailureCategory.DESTINATION_NOT_WRITABLE,
            f"{order.user!r} may not annotate {kind} {name!r}, so no form can be filled in for it.",
            next_step="Ask its owner to fill in the form, or leave it out.",
        )
