"""Keeping a record: append it at the form master's, then let the object show the newest one as key-values.

Both steps may be done again at any time: a record is found by its token, and the key-values are compared with what
the newest record says.
"""

from __future__ import annotations

from contracts.failures import FailureCategory, fail
from contracts.forms import storage
from contracts.forms.annotation_holder import MOST_ROUNDS, AnnotationHolder, Stored, write
from contracts.forms.key_values import key_values
from contracts.forms.record import FormRecord, RecordPlace


def read_records(master: AnnotationHolder[Stored], place: RecordPlace) -> tuple[FormRecord, ...]:
    """Everything that was ever filled in there, newest first. Raises FailureError BROKEN_FORM."""
    return storage.read_records([found.rows for found in master.find(storage.record_namespace(place))])


def save_record(
    master: AnnotationHolder[Stored], place: RecordPlace, record: FormRecord, *, seen: storage.Seen = False
) -> None:
    """Append a record, once for its token. `master`: the form master's own annotations.

    Raises:
        FailureError: FORM_CHANGED if somebody saved after `seen`; BROKEN_FORM; OMERO_REFUSED.
    """
    write(
        master,
        storage.record_namespace(place),
        lambda annotations: storage.add_record(annotations, record, seen=seen),
    )


def show_newest(
    master: AnnotationHolder[Stored],
    place: RecordPlace,
    *,
    as_master: AnnotationHolder[Stored],
    as_user: AnnotationHolder[Stored],
    group: int,
) -> None:
    """Let exactly one annotation on the object hold the newest record as key-values.

    The user's own session writes it; the form master takes older ones away, whoever wrote them, after the new one is
    there. Two who do this at once agree, because both look again until what stands there is the newest record.

    Args:
        as_master, as_user: the object in the form master's and in the user's session.
        group: the object's.

    Raises:
        FailureError: OMERO_REFUSED when it does not come to rest.
    """
    namespace = storage.key_value_namespace(place.form)
    for _ in range(MOST_ROUNDS):
        records = read_records(master, place)
        wanted = key_values(records[0].values) if records else ()
        there = as_master.find(namespace)
        right = [found.id for found in there if found.rows == wanted and wanted]
        if wanted and not right:
            as_user.create(namespace, wanted, group)
            continue
        superfluous = [found.id for found in there if found.id not in right[:1]]
        if not superfluous:
            return
        as_master.remove(superfluous)
    raise fail(
        FailureCategory.OMERO_REFUSED,
        "The key-values on the object do not come to rest: too many people save the same form at once.",
        next_step="Save once more in a minute; what was filled in is kept.",
    )
