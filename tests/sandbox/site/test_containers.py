"""A site's containers on the sandbox's engine: built, started by Compose, and one imports an image into OMERO.

The sandbox's OMERO and PostgreSQL stand for those of a site. Its engine has no network but the host's (`compose_here`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
import tifffile
import yaml
from cryptography.fernet import Fernet, InvalidToken
from docker import DockerClient
from omero.gateway import BlitzGateway

from sandbox.site import Site
from sandbox.site.home import write_private
from sandbox.site.service import PROJECT
from tests.environment_image import provide_environment
from tests.installation import DEPLOYMENTS
from tests.sandbox.site.installed_site import ETC, database_address, empty_database, install_beside

TARGETS = ("worker", "prefect", "web", "front", "converter")
DATABASE = "prefect_in_a_container"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="dockerd needs root")


@pytest.fixture(scope="module")
def engine(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerClient]:
    """The site's engine, with every image of ours."""
    assert site.docker_socket is not None, site.status()
    client = DockerClient(base_url=f"unix://{site.docker_socket}", timeout=600)
    try:
        environment = provide_environment(client, tmp_path_factory.mktemp("environment"))
        for target in TARGETS:
            client.images.build(
                path=str(PROJECT),
                dockerfile="deployments/containers/Containerfile",
                target=target,
                buildargs={"ENVIRONMENT": environment},
                tag=f"localhost/omero-flows-{target}:test",
                network_mode="none",
                rm=True,
            )
        yield client
    finally:
        client.close()


