"""The nuclei workflow, in its container, in a Slurm job, on images of which is known what was drawn."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tifffile import TiffFile, imwrite

from blocks.container_runtime import CHARLIECLOUD, shell_words
from sandbox.samples.cells import Culture
from sandbox.site import Site
from tests.cluster.processes import count_processes, wait_until
from tests.cluster.user import User, connect


@pytest.fixture(scope="module")
def image(user: User) -> str:
    """The workflow's image, pulled from the sandbox's registry as a user would."""
    destination = f"{user.access.containers}/nuclei.sqfs"
    user.ask(shlex.join(["cp", f"{user.access.registry}/nuclei_v1.0.0.sqfs", destination]))
    return destination


@pytest.fixture
def data(user: User, tmp_path: Path) -> Iterator[str]:
    folder = f"{user.access.scratch}/{tmp_path.name}"
    user.ask("mkdir -p " + " ".join(f"{folder}/{name}" for name in ("in", "gt", "files", "out", "work", "data")))
    user.ask("mkdir " + " ".join(f"{folder}/data/{name}" for name in ("in", "gt", "files", "out")))
    yield folder
    user.ask(f"rm -r {folder}")


def job_line(image: str, data: str, *parameters: str, mounts: tuple[str, ...] = ()) -> str:
    """The container's command as in a run's job, with the arguments of BIAFLOWS workflows."""
    folders = [f"{name}={shlex.quote(f'{data}/{name}')}" for name in ("in", "gt", "files", "out", "work", "data")]
    biaflows = ("--infolder", "/data/in", "--gtfolder", "/data/gt", "--outfolder", "/data/out")
    given = shlex.join([*biaflows, *parameters, "--local", "-nmc"])
    command = " ".join(shell_words(CHARLIECLOUD, mounts=mounts))
    return "\n".join([*folders, f"image={shlex.quote(image)}", f"{command} {given}"])


def put(user: User, data: str, name: str, culture: Culture) -> None:
    packed = io.BytesIO()
    imwrite(packed, np.stack([culture.expose(channel) for channel in range(2)]), ome=True, metadata={"axes": "CYX"})
    user.ask(f"cat > {data}/in/{name}", packed.getvalue())


def get(user: User, path: str, destination: Path) -> Path:
    with connect(user.access) as client, client.open_sftp() as sftp:
        sftp.get(path, str(destination))
    return destination


def test_as_many_nuclei_are_found_as_were_drawn(user: User, image: str, data: str, tmp_path: Path) -> None:
    cultures = {"few.ome.tif": Culture(101, 256, count=10), "many.ome.tif": Culture(7, 512, count=45)}
    for name, culture in cultures.items():
        put(user, data, name, culture)
    job = user.submit(job_line(image, data, "--diameter=30", "--channel=1"), "--mem=1000")
    ended = user.wait_for(job, "COMPLETED", "FAILED", "OUT_OF_MEMORY")
    assert ended["JobState"] == "COMPLETED", user.log(job)
    assert "progress: 2 of 2" in user.log(job)

    for name, culture in cultures.items():
        stem = name.removesuffix(".ome.tif")
        rows = list(csv.DictReader(io.StringIO(user.ask(f"cat {data}/out/{stem}_nuclei.csv"))))
        with TiffFile(get(user, f"{data}/out/{stem}_labels.tif", tmp_path / "labels.tif")) as file:
            labels = file.asarray()
            assert file.is_ome
        assert labels.dtype == np.uint16 and labels.shape[-2:] == culture.expose(0).shape
        assert sorted({int(row["label"]) for row in rows}) == list(range(1, labels.max() + 1))
        # A few lie at the border with hardly a pixel in the image.
        assert 0.85 * culture.count <= len(rows) <= 1.1 * culture.count


def test_a_file_that_is_no_image_fails_the_job_and_the_others_have_their_results(
    user: User, image: str, data: str
) -> None:
    put(user, data, "good.ome.tif", Culture(5, 256, count=10))
    user.ask(f"echo no image > {data}/in/bad.tif")
    job = user.submit(job_line(image, data), "--mem=1000")
    assert user.wait_for(job, "COMPLETED", "FAILED")["ExitCode"] == "1:0"
    assert "failed: bad.tif: " in user.log(job)
    assert user.ask(f"ls {data}/out").split() == ["good_labels.tif", "good_nuclei.csv"]


def test_an_image_in_the_mounted_storage_is_linked_and_not_copied(
    user: User, cluster: Site, image: str, data: str
) -> None:
    imwrite(cluster.storage / "lab-a" / "linked.tif", Culture(5, 256, count=10).expose(0))
    user.ask(f"ln --symbolic {user.access.storage}/lab-a/linked.tif {data}/in/linked.tif")
    assert user.access.storage is not None
    job = user.submit(job_line(image, data, mounts=(user.access.storage,)), "--mem=1000")
    assert user.wait_for(job, "COMPLETED", "FAILED")["JobState"] == "COMPLETED", user.log(job)
    assert user.ask(f"ls {data}/out").split() == ["linked_labels.tif", "linked_nuclei.csv"]


def test_a_container_sees_its_data_and_can_write_nowhere_else(user: User, image: str, data: str) -> None:
    inside = "id --user 2>/dev/null; echo x > /data/out/written; echo x > /opt/written"
    command = ["ch-run", f"--bind={data}:/data", image, "--", "/bin/sh", "-c", inside]
    job = user.submit(shlex.join(command))
    assert user.wait_for(job, "COMPLETED", "FAILED")["JobState"] == "FAILED"
    assert "Read-only file system" in user.log(job)
    assert user.ask(f"cat {data}/out/written") == "x\n"


def test_a_container_counts_against_its_jobs_memory(user: User, image: str, data: str) -> None:
    if user.access.unlimited is not None:
        pytest.skip(user.access.unlimited)
    hungry = ["ch-run", image, "--", "/bin/sh", "-c", "x=much; while :; do x=$x$x; done"]
    job = user.submit(shlex.join(hungry), "--mem=100")
    user.wait_for(job, "OUT_OF_MEMORY")


def test_scancel_ends_the_container(user: User, image: str, data: str) -> None:
    command = "/bin/sh -c read -r nothing < /data/fifo"
    user.ask(f"mkfifo {data}/fifo")
    job = user.submit(shlex.join(["ch-run", f"--bind={data}:/data", image, "--", *command.split(maxsplit=2)]))
    wait_until(lambda: count_processes(command) == 1)
    user.cancel([job])
    user.wait_for(job, "CANCELLED")
    wait_until(lambda: count_processes(command) == 0)
