"""One workflow of the catalogue: where its descriptor is, which image runs, what it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.analysis_run import AnalysisInputs
from contracts.catalogue_listing import list_usable
from contracts.descriptor_formats import read_descriptor
from contracts.descriptor_source import DescriptorSource, read_source
from contracts.workflow_descriptor import ZARR_FORMATS, WorkflowDescriptor
from contracts.workflow_entry import WorkflowEntry, WorkflowMode
from tests.unit.contracts.descriptor_texts import biaflows, bilayers, biomero

RAW = "https://raw.githubusercontent.com"
REPOSITORY = "https://github.com/lab/W_Spots/tree/v1.2"


def workflow(descriptor: str) -> WorkflowDescriptor:
    found = read_descriptor(descriptor).descriptor
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("address", "addresses", "version"),
    [
        (
            REPOSITORY,
            [f"{RAW}/lab/W_Spots/v1.2/{name}" for name in ("descriptor.json", "descriptor.yaml", "config.yaml")],
            "v1.2",
        ),
        (f"{REPOSITORY}/", [f"{RAW}/lab/W_Spots/v1.2/descriptor.json"], "v1.2"),
        (f"{REPOSITORY}/sub/config.yaml", [f"{RAW}/lab/W_Spots/v1.2/sub/config.yaml"], "v1.2"),
        (
            "https://github.com/lab/W_Spots/blob/v1.2/descriptor.json",
            [f"{RAW}/lab/W_Spots/v1.2/descriptor.json"],
            "v1.2",
        ),
        ("https://github.com/lab/W_Spots/raw/v1.2/x.json", [f"{RAW}/lab/W_Spots/v1.2/x.json"], "v1.2"),
        ("https://github.com/lab/W_Spots", [f"{RAW}/lab/W_Spots/HEAD/descriptor.json"], None),
        ("https://github.com/lab/W_Spots.git", [f"{RAW}/lab/W_Spots/HEAD/descriptor.json"], None),
        ("https://github.com/lab/W_Spots/tree/main", [f"{RAW}/lab/W_Spots/main/descriptor.json"], None),
        ("https://github.com/lab/W_Spots/tree/v1%202", [f"{RAW}/lab/W_Spots/v1%202/descriptor.json"], "v1 2"),
        (
            "https://gitlab.example.org/x/-/raw/v1/config.yaml",
            ["https://gitlab.example.org/x/-/raw/v1/config.yaml"],
            None,
        ),
        ("http://localhost:8000/d.json", ["http://localhost:8000/d.json"], None),
    ],
)
def test_what_an_address_stands_for(address: str, addresses: list[str], version: str | None) -> None:
    source = read_source(address)
    assert source.version == version
    assert list(source.addresses[: len(addresses)]) == addresses


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("file:///etc/passwd", "only http"),
        ("ftp://example.org/x", "only http"),
        ("/etc/passwd", "only http"),
        ("github.com/lab/x", "only http"),
        ("https:///x", "no host"),
        ("https://user:secret@example.org/x", "password"),
        ("https://token@github.com/lab/x", "password"),
        ("https://example.org/a b", "white space"),
        ("https://example.org/a\nb", "white space"),
        ("https://example.org/" + "x" * 2000, "too long"),
        ("https://github.com/lab", "ORG/REPO"),
        ("https://github.com/lab/x/issues/7", "/tree/TAG"),
        ("https://github.com/lab/x/tree/", "/tree/TAG"),
        ("https://github.com/lab/x/tree/v1/../../y", "/tree/TAG"),
        ("https://github.com/lab/x/tree/v1/%2e%2e/y", "/tree/TAG"),
        ("https://github.com/lab/x/blob/v1", "names no file"),
    ],
)
def test_what_is_no_address(address: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_source(address)


@given(st.text(max_size=60) | st.from_regex(r"https?://github\.com/[^ ]{0,40}"))
def test_whatever_is_an_address_is_of_the_web(address: str) -> None:
    try:
        source = read_source(address)
    except ValueError:
        return
    assert isinstance(source, DescriptorSource) and source.addresses
    assert all(each.startswith(("http://", "https://")) or each == address for each in source.addresses)


@pytest.mark.parametrize(
    ("fields", "descriptor", "address"),
    [
        ({"descriptor": "x"}, biaflows(), "docker.io/lab/w_spots"),
        ({"repository": REPOSITORY}, biaflows(), "docker.io/lab/w_spots:v1.2"),
        ({"repository": "https://github.com/lab/x/tree/master"}, biaflows(), "docker.io/lab/w_spots"),
        ({"repository": REPOSITORY}, biomero(), "ghcr.io/lab/tracker:2.1"),
        ({"repository": REPOSITORY}, bilayers(), "docker.io/lab/cells:v1.2"),
        ({"path": "/x.yaml"}, bilayers(), "docker.io/lab/cells:latest"),
        ({"repository": REPOSITORY, "image": "registry:5000/own/x:7"}, bilayers(), "registry:5000/own/x:7"),
    ],
)
def test_which_image_runs(fields: dict[str, Any], descriptor: str, address: str) -> None:
    assert WorkflowEntry(**fields).image_of(workflow(descriptor)).address == address


def test_a_branch_that_is_no_tag_is_said() -> None:
    with pytest.raises(ValueError, match="tag"):
        WorkflowEntry(repository="https://github.com/lab/x/tree/a%20b").image_of(workflow(biaflows()))


def test_what_a_workflow_does_not_take_is_refused() -> None:
    def refused(inputs: dict[str, list[int]], descriptor: str = biaflows(), **fields: Any) -> bool:
        entry = WorkflowEntry(descriptor="x", **fields)
        return entry.refuse_inputs(workflow(descriptor), AnalysisInputs.model_validate(inputs)) is not None

    images, datasets, plates, all_three = (
        {"images": [1]},
        {"datasets": [1]},
        {"plates": [1]},
        {"images": [1], "plates": [1]},
    )
    for_plates = biomero(inputs=[{"id": "a", "type": "image", "format": "tif", "sub-type": "plate"}])
    every = (images, datasets, plates, all_three)
    assert [refused(one) for one in every] == [False] * 4
    assert [refused(one, mode="images and plates") for one in every] == [False] * 4
    assert [refused(one, mode="plates") for one in every] == [True, True, False, True]
    assert [refused(one, mode="images") for one in every] == [False, False, True, True]
    assert [refused(one, for_plates) for one in every] == [True, True, False, True]
    assert [refused(one, for_plates, mode="images") for one in every] == [False, False, True, True]


def test_the_listing_says_what_else_is_refused() -> None:
    """The panel asks it before Run, the flow asks the entry: both refuse the same."""
    for_plates = biomero(inputs=[{"id": "a", "type": "image", "format": "tif", "sub-type": "plate"}])
    for descriptor, mode, only in (
        (biaflows(), None, None),
        (biaflows(), "images", "images"),
        (for_plates, None, "plates"),
        (for_plates, "images and plates", "images and plates"),
    ):
        entry = WorkflowEntry.model_validate({"descriptor": "x", "mode": mode})
        assert list_usable(entry, workflow(descriptor)).takes_only == only


def test_what_a_workflow_takes() -> None:
    def modes(descriptor: str, **fields: Any) -> tuple[str, set[str]]:
        own, found = WorkflowEntry(descriptor="x", **fields), workflow(descriptor)
        return own.mode_of(found).value, set(own.formats_of(found))

    plain = {"id": "a", "type": "image", "format": "tif"}
    both = plain | {"format": ["tif", "omezarr"]}
    assert modes(biaflows()) == ("images", set())
    assert modes(biaflows(), zarr=True) == ("images", set(ZARR_FORMATS))
    assert modes(biaflows(), mode="images and plates") == ("images and plates", set())
    assert modes(biomero(inputs=[plain])) == ("images", {"tif"})
    assert modes(biomero(inputs=[both])) == ("images", {"tif", "omezarr"})
    assert modes(biomero(inputs=[both]), zarr=False) == ("images", {"tif"})
    assert modes(biomero(inputs=[plain | {"sub-type": "plate"}])) == ("plates", {"tif"})
    assert modes(biomero(inputs=[plain | {"sub-type": "plate"}]), mode="images") == ("images", {"tif"})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "one of repository, path and descriptor"),
        ({"path": "/x", "descriptor": "x"}, "one of repository, path and descriptor"),
        ({"repository": "file:///etc/passwd"}, "only http"),
        ({"path": "relative"}, "path"),
        ({"path": "/a\nb"}, "path"),
        ({"descriptor": "x", "image": "Lab/X"}, "capital letters"),
        ({"descriptor": "x", "folder": "../x"}, "folder"),
        ({"descriptor": "x", "gres": "gpu:1", "gpus": "1"}, "not both"),
        ({"descriptor": "x", "partition": "a b"}, "--partition cannot be"),
        ({"descriptor": "x", "time": "soon"}, "--time cannot be"),
        ({"descriptor": "x", "memory": "5G --wrap=id"}, "--mem cannot be"),
        ({"descriptor": "x", "sbatch": {"wrap": "id"}}, "set by the run"),
        ({"descriptor": "x", "gres": "gpu:1", "sbatch": {"gres": "gpu:2"}}, "given twice"),
        ({"descriptor": "x", "memory": "5G", "sbatch": {"mem": "6G"}}, "--mem is no further option"),
        ({"descriptor": "x", "cpus": 0}, "cpus"),
        ({"descriptor": "x", "mode": "videos"}, "mode"),
        ({"descriptor": "x" * 300_000}, "descriptor"),
    ],
)
def test_what_is_no_entry(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        WorkflowEntry.model_validate(fields)


def test_an_entry_survives_json() -> None:
    own = WorkflowEntry(repository=REPOSITORY, gpus="1", mode=WorkflowMode.BOTH, sbatch={"qos": "high"})
    assert WorkflowEntry.model_validate(json.loads(own.model_dump_json())) == own
