"""The arguments a container is run with, letter by letter, and as a real argument parser reads them."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.descriptor_formats import read_descriptor
from contracts.failures import FailureCategory, FailureError
from contracts.workflow_arguments import JobFolders, make_arguments, write_value
from contracts.workflow_descriptor import Scalar, WorkflowDescriptor
from tests.unit.contracts.descriptor_texts import biaflows, bilayers, biomero, number, text

FOLDERS = JobFolders(
    input="/scratch/run 1/in",
    ground_truth="/scratch/run 1/gt",
    output="/scratch/run 1/out",
    files="/scratch/run 1/files",
)
START = ["--infolder", "/scratch/run 1/in", "--gtfolder", "/scratch/run 1/gt", "--outfolder", "/scratch/run 1/out"]


def workflow(descriptor: str) -> WorkflowDescriptor:
    found = read_descriptor(descriptor).descriptor
    assert found is not None
    return found


def real(shared_data: Path, name: str) -> WorkflowDescriptor:
    return workflow((shared_data / "descriptors" / name).read_text("utf-8"))


def test_the_real_biaflows_workflow(shared_data: Path) -> None:
    nuclei = real(shared_data, "W_NucleiSegmentation-ImageJ.descriptor.json")
    assert make_arguments(nuclei, {}, FOLDERS) == [*START, "--ij_radius=5", "--ij_threshold=-0.5", "--local", "-nmc"]
    assert make_arguments(nuclei, {"ij_radius": 7.0, "ij_threshold": None}, FOLDERS) == [
        *START,
        "--ij_radius=7",
        "--local",
        "-nmc",
    ]


def test_the_real_biomero_workflow(shared_data: Path) -> None:
    tracking = real(shared_data, "example_workflow.json")
    assert make_arguments(tracking, {"threshold": 99.5, "config_file": [12]}, FOLDERS) == [
        *START,
        "--radius=5",
        "--threshold=99.5",
        "--config=/scratch/run 1/files/config_file",
        "--local",
        "-nmc",
    ]


def test_the_real_bilayers_workflow(shared_data: Path) -> None:
    cellpose = real(shared_data, "bilayers_example.yaml")
    assert make_arguments(cellpose, {"save_omezarr": True, "channel_axis": None}, FOLDERS) == [
        "--dir=/scratch/run 1/in",
        "--savedir=/scratch/run 1/out",
        "--pretrained_model=cyto",
        "--diameter=30",
        "--stitch_threshold=0",
        "--min_size=15",
        "--save_omezarr",
    ]


def test_biomero_schema_in_full() -> None:
    assert make_arguments(workflow(biomero()), {"seeds": [4, 5], "weights": [6]}, FOLDERS) == [
        *START,
        "--results=/scratch/run 1/out",
        "--radius=5",
        "--method=fast",
        "--seeds=/scratch/run 1/files/seeds",
        "--weights=/scratch/run 1/files/weights",
        "--local",
        "-nmc",
    ]


def test_bilayers_in_full() -> None:
    values = {"axis": 2, "gpu": True, "norm": False, "size": 0.25, "model": [9]}
    assert make_arguments(workflow(bilayers()), values, FOLDERS) == [
        "--dir=/scratch/run 1/in",
        "-o",
        "/scratch/run 1/out",
        "--savedir=/scratch/run 1/out",
        "--axis=2",
        "--use_gpu",
        "--norm=False",
        "-s",
        "0.25",
        "--model=/scratch/run 1/files/model",
        "--verbose",
        "--gtfolder=/none",
        "-j",
        "2",
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "True"),
        (False, "False"),
        (5, "5"),
        (5.0, "5"),
        (-0.5, "-0.5"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (1e300, "1e+300"),
        (-0.0, "0"),
        ("5.0", "5.0"),
        ("", ""),
    ],
)
def test_a_value_as_text(value: Scalar, written: str) -> None:
    assert write_value(value) == written


def test_wrong_values_start_nothing() -> None:
    with pytest.raises(FailureError) as refusal:
        make_arguments(workflow(biaflows(number(maximum=9), text())), {"radius": 10, "colour": 1}, FOLDERS)
    failure = refusal.value.failure
    assert failure.category is FailureCategory.BAD_REQUEST
    assert failure.detail.splitlines() == [
        "radius: 10 is more than 9.",
        "model: It is missing.",
        "The workflow has no 'colour'.",
    ]


def test_a_default_that_cannot_be_passed_starts_nothing() -> None:
    spots = workflow(biaflows(text(optional=True)))
    broken = spots.model_copy(
        update={"parameters": (spots.parameters[0].model_copy(update={"default": "a\0b"}),)},
    )
    with pytest.raises(FailureError, match="NUL"):
        make_arguments(broken, {}, FOLDERS)


@pytest.mark.parametrize("folder", ["relative", "/", "/ends/", "", "/new\nline", "/nul\0"])
def test_folders_are_absolute_and_plain(folder: str) -> None:
    with pytest.raises(ValidationError):
        JobFolders(input=folder, ground_truth="/gt", output="/out", files="/files")


HOSTILE = "nuclei\"; touch /tmp/x; echo \"\n$(id) `id` --outfolder=/etc 'q' \\"


def test_a_hostile_text_arrives_at_a_program_as_that_text() -> None:
    """A real process, and a parser as BIAFLOWS' wrappers have one."""
    arguments = make_arguments(workflow(biaflows(text(), number())), {"model": HOSTILE}, FOLDERS)
    echo = "import json, sys; print(json.dumps(sys.argv[1:]))"
    heard = subprocess.run([sys.executable, "-c", echo, *arguments], capture_output=True, text=True, check=True)
    assert json.loads(heard.stdout) == arguments
    parser = argparse.ArgumentParser()
    for flag in ("--infolder", "--gtfolder", "--outfolder", "--model", "--radius"):
        parser.add_argument(flag)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("-nmc", action="store_true")
    read = parser.parse_args(json.loads(heard.stdout))
    assert (read.model, read.outfolder, read.radius) == (HOSTILE, FOLDERS.output, "5")
