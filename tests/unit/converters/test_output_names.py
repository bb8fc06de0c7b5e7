"""Names of results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.source_file import check_relative_path
from converters.output_names import fit, output_bases, sanitise, stem
from converters.partial_file import LONGEST_NAME

anything = st.text(max_size=400)


@given(st.text(min_size=1, max_size=400), st.lists(anything, min_size=1, max_size=8))
def test_names_are_safe_short_and_different(source: str, series: list[str]) -> None:
    names = [fit(base) for base in output_bases(source, series)]
    assert len({name.casefold() for name in names}) == len(series)
    for name in names:
        assert len(name.encode("utf-8")) <= LONGEST_NAME
        assert name.endswith(".ome.tiff") and not name.startswith((".", " "))
        assert not set(name) & set('/\\:*?"<>|\0\n')
        assert check_relative_path(name) == name


@given(anything)
def test_sanitising_twice_changes_nothing(text: str) -> None:
    assert sanitise(sanitise(text)) == sanitise(text)
    assert sanitise(text)


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=400))
def test_names_depend_on_nothing_else(text: str) -> None:
    assert output_bases(text, ["a", "b"]) == output_bases(text, ["a", "b"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.lif", "a"),
        ("a.ome.tif", "a"),
        ("a.ome.tiff", "a"),
        ("genome.tif", "genome"),
        ("some.czi", "some"),
        ("Chromosome.ome.tif", "Chromosome"),
        ("m.companion.ome", "m"),
        ("no extension", "no extension"),
        (".ome.tif", ".ome"),
        ("a.b.tif", "a.b"),
    ],
)
def test_stems(name: str, expected: str) -> None:
    assert stem(name) == expected


def test_series_names() -> None:
    assert output_bases("a.lif", ["only"]) == ("a",)
    assert output_bases("a.lif", ["Position 1/Cells", "x", "X", "x"]) == ("a_Position 1_Cells", "a_x", "a_X_2", "a_x_3")
    long = output_bases("a.lif", ["\u00e4" * 300 + "1", "\u00e4" * 300 + "2"])
    assert fit(long[0]) != fit(long[1])
