"""A result belongs to the input that its name says, and to none that it does not say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contracts.run_results import ResultFile
from contracts.staged_input import StagedForm, StagedInput
from tasks.result_inputs import inputs_of, stem_of

HASH = "0" * 64


def staged(file_name: str, task: int = 0) -> StagedInput:
    image = int(file_name.split("_")[0])
    return StagedInput(
        image=image, name="n", original_file="o", dataset=1, file_name=file_name, form=StagedForm.OME_TIFF, task=task
    )


def result(name: str, task: int = 0) -> ResultFile:
    path = f".analyzed/9f0c8f4e-0000-4000-8000-000000000000/{task}/{name}"
    return ResultFile(path=path, task=task, size=1, sha256=HASH)


def found(names: list[str], *inputs: StagedInput, task: int = 0) -> list[int | None]:
    results = [result(name, task) for name in names]
    belongs = inputs_of(results, inputs)
    return [item.image if (item := belongs[each.path]) is not None else None for each in results]


TWO = (staged("17_cells.ome.tif"), staged("18_cells_2.tif"))


def test_stems() -> None:
    assert [stem_of(name) for name in ("17_a.ome.tif", "17_a.OME.TIFF", "17_a.b.czi", "17_a.ome.zarr", "17_a")] == [
        "17_a",
        "17_a",
        "17_a.b",
        "17_a",
        "17_a",
    ]


def test_names_after_the_input() -> None:
    names = [
        "17_cells.tif",
        "17_cells.ome.tif",
        "17_cells_labels.tif",
        "17_cells.ome_labels.tif",
        "17_cells.ome.tif-results.csv",
        "18_cells_2.png",
        "17_cells/nuclei.csv",
        "out/18_cells_2/a/nuclei.csv",
    ]
    assert found(names, *TWO) == [17, 17, 17, 17, 17, 18, 17, 18]


def test_the_id_alone() -> None:
    assert found(["17_mask.tif", "18_.csv"], *TWO) == [17, 18]


def test_numbered_results_are_not_taken_for_ids() -> None:
    inputs = (staged("1_a.tif"), staged("2_b.tif"))
    assert found(["0_mask.tif", "1_mask.tif"], *inputs) == [None, None]
    assert found(["1_mask.tif", "2_mask.tif"], *inputs) == [1, 2]


def test_what_no_name_ties_to_one_input_is_the_runs() -> None:
    names = ["summary.csv", "117_cells.tif", "17.tif", "17cells.tif", "cells_17_a.tif", "17_cells/18_cells_2.csv"]
    assert found(names, *TWO) == [None] * 6


def test_the_longest_stem_at_a_border_wins() -> None:
    inputs = (staged("17_cells.tif"), staged("17_cells_b.tif").model_copy(update={"image": 99}))
    assert found(["17_cells_b_labels.tif", "17_cells_a.tif", "17_cells_bc.tif"], *inputs) == [99, 17, 17]


def test_two_inputs_of_one_stem_are_not_told_apart() -> None:
    inputs = (staged("17_cells.tif"), staged("17_cells.ome.tif").model_copy(update={"image": 99}))
    assert found(["17_cells_labels.tif"], *inputs) == [None]


def test_only_inputs_of_the_same_task_count() -> None:
    inputs = (staged("17_a.tif", 0), staged("18_b.tif", 1), staged("19_c.tif", 1))
    assert found(["17_a.csv", "18_b.csv", "masks.tif"], *inputs, task=1) == [None, 18, None]


def test_the_only_input_of_a_task_owns_what_it_wrote() -> None:
    inputs = (staged("17_a.tif", 0), staged("18_b.tif", 1))
    assert found(["masks.tif", "0_mask.tif", "18_mask.tif"], *inputs, task=0) == [17, 17, None]


NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,30}", fullmatch=True)
INPUTS = st.dictionaries(st.integers(0, 300), NAME, min_size=1, max_size=6).map(
    lambda names: [staged(f"{image}_{name}.ome.tif") for image, name in names.items()]
)


@given(INPUTS, st.sampled_from(["", "_labels", ".mask", "-1", " x"]), st.sampled_from([".tif", ".csv", ""]))
def test_every_name_made_of_a_stem_is_found(inputs: list[StagedInput], more: str, extension: str) -> None:
    for item in inputs:
        name = stem_of(item.file_name) + more + extension
        assert found([name], *inputs) == [item.image]


@given(INPUTS, st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_a_result_belongs_to_what_it_names_or_to_nobody(inputs: list[StagedInput], name: str) -> None:
    if name in {".", ".."} or len(name.encode()) > 255:
        return
    (image,) = found([name], *inputs)
    if image is None:
        assert len(inputs) > 1 or any(name.startswith(f"{item.image}_") for item in inputs) is False
    elif len(inputs) > 1:
        assert name.startswith(f"{image}_")


@given(st.lists(st.integers(0, 50), min_size=2, max_size=8, unique=True))
def test_the_sequence_of_inputs_and_results_means_nothing(images: list[int]) -> None:
    inputs = [staged(f"{image}_a.tif") for image in images]
    names = [f"{image}_a_labels.tif" for image in images]
    assert found(names, *inputs) == found(names, *reversed(inputs)) == images
