"""Docker or Podman, for converter containers: no network, bounded, and gone when they should be."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from prefect.blocks.core import Block
from pydantic import Field
from pydantic.networks import HttpUrl

from blocks.converter_output import MOST_BYTES, ConverterOutput, Log, OutputLines
from contracts.container_image import ContainerImage
from contracts.failures import FailureCategory, FailureError, fail

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

LABEL = "omero-flows.step"


@dataclass(frozen=True)
class ContainerRun:
    """One converter to run. `step` names it for good: what is left of an earlier attempt is removed."""

    image: str
    arguments: tuple[str, ...]
    raw: Path
    processed: Path
    alternative: Path
    step: str


@dataclass(frozen=True)
class ContainerResult:
    """`digest` is the image's repository digest, or its id when it was built here."""

    last_line: str
    digest: str


class ContainerEngine(Block):
    """A Docker or Podman socket, and the limits of one converter.

    Example:
        Look whether it answers:
        ```python
        from blocks.container_engine import ContainerEngine

        engine = ContainerEngine.load("BLOCK_NAME")
        print(engine.version())
        ```
    """

    _block_type_name = "Container Engine"
    _block_type_slug = "container-engine"
    _logo_url = HttpUrl("https://www.docker.com/wp-content/uploads/2022/03/vertical-logo-monochromatic.png")
    _documentation_url = HttpUrl("https://docs.docker.com/engine/")

    socket: str = Field(description="Path of the socket, for example `/run/podman/podman.sock`.")
    memory_mb: int = Field(default=8192, ge=64, description="Memory of one converter, in MiB.")
    cpus: float = Field(default=2.0, gt=0, description="Processors of one converter.")
    minutes: int = Field(default=240, ge=1, description="How long one converter may take, in minutes.")
    pull: bool = Field(default=True, description="Whether images that are not there may be pulled.")

    def version(self) -> str:
        """The engine's name and version.

        Raises:
            FailureError: CONVERTER_NOT_AVAILABLE.
        """
        with self._connect() as client:
            version = client.version()
            return f"{version.get('Platform', {}).get('Name') or 'Docker API'} {version.get('Version', '')}".strip()

    def run(self, request: ContainerRun, *, log: Log, stopped: Callable[[], bool]) -> ContainerResult:
        """Run a converter to its end under the BIOMERO container contract.

        The raw data are read-only at /data, only /data/.processed and /out can be written; no network,
        no capabilities, this process's user. What it prints goes to `log`.

        Raises:
            FailureError: CONVERTER_NOT_AVAILABLE, CONVERTER_FAILED, CONVERTER_TIMED_OUT,
                CONVERTER_OUT_OF_MEMORY, CONVERTER_BROKE_CONTRACT, CANCELLED.
        """
        import docker.errors
        from requests.exceptions import RequestException

        image = read_image(request.image)
        with self._connect() as client:
            try:
                _remove_of_step(client, request.step)
                digest = self._provide(client, image, log)
                container = self._create(client, request, image)
                try:
                    container.start()
                    return ContainerResult(self._follow(container, request, log, stopped), digest)
                finally:
                    _remove(container)
            except docker.errors.DockerException as error:
                raise fail(
                    FailureCategory.CONVERTER_FAILED,
                    f"The container engine could not run {request.image!r}.",
                    detail=str(error),
                    next_step="Check the image's name and the container engine.",
                ) from error
            except RequestException as error:
                raise fail(
                    FailureCategory.CONVERTER_NOT_AVAILABLE,
                    f"The container engine went away while {request.image!r} ran.",
                    detail=str(error),
                    next_step="Start Docker or Podman again, then retry the order.",
                ) from error

    def remove_leftovers(self, step: str) -> None:
        """Remove the containers of a step whose flow process was killed, before its folders are used again.

        Raises:
            FailureError: CONVERTER_NOT_AVAILABLE.
        """
        import docker.errors
        from requests.exceptions import RequestException

        with self._connect() as client:
            try:
                _remove_of_step(client, step)
            except (docker.errors.DockerException, RequestException) as error:
                raise no_engine(self.socket, error) from error

    def _connect(self) -> _Connection:
        return _Connection(self.socket)

    def _provide(self, client: DockerClient, image: ContainerImage, log: Log) -> str:
        import docker.errors

        name = image.address
        try:
            found = client.images.get(name)
        except docker.errors.ImageNotFound:
            if not self.pull:
                raise fail(
                    FailureCategory.CONVERTER_NOT_AVAILABLE,
                    f"The image {name!r} is not on this machine.",
                    next_step="Ask an administrator to pull it.",
                ) from None
            log.warning("Pulling image %s: it is not on this machine", name)
            try:
                found = client.images.pull(image.name, tag=image.version)
            except docker.errors.DockerException as error:
                raise fail(
                    FailureCategory.CONVERTER_NOT_AVAILABLE,
                    f"The image {name!r} cannot be pulled.",
                    detail=str(error),
                    next_step="Check its name and tag, and the registry.",
                ) from error
        digests = found.attrs.get("RepoDigests") or []
        digest = str(digests[0]) if digests else str(found.id)
        log.info("Converter image %s is %s", name, digest)
        return digest

    def _create(self, client: DockerClient, request: ContainerRun, image: ContainerImage) -> Container:
        from docker.types import Mount

        # Not "source:target:mode": a folder's name may have a colon.
        mounts = [
            Mount("/data", str(request.raw), type="bind", read_only=True),
            Mount("/data/.processed", str(request.processed), type="bind"),
            Mount("/out", str(request.alternative), type="bind"),
        ]
        return client.containers.create(
            image.address,
            list(request.arguments),
            mounts=mounts,
            network_mode="none",
            mem_limit=f"{self.memory_mb}m",
            memswap_limit=f"{self.memory_mb}m",
            nano_cpus=int(self.cpus * 1e9),
            pids_limit=1024,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            user=f"{os.getuid()}:{os.getgid()}",
            labels={LABEL: request.step},
            environment={"HOME": "/tmp"},
        )

    def _follow(self, container: Container, request: ContainerRun, log: Log, stopped: Callable[[], bool]) -> str:
        output = ConverterOutput(log, request.image.rsplit("/", 1)[-1])
        readers = [
            Thread(target=_read, args=(container.logs(stream=True, follow=True, **{name: False}), lines), daemon=True)
            for name, lines in (("stderr", output.stdout), ("stdout", output.stderr))
        ]
        for reader in readers:
            reader.start()
        deadline = time.monotonic() + self.minutes * 60
        while alive := [reader for reader in readers if reader.is_alive()]:
            alive[0].join(0.5)
            if stopped():
                raise fail(
                    FailureCategory.CANCELLED,
                    f"The conversion with {request.image!r} was cancelled.",
                    next_step="Retry the order if you want it after all.",
                )
            if output.too_much:
                raise fail(
                    FailureCategory.CONVERTER_BROKE_CONTRACT,
                    f"The converter {request.image!r} printed more than {MOST_BYTES >> 20} MiB and was ended.",
                    detail=output.last_words,
                    next_step="Report it to whoever made the converter.",
                )
            if time.monotonic() > deadline:
                raise fail(
                    FailureCategory.CONVERTER_TIMED_OUT,
                    f"The converter {request.image!r} did not end within {self.minutes} minutes.",
                    next_step="Convert fewer or smaller files, or raise the limit in the ContainerEngine block.",
                )
        output.close()
        code = int(container.wait(timeout=60)["StatusCode"])
        container.reload()
        if container.attrs["State"].get("OOMKilled") or code == 137:
            raise fail(
                FailureCategory.CONVERTER_OUT_OF_MEMORY,
                f"The converter {request.image!r} was killed; it needs more than {self.memory_mb} MiB.",
                detail=output.last_words,
                next_step="Raise the memory limit in the ContainerEngine block.",
            )
        check_end(request.image, code, output)
        return output.last_line


