"""What Slurm is given, word for word. `golden/` has the scripts; a change there is a change on every cluster."""

from __future__ import annotations

import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.container_runtime import CHARLIECLOUD, PODMAN, PODMAN_STOP
from blocks.job_script import LONGEST_ARGUMENT, arguments_file, array_expression, job_script, sbatch_options
from contracts.failures import FailureCategory, FailureError
from contracts.job_request import JobRequest, JobResources
from tests.unit.blocks.cluster_block import cluster

GOLDEN = Path(__file__).parent / "golden"
TOKEN = UUID("4c6ef0d0-90f4-4c5f-a4f5-6a5a9ec1a1bb")
FOLDER = f"/scratch/omero/{TOKEN}/attempt-1"


def request(**changes: object) -> JobRequest:
    fields: dict[str, object] = {
        "token": TOKEN,
        "attempt": 1,
        "tasks": (0,),
        "image": "nuclei/nuclei_v1.0.0.sif",
        "arguments": ("--infolder", "/data/in", "--outfolder", "/data/out", "--diameter=30", "--local", "-nmc"),
        "resources": JobResources(minutes=45, cpus=4, memory_mb=5120),
    }
    return JobRequest.model_validate(fields | changes)


def test_the_options_of_a_single_job() -> None:
    assert sbatch_options(cluster(), request()) == [
        "--parsable",
        f"--job-name={TOKEN}",
        f"--comment={TOKEN}",
        f"--chdir={FOLDER}",
        f"--output={FOLDER}/0.log",
        "--open-mode=append",
        "--requeue",
        "--time=45",
        "--cpus-per-task=4",
        "--mem=5120M",
    ]


def test_the_options_of_a_batch() -> None:
    resources = JobResources(minutes=5, cpus=1, gpus=1, partition="gpu", mail_to="me@example.org", at_once=10)
    site = cluster(gpu_type="a100", sbatch_options={"account": "lab-a", "exclusive": "", "no-requeue": ""})
    assert sbatch_options(site, request(tasks=(0, 1, 2, 5), resources=resources)) == [
        "--parsable",
        f"--job-name={TOKEN}",
        f"--comment={TOKEN}",
        f"--chdir={FOLDER}",
        f"--output={FOLDER}/%a.log",
        "--open-mode=append",
        "--array=0-2,5%10",
        "--time=5",
        "--cpus-per-task=1",
        "--partition=gpu",
        "--mail-user=me@example.org",
        "--mail-type=END,FAIL",
        "--gres=gpu:a100:1",
        "--account=lab-a",
        "--exclusive",
        "--no-requeue",
    ]


@pytest.mark.parametrize(
    ("tasks", "expression"),
    [((0,), "0"), ((7,), "7"), ((0, 1), "0-1"), ((3, 1, 2, 9, 9), "1-3,9"), (tuple(range(10_000)), "0-9999")],
)
def test_tasks_are_written_short(tasks: tuple[int, ...], expression: str) -> None:
    assert array_expression(tasks) == expression


@pytest.mark.parametrize(
    ("name", "changes", "asked"),
    [
        ("apptainer", {}, {}),
        (
            "apptainer-gpu-links",
            {},
            {
                "resources": JobResources(minutes=60, cpus=8, memory_mb=16_000, gpus=1),
                "read_only": ("/nfs/omero/lab-a", "/nfs/omero/lab-b"),
            },
        ),
        (
            "podman",
            {"container_command": PODMAN, "container_stop": PODMAN_STOP},
            {"reference": "ghcr.io/org/nuclei:v1.0.0", "image": None},
        ),
        ("charliecloud", {"container_command": CHARLIECLOUD}, {"image": "nuclei/nuclei_v1.0.0.sqfs"}),
    ],
)
def test_the_script(name: str, changes: dict[str, object], asked: dict[str, object]) -> None:
    script = job_script(cluster(**changes), request(**asked))
    assert script == (GOLDEN / f"job-{name}.sh").read_text("utf-8")
    subprocess.run(["bash", "-n"], input=script.encode(), check=True)


def test_the_arguments() -> None:
    asked = request(arguments=("--a=1", "it's", 'nuclei"; touch /tmp/x; echo "', "", "two\nlines"))
    assert arguments_file(asked) == ("set -- --a=1 'it'\"'\"'s' 'nuclei\"; touch /tmp/x; echo \"' '' 'two\nlines'\n")
    assert arguments_file(request(arguments=())) == "set -- \n"


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=5))
def test_any_arguments_come_back_from_a_shell_as_they_were(arguments: list[str]) -> None:
    text = arguments_file(request(arguments=tuple(arguments))) + 'for word; do printf "%s\\0" "$word"; done'
    said = subprocess.run(["bash", "-c", text], capture_output=True, check=True, env={"LC_ALL": "C"})
    assert said.stdout.decode().split("\0")[:-1] == arguments


@pytest.mark.parametrize(
    "arguments", [("a\0b",), ("x" * LONGEST_ARGUMENT,), ("x" * 100_000,) * 11], ids=["NUL", "one too long", "too many"]
)
def test_what_no_command_line_holds_is_refused_before_anything_is_sent(arguments: tuple[str, ...]) -> None:
    with pytest.raises(FailureError) as caught:
        arguments_file(request(arguments=arguments))
    assert caught.value.failure.category is FailureCategory.BAD_REQUEST


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, {"image": None}),
        ({"container_command": PODMAN}, {}),
        (
            {"container_command": PODMAN},
            {"reference": "ghcr.io/org/nuclei:v1", "resources": JobResources(minutes=1, cpus=1)},
        ),
    ],
    ids=["no file", "no reference", "no memory"],
)
def test_what_the_container_command_needs_and_does_not_get_is_said(
    changes: dict[str, object], asked: dict[str, object]
) -> None:
    with pytest.raises(FailureError) as caught:
        job_script(cluster(**changes), request(**asked))
    assert caught.value.failure.category is FailureCategory.NOT_CONFIGURED


@pytest.mark.parametrize("image", ["../x.sif", "/etc/x.sif", "a//b.sif", "a b.sif", "$(id).sif", ".hidden.sif"])
def test_an_image_lies_below_the_images_folder(image: str) -> None:
    with pytest.raises(ValueError):
        request(image=image)
