"""Counts are of all files, whatever is named; and little is named of a large order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import Failure, FailureCategory
from contracts.import_report import FileOutcome, FileState, ImportedObject
from contracts.source_file import SourceFile
from tasks.batch_outcomes import BatchOutcomes

FAILURE = Failure(category=FailureCategory.FILE_EMPTY, summary="It is empty.", next_step="Copy it again.")


def outcome(path: str, kind: str) -> FileOutcome:
    if kind == "failed":
        return FileOutcome(path=path, state=FileState.FAILED, failure=FAILURE)
    if kind == "cancelled":
        return FileOutcome(path=path, state=FileState.CANCELLED)
    objects = (ImportedObject(type="Image", id=1, name=path),)
    return FileOutcome(path=path, state=FileState.IMPORTED, objects=objects, was_there=kind == "there")


@given(
    st.lists(st.sampled_from(["imported", "there", "failed", "cancelled", "not reached"]), min_size=1, max_size=30),
    st.integers(0, 5),
    st.integers(0, 1 << 32),
)
def test_all_are_counted_and_what_failed_is_named(kinds: list[str], spare: int, seed: int) -> None:
    files = [SourceFile(path=f"{number}.tif") for number in range(len(kinds))]
    outcomes = BatchOutcomes(files, iter(range(spare)))
    reached = [index for index, kind in enumerate(kinds) if kind != "not reached"]
    random.Random(seed).shuffle(reached)
    for index in reached:
        outcomes.add(index, outcome(files[index].path, kinds[index]))
        outcomes.add(index, outcome(files[index].path, "failed"))  # the first one stands
    assert outcomes.has_ended == ("not reached" not in kinds)
    assert (outcomes.imported, outcomes.there, outcomes.failed) == tuple(
        kinds.count(kind) for kind in ("imported", "there", "failed")
    )
    assert outcomes.cancelled == kinds.count("cancelled") + kinds.count("not reached")
    named = outcomes.named()
    assert [file.path for file in named if file.state is FileState.FAILED] == [
        file.path for file, kind in zip(files, kinds, strict=True) if kind == "failed"
    ]
    assert len(named) <= kinds.count("failed") + 1 + spare
    assert not any(file.was_there for file in named)
    numbers = [int(file.path.removesuffix(".tif")) for file in named]
    assert numbers == sorted(set(numbers))


def test_each_order_names_its_first_image_though_another_took_all_that_is_spare() -> None:
    spare = iter(range(3))
    large = BatchOutcomes([SourceFile(path=f"{number}.tif") for number in range(100)], spare)
    small = BatchOutcomes([SourceFile(path="z.tif"), SourceFile(path="y.tif")], spare)
    for index in range(100):
        large.add(index, outcome(f"{index}.tif", "imported"))
    small.add(1, outcome("y.tif", "imported"))
    assert (large.imported, len(large.named())) == (100, 4)
    assert [file.path for file in small.named()] == ["y.tif"]
