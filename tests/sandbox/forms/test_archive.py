"""Forms and records in OMERO: what two writers save at once is there, once each, and OMERO.forms finds it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import omero
import pytest
from omero.gateway import BlitzGateway, DatasetWrapper
from omero.model import DatasetI, NamedValue
from omero.rtypes import rstring

from contracts.failures import FailureCategory, FailureError
from contracts.forms.form import Assignment, FormVersion, ObjectType
from contracts.forms.record import FormRecord, RecordPlace
from contracts.forms.storage import key_value_namespace
from omero_ui.forms.annotations import Holder
from omero_ui.forms.archive import Archive, now
from tests.sandbox.omero_server.conftest import Login

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}


def archive_of(gateway: BlitzGateway) -> Archive:
    return Archive(gateway.c, gateway.getUserId())


def version(schema: dict[str, Any], author: int = 3) -> FormVersion:
    return FormVersion(key="new", at=now(), author=author, json_schema=schema)


def record(values: dict[str, Any], **others: Any) -> FormRecord:
    fields: dict[str, Any] = {"token": uuid4(), "changed_by": 4} | others
    return FormRecord(key="new", at=now(), form="F", version="v", values=values, **fields)


def make_dataset(gateway: BlitzGateway) -> int:
    dataset = DatasetI()
    dataset.setName(rstring("siRNA 7"))
    return int(gateway.getUpdateService().saveAndReturnObject(dataset).id.val)


def all_at_once(works: list[Callable[[], None]]) -> list[BaseException]:
    """Run each in a thread of its own, begun together; what they raised."""
    barrier, raised = threading.Barrier(len(works)), []

    def run(work: Callable[[], None]) -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001  the test looks at each
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_a_form_is_designed_assigned_and_found(login: Login, form_master: str) -> None:
    archive = archive_of(login(form_master))
    name = f"Sample {uuid4().hex[:6]}"
    archive.save_version(name, version(SCHEMA), [ObjectType.DATASET], seen=None)
    first = archive.find_form(name)
    assert first is not None and first.owners == (3,)
    large = SCHEMA | {"description": "x" * 9000, "title": "Sample, second"}
    archive.save_version(name, version(large, 5), [ObjectType.DATASET, ObjectType.IMAGE], seen=first.latest.key)
    second = archive.list_forms().forms[name]
    assert [item.json_schema for item in second.versions] == [large, SCHEMA]
    with pytest.raises(FailureError) as told:
        archive.save_version(name, version({"type": "object"}), [ObjectType.DATASET], seen=first.latest.key)
    assert told.value.failure.category is FailureCategory.FORM_CHANGED

    archive.assign(name, 77, [ObjectType.DATASET])
    archive.assign(name, 77, [ObjectType.IMAGE])
    assert Assignment(form=name, group=77, object_types=(ObjectType.IMAGE,)) in archive.list_assignments()
    archive.assign(name, 77, [])
    assert not [item for item in archive.list_assignments() if item.form == name]


def test_what_writers_save_at_once_is_there_once_each(login: Login, form_master: str) -> None:
    """Six sessions, two of them with the same click; OMERO refuses the stale ones, and they try again."""
    alice = login("alice", "read-annotate")
    place = RecordPlace(object_type=ObjectType.DATASET, object_id=make_dataset(alice), form="F")
    archive_of(login(form_master)).save_record(place, record({"a": 0}), seen=None)
    seen = archive_of(login(form_master)).records(place)[0].key
    same = record({"a": 99})

    def save(archive: Archive, item: FormRecord) -> Callable[[], None]:
        return lambda: archive.save_record(place, item, seen=False)

    items = [*(record({"a": number}) for number in range(1, 5)), same, same]
    raised = all_at_once([save(archive_of(login(form_master)), item) for item in items])
    assert not raised
    archive = archive_of(login(form_master))
    assert sorted(item.values["a"] for item in archive.records(place)) == [0, 1, 2, 3, 4, 99]
    assert len({item.key for item in archive.records(place)}) == 6
    with pytest.raises(FailureError) as told:
        archive.save_record(place, record({"a": 5}), seen=seen)
    assert told.value.failure.category is FailureCategory.FORM_CHANGED


def test_two_first_writers_lose_nothing_and_the_object_shows_the_newest(login: Login, form_master: str) -> None:
    alice, bob = login("alice", "read-annotate"), login("bob", "read-annotate")
    place = RecordPlace(object_type=ObjectType.DATASET, object_id=make_dataset(alice), form="F")
    group = alice.getEventContext().groupId

    def fill_in(user: BlitzGateway, number: int) -> Callable[[], None]:
        archive = archive_of(login(form_master))

        def work() -> None:
            archive.save_record(place, record({"a": number, "b": ["x", "y"]}, changed_by=user.getUserId()), seen=False)
            archive.show_on_object(place, user.c, group)

        return work

    assert not all_at_once([fill_in(alice, 1), fill_in(bob, 2), fill_in(alice, 3), fill_in(bob, 4)])
    records = archive_of(login(form_master)).records(place)
    assert sorted(item.values["a"] for item in records) == [1, 2, 3, 4]
    (shown,) = Holder(alice.c, "Dataset", place.object_id).find(key_value_namespace("F"))
    assert shown.rows == (("a", str(records[0].values["a"])), ("b", "x"), ("b", "y"))
    assert shown.ice.details.owner.id.val in {alice.getUserId(), bob.getUserId()}


def test_nobody_but_the_form_master_reads_or_changes_what_it_keeps(login: Login, form_master: str) -> None:
    master = login(form_master)
    archive_of(master).save_version("Kept", version(SCHEMA), [ObjectType.DATASET], seen=None)
    (kept,) = Holder(master.c, "Experimenter", master.getUserId()).find("hms.harvard.edu/omero/forms/schema/Kept")
    alice = login("alice", "read-annotate")
    assert Holder(alice.c, "Experimenter", master.getUserId()).find_below("hms.harvard.edu/omero/forms/") == []
    kept.ice.setMapValue([NamedValue("id", "mine")])
    with pytest.raises(omero.SecurityViolation):
        alice.c.sf.getUpdateService().saveObject(kept.ice, {"omero.group": "0"})


def test_a_stale_object_is_refused_and_a_fresh_one_saved(login: Login) -> None:
    """OMERO's optimistic locking, on which all of this stands."""
    alice, again = login("alice", "read-annotate"), login("alice", "read-annotate")
    dataset = make_dataset(alice)
    one, two = (DatasetWrapper(gateway, gateway.getObject("Dataset", dataset)._obj) for gateway in (alice, again))
    one.setName("first")
    one.save()
    two.setName("second")
    with pytest.raises(omero.OptimisticLockException):
        again.getUpdateService().saveObject(two._obj)
    fresh = again.getObject("Dataset", dataset)
    assert fresh.getName() == "first"
    fresh.setName("third")
    fresh.save()
    assert alice.getObject("Dataset", dataset).getName() == "third"