def check_end(converter: str, code: int, output: ConverterOutput) -> None:
    """Refuse a converter that failed, or whose last line nobody can have read.

    Raises:
        FailureError: CONVERTER_FAILED, CONVERTER_BROKE_CONTRACT.
    """
    if code != 0:
        raise fail(
            FailureCategory.CONVERTER_FAILED,
            f"The converter {converter!r} failed with exit code {code}.",
            detail=output.last_words,
            next_step="Read what it printed, in the run's log.",
        )
    if output.too_long:
        raise fail(
            FailureCategory.CONVERTER_BROKE_CONTRACT,
            f"The converter {converter!r} printed an endless line.",
            next_step="Report it to whoever made the converter.",
        )


def read_image(name: str) -> ContainerImage:
    """The image that an order names; Docker Hub is meant where no registry is, as Podman would ask.

    Raises:
        FailureError: CONVERTER_NOT_AVAILABLE.
    """
    try:
        return ContainerImage.parse(name)
    except ValueError as error:
        raise fail(
            FailureCategory.CONVERTER_NOT_AVAILABLE,
            f"{name!r} is no name of a container image.",
            detail=str(error),
            next_step="Correct the converter's name, for example ghcr.io/org/name:1.2.",
        ) from error


def _remove_of_step(client: DockerClient, step: str) -> None:
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}={step}"}):
        _remove(container)


def _remove(container: Container) -> None:
    """Kill and remove a container; one that somebody else has removed, or is removing, is no error."""
    import docker.errors

    try:
        container.remove(force=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != HTTPStatus.CONFLICT:
            raise


def _read(stream: Any, lines: OutputLines) -> None:
    for chunk in stream:
        lines.feed(chunk)


class _Connection:
    """A client of the socket that is closed at the end."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._client: DockerClient | None = None

    def __enter__(self) -> DockerClient:
        import docker
        import docker.errors

        try:
            self._client = docker.DockerClient(base_url=f"unix://{self._socket}", timeout=120)
            self._client.ping()
        except (docker.errors.DockerException, OSError) as error:
            raise no_engine(self._socket, error) from error
        return self._client

    def __exit__(self, *exception: object) -> None:
        if self._client is not None:
            self._client.close()


def no_engine(socket: str, error: Exception) -> FailureError:
    return fail(
        FailureCategory.CONVERTER_NOT_AVAILABLE,
        f"No container engine answers at {socket}.",
        detail=str(error),
        next_step="Start Docker or Podman, or correct the ContainerEngine block.",
    )
