"""Values for parameters: refused in words, completed with defaults, and otherwise left as they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.descriptor_formats import read_descriptor
from contracts.parameter_schema import LONGEST_TEXT
from contracts.parameter_values import MOST_BYTES, check_values, complete_values
from contracts.workflow_arguments import JobFolders, make_arguments
from contracts.workflow_descriptor import WorkflowDescriptor
from tests.unit.contracts.descriptor_texts import biaflows, bilayers, biomero, number, text


def workflow(descriptor: str) -> WorkflowDescriptor:
    found = read_descriptor(descriptor).descriptor
    assert found is not None
    return found


SPOTS = workflow(
    biaflows(
        number(minimum=0, maximum=50),
        number("count", integer=True, **{"default-value": ...}),
        text(),
        text("method", optional=True, **{"value-choices": ["fast", "exact"]}),
        number("smooth", type="Boolean", optional=False, **{"default-value": False}),
    )
)
TRACKER, CELLS = workflow(biomero()), workflow(bilayers())


def problems(given: dict[str, Any], of: WorkflowDescriptor = SPOTS) -> list[str]:
    return [str(problem) for problem in check_values(of, given)]


@pytest.mark.parametrize(
    "given",
    [
        {"model": "nuclei"},
        {"model": "nuclei", "radius": 0.5, "count": 3, "method": "exact", "smooth": True},
        {"model": "nuclei", "radius": None, "count": None, "method": None},
        {"model": 'nuclei"; touch /tmp/x; echo "'},
        {"model": "two\nlines\t\r\x1b[31m"},
        {"model": "$(id) `id` 'q' \\ % ; & | > < * ? ~ ! #"},
        {"model": "naïve µm 細胞 👩‍🔬 \u202e"},
        {"model": "x" * LONGEST_TEXT},
        {"model": "--infolder=/etc"},
        {"model": "", "smooth": False} | {"model": " "},
        {"model": "x", "count": 5.0},
    ],
)
def test_what_may_be_given(given: dict[str, Any]) -> None:
    assert problems(given) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ["model: It is missing."]),
        ({"model": None}, ["model: It is missing."]),
        ({"model": ""}, ["model: It is empty."]),
        ({"model": 7}, ["model: It must be a text, not 7."]),
        ({"model": "a\0b"}, ["model: It has a NUL character, which no program can be given."]),
        ({"model": "\ud800"}, ["model: It is no valid Unicode (a lone surrogate)."]),
        (
            {"model": "x" * (LONGEST_TEXT + 1)},
            [f"model: It has {LONGEST_TEXT + 1:,} characters; at most {LONGEST_TEXT:,} can be passed."],
        ),
        ({"model": "x", "radius": "5"}, ["radius: It must be a number, not '5'."]),
        ({"model": "x", "radius": True}, ["radius: It must be a number, not True."]),
        ({"model": "x", "radius": -0.5}, ["radius: -0.5 is less than 0."]),
        ({"model": "x", "radius": 51}, ["radius: 51 is more than 50."]),
        ({"model": "x", "radius": float("nan")}, ["radius: It is no finite number."]),
        ({"model": "x", "count": 0.5}, ["count: It must be an integer, not 0.5."]),
        ({"model": "x", "count": 2**63}, ["count: It is an integer of more than 64 bits."]),
        ({"model": "x", "method": "slow"}, ["method: 'slow' is not among the choices: 'fast', 'exact'."]),
        ({"model": "x", "smooth": 1}, ["smooth: It must be true or false, not 1."]),
        ({"model": "x", "smooth": None}, ["smooth: It is missing."]),
        ({"model": "x", "modell": 1, "z": 2}, ["The workflow has no 'modell', 'z'. Is 'model' meant?"]),
        (
            {"radius": "wide", "method": 1, "colour": "blue", "count": 1.5},
            [
                "radius: It must be a number, not 'wide'.",
                "count: It must be an integer, not 1.5.",
                "model: It is missing.",
                "method: It must be a text, not 1.",
                "method: 1 is not among the choices: 'fast', 'exact'.",
                "The workflow has no 'colour'.",
            ],
        ),
    ],
)
def test_what_is_refused(given: dict[str, Any], said: list[str]) -> None:
    assert sorted(problems(given)) == sorted(said)


def test_problems_come_in_the_sequence_of_the_form() -> None:
    said = problems({"zz": 1, "smooth": 1, "count": "x", "radius": "x"})
    assert [problem.split(":")[0] for problem in said] == [
        "radius",
        "count",
        "model",
        "smooth",
        "The workflow has no 'zz'.",
    ]


def test_a_megabyte_is_refused_by_name() -> None:
    assert problems({"model": "x" * (1 << 20)}) == [
        f"model: It has 1,048,576 characters; at most {LONGEST_TEXT:,} can be passed."
    ]


def test_many_long_texts_are_refused_together() -> None:
    many = workflow(biaflows(*(text(f"t{index}", optional=True) for index in range(30))))
    names = [parameter.id for parameter in many.parameters]
    assert problems(dict.fromkeys(names, "x" * LONGEST_TEXT), many) == []
    size = 30 * 3 * LONGEST_TEXT
    assert problems(dict.fromkeys(names, "細" * LONGEST_TEXT), many) == [
        f"The texts have {size:,} bytes together; at most {MOST_BYTES:,} can be passed."
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": [3, 4], "weights": [5]}, []),
        ({"seeds": [], "weights": None}, []),
        ({"seeds": [3, 3]}, ["seeds: A file is chosen twice."]),
        ({"weights": [5, 6]}, ["weights: 2 files are chosen; at most 1 fit."]),
        ({"seeds": 3}, ["seeds: It must be a list of ids of file annotations, not 3."]),
        ({"seeds": ["/etc/passwd"]}, ["seeds: It must be an integer, not '/etc/passwd'."]),
        ({"seeds": [-1]}, ["seeds: -1 is less than 0."]),
    ],
)
def test_files_are_ids_of_annotations(given: dict[str, Any], said: list[str]) -> None:
    assert problems(given, TRACKER) == said


def test_a_required_file_must_be_chosen() -> None:
    need = workflow(biomero(inputs=[{"id": "seeds", "type": "file"}]))
    assert problems({}, need) == ["seeds: It is missing."]
    assert problems({"seeds": []}, need) == ["seeds: No file is chosen."]


def test_after_a_flag_with_one_dash_no_value_begins_with_one() -> None:
    short = workflow(biaflows(text(**{"command-line-flag": "-m"})))
    assert problems({"model": "-o"}, short) == [
        "model: It begins with '-', and the workflow would read it as an option."
    ]
    assert problems({"model": "-\0"}, short) == ["model: It has a NUL character, which no program can be given."]
    assert problems({"model": "o-"}, short) == []


def test_a_number_with_choices() -> None:
    assert problems({"axis": 2, "gpu": True, "norm": False}, CELLS) == []
    assert problems({"axis": 1}, CELLS) == ["axis: 1 is not among the choices: 0, 2."]
    assert problems({"axis": False}, CELLS) == [
        "axis: It must be an integer, not False.",
        "axis: False is not among the choices: 0, 2.",
    ]


def test_defaults_complete_the_values_and_what_is_unset_stays_out() -> None:
    assert complete_values(SPOTS, {"model": "x"}) == {"radius": 5, "model": "x", "smooth": False}
    assert complete_values(SPOTS, {"model": "x", "radius": None, "method": ""}) == {"model": "x", "smooth": False}
    assert complete_values(TRACKER, {"seeds": [], "weights": [4]}) == {"radius": 5, "method": "fast", "weights": [4]}


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))
_NAMES = st.sampled_from([each.id for each in SPOTS.parameters]) | st.text(max_size=5)


@settings(deadline=None)
@given(st.dictionaries(_NAMES, _VALUES))
def test_what_is_not_refused_can_be_passed_to_a_program(given: dict[str, Any]) -> None:
    if check_values(SPOTS, given):
        return
    folders = JobFolders(input="/in", ground_truth="/gt", output="/out", files="/files")
    for argument in make_arguments(SPOTS, given, folders):
        assert "\0" not in argument and len(argument.encode("utf-8")) < 128 * 1024
        assert "None" not in argument or "None" in str(given)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=300))
def test_any_text_without_nul_arrives_as_it_is(words: str) -> None:
    if "\0" in words or any("\ud800" <= each <= "\udfff" for each in words):
        assert problems({"model": words})
        return
    arguments = make_arguments(
        SPOTS, {"model": words}, JobFolders(input="/in", ground_truth="/gt", output="/out", files="/files")
    )
    assert f"--model={words}" in arguments
    assert [each for each in arguments if each.startswith("--outfolder")] == ["--outfolder"]
