"""Whatever happens in a transaction: undone, the store is as before; done, a reopened store is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.omero.records import DETAILS, Milliseconds, NamedValue, Quantity, Record
from sandbox.omero.store import Store, StoreError

NOBODY: dict[str, Any] = {"owner": None, "group": None, "event": None}


class PlannedError(Exception):
    """What the tests raise to undo a transaction."""


def describe(store: Store) -> dict[str, Any]:
    """Everything a store holds, in values that can be compared across stores."""

    def plain(value: Any) -> Any:
        return repr(value) if isinstance(value, Record) else (type(value).__name__, value)

    records = {
        repr(record): (
            {name: plain(value) for name, value in record.values.items()},
            [plain(getattr(record, detail)) for detail in DETAILS],
            record.position,
        )
        for table in store._tables.values()
        for record in table.values()
    }
    indexes = {
        key: {repr(of): {repr(member) for member in members} for of, members in content.items()}
        for key, content in store._indexes.snapshot().items()
    }
    return {
        "records": records,
        "indexes": indexes,
        "settings": dict(store._settings),
        "sequences": {root: last for root, last in store._sequences.items() if last},
    }


TEXTS = st.text(max_size=8)
OPERATION = st.one_of(
    st.tuples(st.just("image"), TEXTS),
    st.tuples(st.just("dataset"), TEXTS),
    st.tuples(st.just("link"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("pixels"), st.integers(0, 9), st.floats(allow_nan=False)),
    st.tuples(st.just("annotation"), st.lists(st.tuples(TEXTS, TEXTS), max_size=3), TEXTS),
    st.tuples(st.just("mask"), st.binary(max_size=6)),
    st.tuples(st.just("rename"), st.integers(0, 9), st.none() | TEXTS),
    st.tuples(st.just("relink"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("own"), st.integers(0, 9)),
    st.tuples(st.just("arrange"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(
        st.just("delete"), st.sampled_from(["Image", "Dataset", "DatasetImageLink", "Pixels"]), st.integers(0, 9)
    ),
    st.tuples(st.just("remember"), TEXTS, st.none() | TEXTS),
)
OPERATIONS = st.lists(OPERATION, max_size=12)


def pick(store: Store, type_name: str, number: int) -> Record | None:
    records = store.all(type_name)
    return records[number % len(records)] if records else None


def perform(store: Store, operation: tuple[Any, ...]) -> None:
    """One random change; what the present state does not allow is left out."""
    match operation:
        case ("image", name):
            store.create("Image", **NOBODY, name=name, acquisitionDate=Milliseconds(7), series=3)
        case ("dataset", name):
            store.create("Dataset", **NOBODY, name=name)
        case ("link", first, second):
            parent, child = pick(store, "Dataset", first), pick(store, "Image", second)
            if parent is not None and child is not None:
                store.create("DatasetImageLink", **NOBODY, parent=parent, child=child)
        case ("pixels", number, size):
            image = pick(store, "Image", number)
            if image is not None:
                store.create("Pixels", **NOBODY, image=image, physicalSizeX=Quantity("Length", size, "PIXEL"))
        case ("annotation", pairs, namespace):
            store.create(
                "MapAnnotation", **NOBODY, ns=namespace, mapValue=[NamedValue(name, text) for name, text in pairs]
            )
        case ("mask", content):
            store.create("Mask", **NOBODY, bytes=content)
        case ("rename", number, name):
            image = pick(store, "Image", number)
            if image is not None:
                store.assign(image, "name", name)
        case ("relink", first, second):
            link, image = pick(store, "DatasetImageLink", first), pick(store, "Image", second)
            if link is not None:
                store.assign(link, "child", image)
        case ("own", number):
            image = pick(store, "Image", number)
            if image is not None:
                store.assign_detail(image, "owner", pick(store, "Experimenter", 0))
        case ("arrange", number, turns):
            image = pick(store, "Image", number)
            if image is not None:
                pixels = store.collection(image, "pixels")
                turn = turns % (len(pixels) or 1)
                store.arrange(image, "pixels", pixels[turn:] + pixels[:turn])
        case ("delete", type_name, number):
            record = pick(store, type_name, number)
            if record is not None:
                store.delete(record)
        case ("remember", name, value):
            store.remember(name, value)


def try_all(store: Store, operations: list[tuple[Any, ...]]) -> None:
    for operation in operations:
        try:
            perform(store, operation)
        except StoreError:
            continue  # refused, and undone by itself


@contextmanager
def file_store() -> Iterator[tuple[Store, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "omero.db"
        store = Store(path)
        try:
            store.create("Experimenter", **NOBODY, omeName="alice")
            yield store, path
        finally:
            store.close()


@settings(max_examples=150, deadline=None)
@given(before=OPERATIONS, undone=OPERATIONS)
def test_rollback_restores_everything(before: list[tuple[Any, ...]], undone: list[tuple[Any, ...]]) -> None:
    store = Store()
    store.create("Experimenter", **NOBODY, omeName="alice")
    try_all(store, before)
    expected = describe(store)
    with pytest.raises(PlannedError), store.transaction():
        for operation in undone:
            perform(store, operation)
        raise PlannedError
    assert describe(store) == expected


@settings(max_examples=60, deadline=None)
@given(outer=OPERATIONS, inner=OPERATIONS, after=OPERATIONS)
def test_inner_rollback_leaves_the_outer_transaction(
    outer: list[tuple[Any, ...]], inner: list[tuple[Any, ...]], after: list[tuple[Any, ...]]
) -> None:
    with_inner, without = Store(), Store()
    for store, inside in ((with_inner, inner), (without, [])):
        store.create("Experimenter", **NOBODY, omeName="alice")
        try:
            with store.transaction():
                for operation in outer:
                    perform(store, operation)
                with pytest.raises(PlannedError), store.transaction():
                    for operation in inside:
                        perform(store, operation)
                    raise PlannedError
                for operation in after:
                    perform(store, operation)
        except StoreError:
            continue  # dangling at the end: both stores are as before
    assert describe(with_inner) == describe(without)


@settings(max_examples=60, deadline=None)
@given(first=OPERATIONS, undone=OPERATIONS, second=OPERATIONS)
def test_reopened_store_is_the_same(
    first: list[tuple[Any, ...]], undone: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    with file_store() as (store, path):
        try_all(store, first)
        with pytest.raises(PlannedError), store.transaction():
            for operation in undone:
                perform(store, operation)
            raise PlannedError
        try:
            with store.transaction():
                for operation in second:
                    perform(store, operation)
        except StoreError:
            pass  # dangling at the end: undone as a whole
        expected = describe(store)
        store.close()
        reopened = Store(path)
        found = describe(reopened)
        reopened.close()
    assert found == expected


def test_a_failed_write_undoes_memory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with file_store() as (store, _):
        expected = describe(store)
        store._journal._connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON record "  # type: ignore[union-attr]
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        with pytest.raises(Exception, match="disk full"):
            store.create("Image", **NOBODY, name="x")
        assert describe(store) == expected
