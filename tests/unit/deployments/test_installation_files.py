"""The files that a site is installed from are held to the programs that read them: nginx, systemd, Docker Compose."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.failures import FailureError
from deployments.front import render_front, render_nginx
from deployments.omero_web.properties import site_properties, write_properties
from tests.installation import DEPLOYMENTS, fill_in

UNITS = sorted((DEPLOYMENTS / "systemd").iterdir())
COMPOSE = DEPLOYMENTS / "compose" / "compose.yaml"
WITH_OMERO = DEPLOYMENTS / "compose" / "compose.omero-server.yaml"
GIVEN = {"OMERO_DATABASE_PASSWORD": "for-this-test", "OMERO_ROOT_PASSWORD": "for-this-test", "OMERO_DATA": "/OMERO"}
OURS = {"check", "prefect", "deploy", "imports", "analyses", "housekeeping", "metrics", "web", "front"}


def run(*command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    path = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(command, env=path | (environment or {}), capture_output=True, text=True, check=False)


def needs(program: str) -> str:
    found = shutil.which(program, path="/usr/sbin:/usr/bin")
    if found is None:
        pytest.skip(f"{program} is not installed (sandbox/install/debian_packages.sh)")
    return found


def test_nginx_takes_the_front(tmp_path: Path) -> None:
    nginx = needs("nginx")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", "/CN=flows.example.org", "-keyout", str(key), "-out", str(certificate)),
    )
    assert made.returncode == 0, made.stderr
    environment = fill_in(
        tmp_path / "etc",
        PREFECT_API_URL="http://127.0.0.1:4200/prefect/api",
        FRONT_OMERO_WEB="127.0.0.1:4080",
        FRONT_CERTIFICATE=str(certificate),
        FRONT_CERTIFICATE_KEY=str(key),
    )
    site, whole = tmp_path / "omero-flows.conf", tmp_path / "nginx.conf"
    for without_tls in ({}, {"FRONT_CERTIFICATE": "", "FRONT_CERTIFICATE_KEY": ""}):
        text = render_front({**environment, **without_tls}, "user:pass$word")
        assert ("ssl" in text) != bool(without_tls)
        site.write_text(text)
        whole.write_text(render_nginx(tmp_path, site))
        tested = run(nginx, "-t", "-p", str(tmp_path), "-c", str(whole))
        assert tested.returncode == 0, tested.stderr
        assert "warn" not in tested.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"FRONT_NAME": "a; return 200 x"},
        {"FRONT_CERTIFICATE": '/tls"; x'},
        {"FRONT_PORT": "https"},
        {"FRONT_CERTIFICATE": ""},
        {"PREFECT_API_URL": "http://prefect/api"},
    ],
)
def test_nothing_gets_into_the_front_unchecked(tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(FailureError) as failed:
        render_front({**fill_in(tmp_path / "etc"), **change}, "user:password")
    assert next(iter(change)) in failed.value.failure.detail


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    """With this environment's Python and this checkout in the place of the installation's."""
    systemd_analyze = needs("systemd-analyze")
    for each in UNITS:
        text = each.read_text("utf-8").replace("/opt/omero-flows/.venv/bin/python", sys.executable)
        (tmp_path / each.name).write_text(text.replace("/opt/omero-flows/docs", str(DEPLOYMENTS.parent / "docs")))
    name = unit.name.replace("@.", "@imports.")
    (tmp_path / name).write_text((tmp_path / unit.name).read_text())
    verified = run(systemd_analyze, "verify", "--man=no", str(tmp_path / name))
    assert verified.returncode == 0, verified.stderr
    assert not verified.stderr.strip()


def test_every_unit_starts_what_there_is() -> None:
    started = {word for unit in UNITS for word in re.findall(r"deployments\.start (\S+)", unit.read_text("utf-8"))}
    assert started == {"prefect", "worker", "web", "omero-flows", "front-file"}


def compose(tmp_path: Path, *files: Path, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    fill_in(tmp_path / "etc")
    options = [option for file in files for option in ("--file", str(file))]
    return run(
        needs("docker-compose"),
        *("--env-file", str(tmp_path / "etc" / "environment"), *options, "config"),
        environment={"OMERO_FLOWS_ETC": str(tmp_path / "etc"), **given},
    )


def test_compose_takes_a_site_beside_an_omero_server(tmp_path: Path) -> None:
    answer = compose(tmp_path, COMPOSE, given={})
    assert answer.returncode == 0, answer.stderr
    services: dict[str, Any] = yaml.safe_load(answer.stdout)["services"]
    assert set(services) == OURS | {"database"}
    for name in OURS:
        service = services[name]
        assert service["user"] == "0:0", "of the environment file"
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert [name for name, service in services.items() if service.get("ports")] == ["front"]


def test_compose_takes_a_site_with_an_omero_server_and_its_passwords(tmp_path: Path) -> None:
    answer = compose(tmp_path, COMPOSE, WITH_OMERO, given=GIVEN)
    assert answer.returncode == 0, answer.stderr
    assert set(yaml.safe_load(answer.stdout)["services"]) == OURS | {"database", "omero", "omero-database"}


@pytest.mark.parametrize("missing", GIVEN)
def test_no_password_has_a_default(tmp_path: Path, missing: str) -> None:
    answer = compose(tmp_path, COMPOSE, WITH_OMERO, given={**GIVEN, missing: ""})
    assert answer.returncode != 0
    assert missing in answer.stderr + answer.stdout


def test_every_image_of_ours_is_a_target() -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)", (DEPLOYMENTS / "containers/Containerfile").read_text(), re.M))
    used = set(re.findall(r"localhost/omero-flows-([a-z]+):", COMPOSE.read_text("utf-8")))
    built = re.search(r"for target in (.*);", (DEPLOYMENTS / "containers/build").read_text())
    assert built is not None
    assert targets - {"omero-flows"} == set(built[1].split()) == used | {"converter"}


def test_omero_web_is_told_no_secret(tmp_path: Path) -> None:
    environment = fill_in(tmp_path / "etc")
    write_properties(environment, tmp_path / "web")
    written = (tmp_path / "web" / "etc" / "grid" / "config.xml").read_text("utf-8")
    for secret in (tmp_path / "etc" / "secrets").iterdir():
        assert secret.read_text().strip() not in written
    assert site_properties(environment)["omero.web.session_cookie_secure"] == "true"
    assert 'value="true"' in written