@dataclass
class Containers:
    """The services of compose.yaml, from `etc`."""

    site: Site
    etc: Path
    environment: dict[str, str]
    compose: Path

    @property
    def prefect_api(self) -> str:
        return self.environment["PREFECT_API_URL"]

    @property
    def auth(self) -> tuple[str, str]:
        user, _, password = (self.etc / "secrets" / "prefect-auth").read_text().strip().partition(":")
        return user, password

    def run(self, *words: str) -> str:
        done = self._compose(*words)
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr + self._compose("logs", "--no-color", "--tail", "60").stdout)
        return done.stdout

    def _compose(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker-compose", "--project-name", "omero-flows-test", "--file", str(self.compose), *words],
            env={"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{self.site.docker_socket}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=560,
            check=False,
        )

    def decrypted(self) -> str:
        """What the blocks in the database say to who has the key.

        Raises:
            InvalidToken: it is another key.
        """
        with psycopg.connect(database_address(self.site, DATABASE)) as connection:
            documents = connection.execute(
                "SELECT data::text FROM block_document WHERE name = 'omero-flows'"
            ).fetchall()
        assert documents
        key = Fernet((self.etc / "secrets" / "encryption-key").read_text().strip())
        return "".join(key.decrypt(json.loads(text)).decode() for (text,) in documents)

    def ask(self, auth: tuple[str, str]) -> int:
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.get(f"{self.prefect_api}/admin/version", auth=auth).status_code


@pytest.fixture(scope="module")
def containers(site: Site, engine: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed (sandbox/install/debian_packages.sh)")
    folder = tmp_path_factory.mktemp("installation")
    etc, environment = install_beside(site, folder, DATABASE)
    compose = folder / "compose.yaml"
    started = Containers(site, etc, environment, compose)
    compose.write_text(yaml.safe_dump(compose_here(etc)))
    started.run("down", "--timeout", "5", "--volumes")  # what a run that was killed left
    with empty_database(site, DATABASE):
        try:
            started.run("up", "--detach", "imports", "web", "front")
            yield started
        finally:
            started.run("down", "--timeout", "5", "--volumes")


def compose_here(etc: Path) -> dict[str, Any]:
    """compose.yaml, as Compose itself understands it, on an engine whose one network is the host's: without the
    database of its own, published ports and `sysctls`. The front, to which root is no use without capabilities, gets
    an account that is not root, and files of its own which that may read.
    """
    answer = subprocess.run(
        [
            *("docker-compose", "--env-file", str(etc / "environment")),
            *("--file", str(DEPLOYMENTS / "compose" / "compose.yaml"), "config"),
        ],
        env={"PATH": os.environ["PATH"], "OMERO_FLOWS_ETC": str(etc), "OMERO_FLOWS_TAG": "test"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    content: dict[str, Any] = yaml.safe_load(answer.stdout)
    services = content["services"]
    del services["database"], content["volumes"]
    services["prefect"]["depends_on"] = {"check": {"condition": "service_completed_successfully"}}
    for service in services.values():
        service["network_mode"] = "host"
        for name in ("ports", "sysctls"):
            service.pop(name, None)
    others = etc.with_name("front")
    shutil.copytree(etc, others)
    for path in [others, *others.rglob("*")]:
        os.chown(path, 65534, 65534)
    services["front"] |= {"user": "65534:65534", "volumes": [f"{others}:{ETC}:ro"]}
    return content


def test_an_image_holds_no_setting_and_nothing_of_the_checkout_besides(engine: DockerClient) -> None:
    for target in TARGETS:
        configuration = engine.images.get(f"localhost/omero-flows-{target}:test").attrs["Config"]
        assert configuration["User"] == "65534:65534"
        names = {variable.split("=")[0] for variable in configuration["Env"]}
        assert not any(name.startswith(("OMERO_", "FRONT_", "PREFECT_SERVER", "PREFECT_API")) for name in names)


def test_the_converter_alone(engine: DockerClient, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((32, 32), np.uint8))
    said = engine.containers.run(
        "localhost/omero-flows-converter:test",
        ["--inputfile", "/data/a.tif", "--outputfolder", "/data/.processed"],
        volumes={str(tmp_path): {"bind": "/data", "mode": "rw"}},
        network_mode="none",
        remove=True,
    )
    (made,) = yaml.safe_load(said.decode().splitlines()[-1])
    assert (tmp_path / ".processed" / Path(made["full_path"]).name).stat().st_size > 0


def test_an_order_is_imported_by_a_container(containers: Containers, order_folder: Path) -> None:
    tifffile.imwrite(order_folder / "cells.tif", np.arange(48 * 64, dtype=np.uint16).reshape(48, 64))
    dataset = f"From a container {order_folder.name}"
    said = containers.run(
        *("exec", "-T", "imports", "python", "-m", "deployments.start", "omero-flows", "import"),
        *("--as", "alice", "--group", "lab-a", "--dataset", dataset, str(order_folder / "cells.tif")),
    )
    assert "cells.tif" in said
    site = containers.site
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_tcp)
    try:
        assert gateway.connect()
        (found,) = gateway.getObjects("Dataset", attributes={"name": dataset})
        (image,) = found.listChildren()
        assert (image.getSizeX(), image.getSizeY()) == (64, 48)
    finally:
        gateway.close()


def test_the_key_that_encrypts_blocks_is_not_in_the_database(containers: Containers) -> None:
    """Nor, then, in a dump of it."""
    with psycopg.connect(database_address(containers.site, DATABASE)) as connection:
        assert connection.execute("SELECT key FROM configuration WHERE key = 'ENCRYPTION_KEY'").fetchall() == []
    assert containers.site.password("importer") in containers.decrypted()


def test_the_front_shows_omero_web_to_all_and_prefect_to_no_stranger(containers: Containers) -> None:
    address = f"http://127.0.0.1:{containers.environment['FRONT_PORT']}"
    with httpx.Client(trust_env=False, timeout=60, transport=httpx.HTTPTransport(retries=5)) as client:
        page = client.get(f"{address}/webclient/login/")
        assert page.status_code == 200, page.text
        assert client.get(f"{address}/flows/").status_code in (200, 302)
        assert client.get(f"{address}/prefect/api/admin/version").status_code == 401
        assert client.get(f"{address}/prefect/runs").status_code == 401


def test_prefect_shows_its_ui_from_an_image_that_nobody_may_write(containers: Containers) -> None:
    """Below the path that nginx gives it; a page that is no file is answered to a browser alone."""
    address = containers.prefect_api.removesuffix("/api")
    browser = {"Accept": "text/html"}
    with httpx.Client(
        trust_env=False, timeout=60, follow_redirects=True, auth=containers.auth, headers=browser
    ) as client:
        for page in ("/", "/runs"):
            answer = client.get(address + page)
            assert answer.status_code == 200, (page, answer.history, answer.text)
            assert "<title>Prefect Server</title>" in answer.text


def test_prefect_takes_another_password_when_its_file_has_changed(containers: Containers) -> None:
    """Rotation, as docs/admin.md tells it: the file anew, and every service that reads it started again."""
    old = containers.auth
    assert containers.ask(old) == 200
    write_private(containers.etc / "secrets" / "prefect-auth", "omero-flows:another-one-for-this-test\n")
    containers.run("up", "--detach", "--force-recreate", "imports")
    assert containers.ask(old) == 401
    assert containers.ask(containers.auth) == 200
    said = containers.run("exec", "-T", "imports", "python", "-m", "deployments.start", "omero-flows", "runs")
    assert "cells.tif" in said


def test_the_key_that_encrypts_blocks_is_changed_as_the_guide_says(containers: Containers) -> None:
    """Last of all: the services before it run with the old one."""
    old = (containers.etc / "secrets" / "encryption-key").read_text()
    with httpx.Client(trust_env=False, timeout=60, auth=containers.auth) as client:
        found = client.post(f"{containers.prefect_api}/block_documents/filter", json={}).raise_for_status().json()
        for block in found:
            client.delete(f"{containers.prefect_api}/block_documents/{block['id']}").raise_for_status()
    write_private(containers.etc / "secrets" / "encryption-key", Fernet.generate_key().decode() + "\n")
    containers.run("restart", "prefect")
    containers.run("run", "--rm", "deploy")
    assert containers.site.password("importer") in containers.decrypted()
    (containers.etc / "secrets" / "encryption-key").write_text(old)
    with pytest.raises(InvalidToken):
        containers.decrypted()
