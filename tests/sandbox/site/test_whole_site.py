"""The whole site, every service answering its own clients."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from omero.gateway import BlitzGateway

from sandbox.cluster.machine import why_not as why_no_cluster
from sandbox.site import Site
from sandbox.site.accounts import ACCOUNTS, GROUPS, IMPORTER
from sandbox.site.prefect import authorisation
from sandbox.site.service import check_http
from sandbox.site.status import State
from sandbox.site.supervisor import SERVICES


def test_every_service_is_ready_or_says_why_not(site: Site) -> None:
    status = site.status()
    assert status is not None and status.is_running()
    for name, service in status.services.items():
        if service.state is State.ABSENT:
            assert SERVICES[name].optional and service.detail
        else:
            assert service.state is (State.DONE if SERVICES[name].runs_once else State.READY), (name, service)


def test_the_cluster_is_there_where_it_can_run(site: Site) -> None:
    reason = why_no_cluster()
    access = site.cluster
    assert access is not None and access.local == reason
    if reason is not None:
        pytest.skip(reason)
    slurm = ["ssh", "-F", str(site.home.cluster_ssh_config), "hpc"]
    listed = subprocess.run([*slurm, "sinfo --noheader --format=%T"], capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0, listed.stderr
    images = subprocess.run([*slurm, f"ls {access.registry}"], capture_output=True, text=True, timeout=60)
    assert images.stdout.split() == ["nuclei_v1.0.0.sqfs"]


@pytest.mark.parametrize("account", [account.name for account in ACCOUNTS])
def test_each_demo_account_logs_in(site: Site, account: str) -> None:
    gateway = BlitzGateway(account, site.password(account), host=site.omero_tcp)
    try:
        assert gateway.connect(), gateway.getLastError()
    finally:
        gateway.close()


def test_a_wrong_password_does_not_log_in(site: Site) -> None:
    gateway = BlitzGateway("alice", "wrong", host=site.omero_tcp)
    try:
        assert not gateway.connect()
    finally:
        gateway.close()


def test_the_groups_have_the_permissions_that_are_shown(site: Site) -> None:
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_tcp)
    try:
        assert gateway.connect()
        found = {group.getName(): str(group.getDetails().permissions) for group in gateway.getGroupsMemberOf()}
    finally:
        gateway.close()
    assert found == {group.name: group.permissions for group in GROUPS}


def test_the_importer_acts_as_another_user_over_tls(site: Site) -> None:
    gateway = BlitzGateway(
        IMPORTER.name, site.password(IMPORTER.name), host=site.omero_host, port=site.omero_port, secure=True
    )
    try:
        assert gateway.connect(), gateway.getLastError()
        as_alice = gateway.suConn("alice", "lab-b")
        assert as_alice.getUser().getName() == "alice"
        assert as_alice.getGroupFromContext().getName() == "lab-b"
        as_alice.close()
    finally:
        gateway.close()


def test_omero_web_logs_in_and_serves_its_static_files(site: Site) -> None:
    browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    login = f"{site.web_url}/webclient/login/"
    page = browser.open(login, timeout=30).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    for stylesheet in re.findall(r'href="(/static/[^"]+\.css[^"]*)"', page):
        answer = browser.open(site.web_url + stylesheet, timeout=30)
        assert answer.headers["Content-Type"].startswith("text/css")

    form = {
        "username": "bob",
        "password": site.password("bob"),
        "server": "1",
        "csrfmiddlewaretoken": token.group(1),
    }
    request = urllib.request.Request(login, urllib.parse.urlencode(form).encode(), {"Referer": login})
    answer = browser.open(request, timeout=60)
    # A wrong password also answers 200, with the login page again.
    assert answer.url == f"{site.web_url}/webclient/"
    assert 'id="id_password"' not in answer.read().decode()


def test_prefect_asks_for_its_password(site: Site) -> None:
    deployments = f"{site.prefect_api}/admin/version"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(deployments, timeout=30)
    check_http(deployments, headers=authorisation(site.addresses))


def test_a_child_process_finds_the_site_by_its_environment(site: Site, tmp_path: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "cli.main", "runs"],
        env=site.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert listed.returncode == 0, listed.stderr


def test_two_services_die_and_come_back_while_the_others_stay(site: Site) -> None:
    before = site.status()
    assert before is not None
    site.kill("web")
    site.kill("worker")
    for name in ("web", "worker"):
        restarts = before.services[name].restarts
        site.wait_until(name, lambda now, restarts=restarts: now.restarts > restarts and now.state is State.READY, 90.0)
    after = site.status()
    assert after is not None
    for name in ("postgres", "prefect", "omero"):
        assert after.services[name].process == before.services[name].process


@pytest.mark.skipif(os.getuid() != 0, reason="dockerd needs root")
def test_the_container_engine_is_the_sites_own(site: Site) -> None:
    if site.docker_socket is None:
        status = site.status()
        assert status is not None
        pytest.skip(status.services["docker"].detail)
    import docker

    engine = docker.DockerClient(base_url=f"unix://{site.docker_socket}")
    assert engine.info()["DockerRootDir"] == str(site.home.containers / "data")
