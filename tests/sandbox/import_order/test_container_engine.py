"""One converter container on the site's engine: what it may see and do, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker import DockerClient

from blocks.container_engine import LABEL, ContainerEngine, ContainerResult, ContainerRun
from contracts.failures import FailureCategory, FailureError
from sandbox.site import Site
from tests.sandbox.import_order.converter_container import IMAGE, engine_socket, make_image


@dataclass
class Bench:
    """The site's engine, folders for one converter, and a client of our own to look at containers."""

    engine: ContainerEngine
    client: DockerClient
    digest: str
    folder: Path

    def request(self, behave: str) -> ContainerRun:
        for name in ("raw", "raw/.processed", "processed", "alternative"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "raw" / "a: 1.tif").write_bytes(b"pixels")
        return ContainerRun(
            image=IMAGE,
            raw=self.folder / "raw",
            processed=self.folder / "processed",
            alternative=self.folder / "alternative",
            step=f"{self.folder.name}/{behave}",
            arguments=(
                "--inputfile",
                "/data/a: 1.tif",
                "--behave",
                behave,
                "--outputfolder",
                "/data/.processed",
                "--altoutputfolder",
                "/out",
            ),
        )

    def run(self, request: ContainerRun, *, stop: threading.Event | None = None, **limits: float) -> ContainerResult:
        engine = self.engine.model_copy(update=limits)
        return engine.run(request, log=logging.getLogger("converter"), stopped=stop.is_set if stop else lambda: False)

    def refused(self, request: ContainerRun, **limits: Any) -> FailureCategory:
        with pytest.raises(FailureError) as caught:
            self.run(request, **limits)
        assert self.containers(request) == []
        return caught.value.failure.category

    def containers(self, request: ContainerRun) -> list[Any]:
        return list(self.client.containers.list(all=True, filters={"label": f"{LABEL}={request.step}"}))

    def wait_for_container(self, request: ContainerRun) -> dict[str, Any]:
        """What Docker's API says of the step's container once it runs."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for container in self.containers(request):
                if container.attrs["State"]["Running"]:
                    return dict(container.attrs)
            time.sleep(0.1)
        raise AssertionError("the container did not start")


@pytest.fixture(scope="module")
def digest(site: Site) -> str:
    return make_image(site)


@pytest.fixture
def bench(site: Site, digest: str, order_folder: Path) -> Iterator[Bench]:
    socket = engine_socket(site)
    client = docker.DockerClient(base_url=f"unix://{socket}")
    yield Bench(ContainerEngine(socket=str(socket)), client, digest, order_folder)
    client.close()


#: Docker's words for what a converter may do, as `inspect` gives them back.
GOLDEN = """\
Config.Cmd ["--inputfile", "/data/a: 1.tif", "--behave", "wait", "--outputfolder", "/data/.processed", \
"--altoutputfolder", "/out"]
Config.Entrypoint ["/bin/sh", "/convert"]
Config.Labels {"omero-flows.step": "FOLDER/wait"}
Config.User "UID:GID"
HostConfig.CapDrop ["ALL"]
HostConfig.Memory 8589934592
HostConfig.MemorySwap 8589934592
HostConfig.NanoCpus 2000000000
HostConfig.NetworkMode "none"
HostConfig.PidsLimit 1024
HostConfig.Privileged false
HostConfig.SecurityOpt ["no-new-privileges"]
mount /data from FOLDER/raw RW false
mount /data/.processed from FOLDER/processed RW true
mount /out from FOLDER/alternative RW true
"""


async def test_what_docker_is_told(bench: Bench) -> None:
    request = bench.request("wait")
    running = asyncio.create_task(asyncio.to_thread(bench.run, request))
    found = await asyncio.to_thread(bench.wait_for_container, request)
    lines = []
    for name in (line.split()[0] for line in GOLDEN.splitlines() if not line.startswith("mount")):
        section, key = name.split(".")
        lines.append(f"{name} {json.dumps(found[section][key])}")
    lines += sorted(
        f"mount {mount['Destination']} from {mount['Source']} RW {json.dumps(mount['RW'])}" for mount in found["Mounts"]
    )
    text = "\n".join(lines).replace(str(bench.folder), "FOLDER").replace(bench.folder.name, "FOLDER") + "\n"
    (bench.folder / "raw" / "go").touch()
    result = await running
    assert text == GOLDEN.replace("UID", str(os.getuid())).replace("GID", str(os.getgid()))
    assert result.digest == bench.digest
    assert [output["name"] for output in json.loads(result.last_line)] == ["cells, 1st", "cells, 2nd"]
    assert {path.name for path in (bench.folder / "processed").iterdir()} == {"first.ome.tif", "second.ome.tif"}
    assert bench.containers(request) == []


async def test_there_is_no_network(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "converter"):
        await asyncio.to_thread(bench.run, bench.request("network"))
    assert [line for line in caplog.messages if "network:" in line] == ["converter:2.1: network: lo"]


async def test_raw_data_cannot_be_written(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "converter"):
        assert await asyncio.to_thread(bench.refused, bench.request("write")) is FailureCategory.CONVERTER_FAILED
    assert "Read-only file system" in caplog.text
    assert not (bench.folder / "raw" / "mine").exists()


async def test_too_much_memory(bench: Bench) -> None:
    category = await asyncio.to_thread(bench.refused, bench.request("memory"), memory_mb=64)
    assert category is FailureCategory.CONVERTER_OUT_OF_MEMORY


async def test_too_much_time(bench: Bench) -> None:
    category = await asyncio.to_thread(bench.refused, bench.request("wait"), minutes=0.02)
    assert category is FailureCategory.CONVERTER_TIMED_OUT


async def test_killed_when_cancelled(bench: Bench) -> None:
    request, stop = bench.request("wait"), threading.Event()
    running = asyncio.create_task(asyncio.to_thread(bench.refused, request, stop=stop))
    await asyncio.to_thread(bench.wait_for_container, request)
    stop.set()
    assert await running is FailureCategory.CANCELLED


async def test_an_image_that_cannot_start_leaves_no_container(bench: Bench) -> None:
    request = bench.request("wait")
    bench.client.images.get(f"docker.io/{IMAGE}")
    made = bench.client.api.import_image_from_data(
        b"\0" * 10240, repository="omero-flows-tests/empty", tag="1", changes=['ENTRYPOINT ["/no/such/program"]']
    )
    assert made
    broken = ContainerRun(**(vars(request) | {"image": "omero-flows-tests/empty:1"}))
    assert await asyncio.to_thread(bench.refused, broken) is FailureCategory.CONVERTER_FAILED


async def test_an_image_that_is_nowhere(bench: Bench) -> None:
    absent = ContainerRun(**(vars(bench.request("wait")) | {"image": "omero-flows-tests/absent:1"}))
    category = await asyncio.to_thread(bench.refused, absent, pull=False)
    assert category is FailureCategory.CONVERTER_NOT_AVAILABLE


async def test_what_a_killed_flow_left_is_removed(bench: Bench) -> None:
    request = bench.request("wait")
    left = bench.client.containers.run(
        f"docker.io/{IMAGE}",
        list(request.arguments),
        detach=True,
        network_mode="none",
        labels={LABEL: request.step},
        volumes={str(request.raw): {"bind": "/data"}},
    )
    await asyncio.to_thread(bench.engine.remove_leftovers, request.step)
    assert bench.containers(request) == []
    with pytest.raises(docker.errors.NotFound):
        left.reload()


async def test_no_engine_at_the_socket(order_folder: Path) -> None:
    engine = ContainerEngine(socket=str(order_folder / "no.sock"))
    with pytest.raises(FailureError) as caught:
        await asyncio.to_thread(engine.version)
    assert caught.value.failure.category is FailureCategory.CONVERTER_NOT_AVAILABLE
