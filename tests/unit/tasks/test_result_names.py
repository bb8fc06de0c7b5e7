"""Names of result images: from a pattern with known placeholders alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import FailureCategory, FailureError
from contracts.result_pattern import PLACEHOLDERS, check_pattern
from tasks.result_names import LONGEST_NAME, image_name


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{file}.{ext}", "17_cells_labels.ome.tif"),
        ("{original_file} nuclei.{ext}", "My cells nuclei.ome.tif"),
        ("{original_file}.{original_ext}", "My cells.czi"),
        ("{{{file}}}", "{17_cells_labels}"),
        ("labels", "labels"),
    ],
)
def test_patterns(pattern: str, name: str) -> None:
    assert image_name(pattern, "17_cells_labels.ome.tif", "My cells.czi") == name


def test_a_result_of_the_whole_run_keeps_its_own_name() -> None:
    assert image_name("{original_file}.{ext}", "montage.tif", None) == "montage.tif"


def test_no_dot_without_an_extension() -> None:
    assert image_name("{file}.{ext}", "montage", None) == "montage"
    assert image_name("{original_file}.{original_ext} x", "montage", None) == "montage x"


@pytest.mark.parametrize(
    "pattern",
    [
        "{id}",
        "{file.__class__}",
        "{file[0]}",
        "{}",
        "{0}",
        "{file!r}",
        "{file:>300}",
        "{FILE}",
        "{ file }",
        "{file",
        "}",
    ],
)
def test_unknown_placeholders_are_refused_with_the_known_ones(pattern: str) -> None:
    with pytest.raises(FailureError) as caught:
        check_pattern(pattern)
    assert caught.value.failure.category is FailureCategory.BAD_REQUEST
    assert all(f"{{{known}}}" in caught.value.failure.next_step for known in PLACEHOLDERS)


def test_a_blank_name_is_refused() -> None:
    with pytest.raises(FailureError) as caught:
        image_name(" {original_ext}", "a.tif", "b")
    assert caught.value.failure.category is FailureCategory.BAD_REQUEST


def test_a_long_name_keeps_its_extension() -> None:
    name = image_name("{original_file}{original_file}.{ext}", "a.ome.tif", "é" * 200 + ".czi")
    assert len(name) == LONGEST_NAME
    assert name.endswith("…" + ".ome.tif")


@given(st.text(max_size=40), st.text(min_size=1, max_size=400), st.text(min_size=1, max_size=400))
def test_every_pattern_is_refused_or_gives_a_name_omero_takes(pattern: str, result: str, original: str) -> None:
    try:
        name = image_name(pattern, result, original)
    except FailureError as error:
        assert error.failure.category is FailureCategory.BAD_REQUEST
    else:
        assert name.strip() == name
        assert 0 < len(name) <= LONGEST_NAME
        assert name.isprintable()
