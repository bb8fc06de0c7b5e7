"""Rules of batches of analyses: what is one rule in all nights, what is another, and what is refused."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.batch.analysis_rule import AnalysisRule


def rule(**fields: Any) -> AnalysisRule:
    return AnalysisRule.model_validate(
        {"user": "alice", "group": "lab-a", "workflow": {"name": "nuclei"}, "datasets": [12], **fields}
    )


def test_the_token_is_the_same_in_every_night() -> None:
    """It stands in Prefect and OMERO of running sites: a change would analyse everything again."""
    made = rule(parameters={"diameter": 30, "note": "a"}, attachments={"model": [7]})
    assert made.token == uuid.UUID("97b09f9e-959c-5801-88ef-0045c39c05cd")
    assert made.make_run([5, 3]).uuid == uuid.UUID("a79bd30b-9e26-5b6a-85e7-0f9949fe2365")


@pytest.mark.parametrize(
    "other",
    [
        {"user": "bob"},
        {"group": "lab-b"},
        {"workflow": {"name": "cells"}},
        {"workflow": {"name": "nuclei", "version": "1.0"}},
        {"parameters": {"diameter": 31}},
        {"parameters": {"diameter": True}},
        {"attachments": {"model": [8]}},
    ],
)
def test_what_makes_another_analysis(other: dict[str, Any]) -> None:
    assert rule(**{"parameters": {"diameter": 30}, **other}).token != rule(parameters={"diameter": 30}).token


@pytest.mark.parametrize(
    "other",
    [
        {"datasets": [13], "screens": [4]},
        {"parameters": {"diameter": 30.0}},
        {"images_per_run": 5, "batch_size": None},
        {"resources": {"minutes": 10}},
        {"results": {"rois": "polygons"}},
        {"retry_failed": True},
    ],
)
def test_what_leaves_old_images_old(other: dict[str, Any]) -> None:
    assert rule(**{"parameters": {"diameter": 30}, **other}).token == rule(parameters={"diameter": 30}).token


@pytest.mark.parametrize(
    "wrong",
    [
        {"datasets": []},
        {"datasets": ["12"]},
        {"datasets": [-1]},
        {"user": "ali\tce"},
        {"workflow": {"name": "../nuclei"}},
        {"images_per_run": 0},
        {"images_per_run": 10_001},
        {"batch_size": 0},
        {"parameters": {"note": "a\0b"}},
        {"dataset": [12]},
    ],
)
def test_what_is_no_rule(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rule(**wrong)


def test_how_people_see_it() -> None:
    made = rule(datasets=[1, 2], projects=[3], plates=[4], screens=[5, 6], workflow={"name": "nuclei", "version": "2"})
    assert made.title == "nuclei 2 on Dataset 1, Dataset 2, Project 3, Plate 4 and 2 more for alice"


def test_a_run_says_everything_that_the_rule_does() -> None:
    made = rule(
        parameters={"diameter": 30},
        attachments={"model": [7]},
        batch_size=4,
        resources={"minutes": 10},
        results={"archive": True},
    )
    run = made.make_run([5], [9])
    assert (run.inputs.images, run.inputs.plates, run.inputs.attachments) == ((5,), (9,), {"model": (7,)})
    assert (run.user, run.group, run.workflow, run.rule) == ("alice", "lab-a", made.workflow, made.token)
    assert (run.parameters, run.batch_size, run.resources, run.results) == (
        made.parameters,
        made.batch_size,
        made.resources,
        made.results,
    )
    assert run.values == made.values == {"diameter": 30, "model": [7]}


_IDS = st.lists(st.integers(0, 10**12), min_size=1, max_size=20)
#: No argument of a program holds a NUL; a rule with one is refused.
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
_VALUES = st.dictionaries(_WORDS, st.one_of(_WORDS, st.integers(), st.booleans()), max_size=4)


@given(_IDS, _VALUES, st.integers(0, 1 << 32))
def test_the_same_images_and_values_are_the_same_run_in_whatever_sequence(
    images: list[int], values: dict[str, Any], seed: int
) -> None:
    shuffled, names = list(images), list(values)
    chance = random.Random(seed)
    chance.shuffle(shuffled)
    chance.shuffle(names)
    one, other = rule(parameters=values), rule(parameters={name: values[name] for name in names})
    assert one.make_run(images).uuid == other.make_run(shuffled + shuffled).uuid
    assert one.make_run(images).uuid != one.make_run([*images, 10**13]).uuid
    assert AnalysisRule.model_validate(one.model_dump(mode="json")).token == one.token
