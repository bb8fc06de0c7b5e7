"""A cluster for this ring: the sandbox's Slurm with accounting, without the rest of the site."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from blocks.run_folder import tidy
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from sandbox.cluster.machine import why_not
from sandbox.site import Site
from tests.cluster.login import RUN_AS_SCRIPT, Login
from tests.cluster.user import User


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of Slurm alone; it ends with the test run."""
    if reason := why_not():
        pytest.skip(reason)
    site = Site(tmp_path_factory.mktemp("cluster"), bound_to_me=True, accounting=True)
    try:
        site.start(["slurm", "workflows"])
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def local_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of the local job runner alone, which needs no root; it ends with the test run."""
    site = Site(tmp_path_factory.mktemp("local-cluster"), bound_to_me=True, cluster="local")
    try:
        site.start(["slurm"])
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def user(cluster: Site) -> Iterator[User]:
    access = cluster.cluster
    assert access is not None, cluster.status()
    user = User(access)
    yield user
    user.close()


@pytest.fixture(scope="session")
def slurm(request: pytest.FixtureRequest) -> SlurmCluster:
    """The block. Its "containers" are shell scripts that are given the folders: a job does what its test says.

    It is of the sandbox's Slurm, or of what `ON_BOTH_CLUSTERS` names.
    """
    site: Site = request.getfixturevalue(getattr(request, "param", "cluster"))
    access = site.cluster
    assert access is not None, site.status()
    return SlurmCluster(
        host=access.host,
        port=access.port,
        user=access.user,
        private_key=SecretStr(access.private_key),
        known_hosts=access.known_hosts,
        scratch=access.scratch,
        images=access.containers,
        accounting=access.accounting,
        container_command=RUN_AS_SCRIPT,
        default_minutes=10,
        default_memory_mb=100,
        default_cpus=1,
    )


@pytest.fixture
def connection(slurm: SlurmCluster) -> Iterator[SshConnection]:
    with slurm.connect() as connection:
        yield connection


@pytest.fixture
def login(slurm: SlurmCluster) -> Iterator[Login]:
    """The account's own shell, beside what is tested."""
    with slurm.connect() as connection:
        yield Login(slurm, connection)


@pytest.fixture
def token(slurm: SlurmCluster, login: Login) -> Iterator[uuid.UUID]:
    """A run of this test alone; its jobs and its folder are gone afterwards."""
    token = uuid.uuid4()
    yield token
    login.ask(f"scancel --quiet --name={token}")
    login.wait_until(f'[ -z "$(squeue --noheader --name={token})" ]')
    tidy(slurm, login.connection, token)


@pytest.fixture
def began() -> datetime:
    """When the run was ordered."""
    return datetime.now(UTC) - timedelta(minutes=1)
