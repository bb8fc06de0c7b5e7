"""Names on the cluster are plain, short enough, and tell their images apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from contracts.staged_input import StagedName
from tasks.staged_names import LONGEST, attachment_name, staged_name

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
VALID = TypeAdapter(StagedName)
ENDINGS = ("tif", "ome.tif", "czi", "we;rd")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cells.tif", "7_cells.tif"),
        ("a b/c.ome.tiff", "7_a_b_c.tif"),
        ("plate.HTD [plate [Well A01, field 2]]", "7_plate.HTD_plate_Well_A01_field_2.tif"),
        ("x.lif [Series 3]", "7_x.lif_Series_3.tif"),
        ("dose_0.25", "7_dose_0.25.tif"),
        ("Zürich µm é.czi", "7_Zurich_m_e.tif"),
        ("x.companion.ome", "7_x.tif"),
        ("日本.tif", "7_image.tif"),
        ("../../etc/passwd", "7_etc_passwd.tif"),
        ('nuclei"; touch /tmp/x; echo "', "7_nuclei_touch_tmp_x_echo.tif"),
        ("", "7_image.tif"),
    ],
)
def test_names_that_people_give(name: str, expected: str) -> None:
    assert staged_name(7, name, "tif") == expected


@given(image=st.integers(0, 1 << 62), name=st.text(max_size=300), ending=st.sampled_from(ENDINGS))
def test_every_name_is_plain(image: int, name: str, ending: str) -> None:
    staged = staged_name(image, name, ending)
    VALID.validate_python(staged)
    assert len(staged) <= LONGEST
    assert staged.startswith(f"{image}_")
    assert PLAIN.fullmatch(staged)


@given(names=st.lists(st.text(max_size=300), max_size=8))
def test_attachments_of_one_parameter_have_names_of_their_own(names: list[str]) -> None:
    taken: set[str] = set()
    for annotation, name in enumerate(names):
        staged = attachment_name(annotation, name, taken)
        VALID.validate_python(staged)
        assert len(staged) <= LONGEST
        assert staged.lower() not in taken
        taken.add(staged.lower())


def test_an_attachment_keeps_its_name() -> None:
    assert attachment_name(9, "model v2.PT", set()) == "model_v2.PT"
    assert attachment_name(9, "Model v2.pt", {"model_v2.pt"}) == "9_Model_v2.pt"
    assert attachment_name(9, "x" * 300 + ".csv", set()) == "x" * 196 + ".csv"
    assert attachment_name(9, "..", set()) == "file"
    assert attachment_name(9, "a", {"a", "9_a"}) == "9_9_a"
