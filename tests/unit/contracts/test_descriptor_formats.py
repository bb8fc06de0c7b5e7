"""Descriptors in the three formats become one kind of workflow; real files, and ones made for the tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.descriptor_formats import read_descriptor
from contracts.workflow_descriptor import (
    DescriptorFormat,
    ParameterType,
    Scalar,
    WorkflowDescriptor,
    WorkflowResources,
)
from tests.unit.contracts.descriptor_texts import biaflows, bilayers, biomero, number, text


def read(descriptor: str) -> WorkflowDescriptor:
    found = read_descriptor(descriptor)
    assert found.descriptor is not None, [str(problem) for problem in found.problems]
    return found.descriptor


def test_the_real_biaflows_descriptor(shared_data: Path) -> None:
    workflow = read((shared_data / "descriptors" / "W_NucleiSegmentation-ImageJ.descriptor.json").read_text("utf-8"))
    assert workflow.format is DescriptorFormat.BIAFLOWS
    assert workflow.name == "NucleiSegmentation-ImageJ"
    assert workflow.image.address == "docker.io/neubiaswg5/w_nucleisegmentation-imagej"
    assert [(each.id, each.type.value, each.default, each.flag) for each in workflow.parameters] == [
        ("ij_radius", "number", 5, "--ij_radius"),
        ("ij_threshold", "number", -0.5, "--ij_threshold"),
    ]
    assert all(each.optional and not each.advanced for each in workflow.parameters)


def test_the_real_biomero_descriptor(shared_data: Path) -> None:
    workflow = read((shared_data / "descriptors" / "example_workflow.json").read_text("utf-8"))
    assert workflow.format is DescriptorFormat.BIOMERO_SCHEMA
    assert workflow.image.address == "docker.io/neubiaswg5/w_nucleitracking-imagej:1.0.0"
    assert workflow.resources == WorkflowResources(cores=2, ram_mib=2048, gpu=False, networking=False)
    assert [(each.name, each.license) for each in workflow.citations] == [
        ("ImageJ", "BSD-2-Clause"),
        ("TrackMate", "GPL-3.0"),
    ]
    assert [(each.id, each.type, each.default) for each in workflow.parameters] == [
        ("radius", ParameterType.NUMBER, 5),
        ("threshold", ParameterType.NUMBER, 100),
    ]
    assert [(each.id, each.formats, each.optional) for each in workflow.files] == [("config_file", ("csv",), True)]
    assert [(each.id, each.flag) for each in workflow.images] == [("input_image", None)]
    assert [(each.id, each.type) for each in workflow.outputs] == [("track_count", "number"), ("output_path", "text")]


def test_the_real_bilayers_descriptor(shared_data: Path) -> None:
    workflow = read((shared_data / "descriptors" / "bilayers_example.yaml").read_text("utf-8"))
    assert workflow.format is DescriptorFormat.BILAYERS
    assert (workflow.name, workflow.image.address) == (
        "Cellpose",
        "docker.io/cellprofiler/runcellpose_no_pretrained:2.3.2",
    )
    assert [(each.id, each.type.value, each.default, each.advanced) for each in workflow.parameters] == [
        ("channel_axis", "integer", 0, True),
        ("pretrained_model", "text", "cyto", False),
        ("diameter", "number", 30, False),
        ("stitch_threshold", "number", 0.0, True),
        ("min_size", "integer", 15, True),
        ("save_omezarr", "boolean", False, False),
    ]
    assert [choice.label for choice in workflow.parameters[1].choices] == ["Cyto", "Nuclei", "Cyto2", "Ignore"]
    assert [(each.id, each.formats, each.several) for each in workflow.files] == [("custom_model", ("unix",), False)]
    assert workflow.output_flags == ("--savedir",)
    assert workflow.needs_zarr and not workflow.needs_plate


def test_biomero_schema_says_more() -> None:
    workflow = read(biomero())
    assert workflow.resources == WorkflowResources(cores=2, ram_mib=2048, gpu=True, networking=False)
    assert workflow.authors == ("Ada",)
    radius, method = workflow.parameters
    assert (radius.flag, radius.advanced, radius.title) == ("--radius", True, "radius")
    assert [(choice.value, choice.label) for choice in method.choices] == [("fast", "Fast"), ("exact", "exact")]
    assert [(each.id, each.several) for each in workflow.files] == [("seeds", True), ("weights", False)]
    assert workflow.files[0].formats == ("csv",)
    assert workflow.output_flags == ("--results",)
    assert [(each.id, each.type, each.several) for each in workflow.outputs] == [
        ("tracks", "file", False),
        ("labels", "image", True),
        ("count", "number", False),
    ]
    assert workflow.needs_zarr and not workflow.needs_plate


def test_bilayers_says_more() -> None:
    workflow = read(bilayers())
    assert workflow.fixed_arguments == ("--verbose", "--gtfolder=/none", "-j", "2")
    assert [(each.flag, each.is_bare_flag) for each in workflow.parameters] == [
        ("--axis", False),
        ("--use_gpu", True),
        ("--norm", False),
        ("-s", False),
    ]
    assert workflow.parameters[3].default is None
    assert workflow.output_flags == ("-o", "--savedir")
    assert workflow.needs_plate and workflow.needs_zarr


@pytest.mark.parametrize("default", [0, 1, 5, 0.0, 0.5, -1, ...])
def test_a_number_is_a_number_whatever_its_default(default: Scalar) -> None:
    parameter = read(biaflows(number(**{"default-value": default}))).parameters[0]
    assert parameter.type is ParameterType.NUMBER
    assert parameter.default == (None if default is ... else default)


def test_a_number_is_an_integer_where_it_says_so() -> None:
    assert read(biaflows(number(integer=True))).parameters[0].type is ParameterType.INTEGER


def test_what_is_the_servers_is_left_out() -> None:
    hidden = text("token", **{"set-by-server": True})
    job = number("cytomine_id_job", type="Domain", optional=False)
    assert read(biaflows(hidden, job, number())).parameters[0].id == "radius"
    assert len(read(biaflows(hidden, job, number())).parameters) == 1


def test_flags_stand_for_the_identifier() -> None:
    flags = [
        read(biaflows(number(**{"command-line-flag": flag}))).parameters[0].flag
        for flag in ("--@id", "-@ID", "--r=", ..., "--Radius")
    ]
    assert flags == ["--radius", "-RADIUS", "--r", "--radius", "--Radius"]


def test_ranges_are_read() -> None:
    parameter = read(biaflows(number(minimum=0, maximum=7.5))).parameters[0]
    assert (parameter.minimum, parameter.maximum) == (0, 7.5)


@pytest.mark.parametrize(
    ("given", "kind", "read_as"),
    [("0.5", "Number", 0.5), ("7", "Number", 7), ("TRUE", "Boolean", True), (3, "String", "3"), (5.0, "Integer", 5)],
)
def test_a_default_in_another_type_is_converted_when_nothing_is_lost(given: Scalar, kind: str, read_as: Scalar) -> None:
    default = read(biaflows(number(type=kind, **{"default-value": given}))).parameters[0].default
    assert default == read_as and type(default) is type(read_as)


def test_only_required_images_are_told_the_folder() -> None:
    image = {"name": "a", "type": "image", "label": "A", "cli_tag": "--a", "optional": True}
    both = read(bilayers(inputs=[image, image | {"name": "b", "cli_tag": "--b", "optional": False}]))
    assert [each.flag for each in both.images] == [None, "--b"]
    assert [each.flag for each in read(bilayers(inputs=[image, image | {"name": "b"}])).images] == ["--a", None]


def test_a_descriptor_survives_json() -> None:
    for descriptor in (biaflows(number()), biomero(), bilayers()):
        workflow = read(descriptor)
        assert WorkflowDescriptor.model_validate_json(workflow.model_dump_json()) == workflow
        assert WorkflowDescriptor.model_validate(json.loads(workflow.model_dump_json())) == workflow
