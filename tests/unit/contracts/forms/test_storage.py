"""Forms and records as OMERO.forms keeps them: what is written is read, what is damaged is told, nothing is lost."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.failures import FailureCategory, FailureError
from contracts.forms import storage
from contracts.forms.chunks import LONGEST_VALUE, PREFIX, decode_texts, encode_text
from contracts.forms.form import Assignment, FormVersion, ObjectType
from contracts.forms.record import CopiedFrom, FormRecord, RecordPlace

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
#: Any text that UTF-8 has: a lone surrogate is refused long before.
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
VALUES = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=4,
)


def record(values: dict[str, Any], **others: Any) -> FormRecord:
    fields = {"key": "new", "at": NOON, "form": "Sample", "version": "v", "changed_by": 2, "values": values} | others
    return FormRecord(**fields)


def version(schema: dict[str, Any], **others: Any) -> FormVersion:
    return FormVersion(**({"key": "new", "at": NOON, "author": 7, "json_schema": schema} | others))


@given(text=st.text(st.characters(exclude_categories=("Cs",))), times=st.sampled_from([1, 60, 4000]))
def test_a_text_comes_back_and_no_value_is_too_long_for_the_index(text: str, times: int) -> None:
    rows = encode_text("2026-11-24T12:00:00", text * times)
    assert all(len(value.encode("utf-8")) <= LONGEST_VALUE for _, value in rows)
    assert decode_texts(rows) == (("2026-11-24T12:00:00", text * times),)
    assert decode_texts([*reversed(rows[1:]), rows[0], ("id", "x")], ["id"]) == decode_texts(rows)


def test_a_long_text_is_kept_as_omero_forms_2_3_reads_it() -> None:
    text = json.dumps({"noise": uuid4().hex * 3, "list": list(range(2000))})
    (key, manifest), *pieces = encode_text("2026", text)
    content = json.loads(manifest)
    assert (key, content["_omero_forms_storage"], content["chunks"]) == ("2026", "chunked-zlib-base64-v1", len(pieces))
    assert [name for name, _ in pieces] == [f"{content['prefix']}:{number:06d}" for number in range(len(pieces))]
    assert zlib.decompress(base64.b64decode("".join(piece for _, piece in pieces))).decode() == text


def _damages() -> dict[str, Any]:
    def change(**members: Any) -> Any:
        return lambda rows: [(rows[0][0], json.dumps(json.loads(rows[0][1]) | members)), *rows[1:]]

    return {
        "a piece is lost": lambda rows: rows[:-1],
        "a piece is there twice": lambda rows: [*rows, rows[-1]],
        "the manifest is lost": lambda rows: rows[1:],
        "a piece is changed": lambda rows: [rows[0], (rows[1][0], "A" + rows[1][1][1:]), *rows[2:]],
        "a piece is no base64": lambda rows: [rows[0], (rows[1][0], "?" + rows[1][1][1:]), *rows[2:]],
        "a piece too many": lambda rows: [*rows, (rows[1][0].split(":")[0] + ":000099", "x")],
        "a name that is none": lambda rows: [*rows, (PREFIX + "x", "x")],
        "another format": change(_omero_forms_storage="chunked-v9"),
        "too many bytes": change(raw_bytes=1 << 40),
        "another size": change(raw_bytes=3),
        "another hash": change(sha256="0" * 64),
        "a number that is none": change(chunks="2"),
    }


@pytest.mark.parametrize("damage", _damages())
def test_a_damaged_text_is_told_and_never_half_read(damage: str) -> None:
    rows = list(encode_text("2026", "".join(uuid4().hex for _ in range(200))))
    assert len(rows) > 3
    with pytest.raises(FailureError) as told:
        decode_texts(_damages()[damage](rows))
    assert told.value.failure.category is FailureCategory.BROKEN_FORM


@settings(max_examples=40)
@given(steps=st.lists(st.tuples(VALUES, st.booleans()), min_size=1, max_size=6))
def test_records_are_only_ever_appended_also_where_two_first_ones_met(steps: list[tuple[dict[str, Any], bool]]) -> None:
    annotations: list[Any] = []
    for number, (values, meets_another) in enumerate(steps):
        writing = storage.add_record([] if meets_another else annotations, record(values, message=str(number)))
        assert writing is not None
        if writing.place is None:
            annotations.append(writing.rows)
        else:
            assert writing.rows[-len(annotations[0]) :] == annotations[0]
            annotations[0] = writing.rows
    found = storage.read_records(annotations)
    assert sorted(item.message for item in found) == sorted(str(number) for number in range(len(steps)))
    assert {item.message: item.values for item in found} == {str(n): values for n, (values, _) in enumerate(steps)}


def test_a_second_click_saves_nothing_and_a_second_writer_is_told() -> None:
    token = uuid4()
    first = storage.add_record([], record({"a": 1}, token=token), seen=None)
    assert first is not None
    annotations = [first.rows]
    assert storage.add_record(annotations, record({"a": 1}, token=token), seen=None) is None
    newest = storage.read_records(annotations)[0]
    with pytest.raises(FailureError) as told:
        storage.add_record(annotations, record({"a": 2}), seen=None)
    assert told.value.failure.category is FailureCategory.FORM_CHANGED
    again = storage.add_record(annotations, record({"a": 2}), seen=newest.key)
    assert again is not None and [item.values["a"] for item in storage.read_records([again.rows])] == [2, 1]


def test_a_record_of_omero_forms_is_read() -> None:
    """As 2.3.1 writes one: naive moments, the values as text, no token; and one of a plate, copied."""
    content = {
        "formId": "Sample",
        "formTimestamp": "2025-01-01T08:00:00.000001",
        "formData": '{"organism": "mouse", "markers": ["DAPI", "GFP"]}',
        "changedBy": 4,
        "changedAt": "2025-02-03T09:10:11.121314",
        "message": "first",
        "copiedFrom": {
            "sourceFormId": "Sample",
            "sourceFormTimestamp": "2025-01-01T08:00:00.000001",
            "sourceObjectType": "Plate",
            "sourceObjectId": 12,
            "sourceDataTimestamp": "2025-02-02T00:00:00",
        },
    }
    (found,) = storage.read_records([(("2025-02-03T09:10:11.121314", json.dumps(content)),)])
    assert found == FormRecord(
        key="2025-02-03T09:10:11.121314",
        at=datetime(2025, 2, 3, 9, 10, 11, 121314, tzinfo=UTC),
        form="Sample",
        version="2025-01-01T08:00:00.000001",
        changed_by=4,
        values={"organism": "mouse", "markers": ["DAPI", "GFP"]},
        message="first",
        copied_from=CopiedFrom(
            place=RecordPlace(object_type=ObjectType.PLATE, object_id=12, form="Sample"),
            version="2025-01-01T08:00:00.000001",
            record="2025-02-02T00:00:00",
        ),
    )
    writing = storage.add_record([], found)
    assert writing is not None
    written = json.loads(writing.rows[0][1])
    assert written == content | {"changedAt": writing.rows[0][0], "formData": written["formData"]}


def test_versions_of_a_form_are_appended_and_its_types_exchanged() -> None:
    one, two = {"type": "object", "title": "Sample"}, {"type": "object", "title": "Sample 2"}
    first = storage.add_version([], "Sample", version(one), [ObjectType.DATASET])
    assert first is not None and [key for key, _ in first.rows if key in ("id", "owner", "objType")] == [
        "id",
        "owner",
        "objType",
    ]
    assert storage.add_version([first.rows], "Sample", version(one), [ObjectType.DATASET]) is None
    second = storage.add_version(
        [first.rows], "Sample", version(two, author=9, message="why"), [ObjectType.DATASET, ObjectType.IMAGE]
    )
    assert second is not None and second.place == 0
    form = storage.read_form([second.rows])
    assert [item.json_schema for item in form.versions] == [two, one]
    assert (form.id, form.owners, form.object_types) == ("Sample", (7,), (ObjectType.DATASET, ObjectType.IMAGE))
    assert (form.latest.author, form.latest.message, form.number(form.latest.key)) == (9, "why", 2)
    assert form.latest.at - form.versions[1].at == timedelta(microseconds=1)


def test_assignments_and_namespaces_come_back() -> None:
    assignment = Assignment(form="A/b % c", group=3, object_types=(ObjectType.IMAGE,))
    assert storage.read_assignment(storage.assignment_rows(assignment)) == assignment
    assert storage.read_assignment((("formId", "x"), ("groupId", "12"))) == Assignment(form="x", group=12)
    place = RecordPlace(object_type=ObjectType.SCREEN, object_id=5, form="A/b")
    assert storage.parse_record_namespace(storage.record_namespace(place)) == place
    for wrong in ("x", storage.RECORDS + "Well/5/A", storage.RECORDS + "Plate/-5/A", storage.RECORDS + "Plate/5/"):
        assert storage.parse_record_namespace(wrong) is None


@pytest.mark.parametrize("rows", [(("k", "no json"),), (("k", "[]"),), (("2025-01-01", "{}"),), (("k", '{"id": 1}'),)])
def test_what_is_no_record_and_no_version_is_told(rows: Any) -> None:
    for read in (storage.read_records, storage.read_form):
        with pytest.raises(FailureError) as told:
            read([rows])
        assert told.value.failure.category is FailureCategory.BROKEN_FORM
