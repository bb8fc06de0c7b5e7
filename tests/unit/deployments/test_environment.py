"""Nothing starts with a placeholder, a secret that all may read, or a password that all know; it says which one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.failures import FailureError
from deployments.environment import NEEDED, SECRETS, Role, make_environment
from deployments.secret_files import make_secrets
from tests.installation import DEPLOYMENTS, EXAMPLE, fill_in, placeholders, read_environment

ALWAYS = read_environment(DEPLOYMENTS / "prefect-server.env")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**ALWAYS, **fill_in(tmp_path / "etc")}


def detail(role: Role, environment: dict[str, str]) -> str:
    with pytest.raises(FailureError) as failed:
        make_environment(role, environment)
    return failed.value.failure.detail


@pytest.mark.parametrize("role", Role)
def test_what_is_filled_in_starts_with_its_secrets(role: Role, environment: dict[str, str]) -> None:
    made = make_environment(role, environment)
    for variable, wanted in SECRETS[role].items():
        if wanted:
            assert made[wanted] == Path(environment[variable]).read_text().strip()


@pytest.mark.parametrize("role", Role)
def test_the_example_itself_starts_nothing(role: Role) -> None:
    said = detail(role, {**ALWAYS, **read_environment(EXAMPLE)})
    for variable, value in placeholders().items():
        assert f"{variable} still has the placeholder {value}" in said


def test_the_example_has_a_placeholder_wherever_nobody_can_know() -> None:
    assert set(placeholders()) == {
        "OMERO_HOST",
        "OMERO_FLOWS_STORAGE",
        "OMERO_FLOWS_REPOSITORY",
        "OMERO_FLOWS_RESULTS",
        "OMERO_FLOWS_ACCOUNT",
        "FRONT_NAME",
    }


@pytest.mark.parametrize(("role", "variable"), [(role, name) for role, names in NEEDED.items() for name in names])
def test_each_variable_is_needed(role: Role, variable: str, environment: dict[str, str]) -> None:
    assert detail(role, {**environment, variable: " "}) == f"{variable} is not set"


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("omero-flows:abcdefgh", 0o644, "is readable for everybody"),
        ("", 0o600, "is empty"),
        ("<user:password>", 0o600, "still has a placeholder"),
        ("no-colon", 0o600, "has to hold user:password"),
        ("admin:Password", 0o600, "holds a password that everybody knows"),
    ],
)
def test_a_bad_secret_is_named_and_not_shown(
    text: str, mode: int, why: str, environment: dict[str, str], tmp_path: Path
) -> None:
    file = Path(environment["OMERO_FLOWS_PREFECT_AUTH_FILE"])
    file.write_text(text + "\n")
    file.chmod(mode)
    said = detail(Role.WORKER, environment)
    assert said.startswith(f"OMERO_FLOWS_PREFECT_AUTH_FILE: {file} {why}")
    assert not text or text not in said


def test_the_program_ends_and_says_which(environment: dict[str, str]) -> None:
    """Status 78, with which systemd does not start it again."""
    outcome = subprocess.run(
        [sys.executable, "-m", "deployments.start", "prefect"],
        cwd=DEPLOYMENTS.parent,
        env={**os.environ, **environment, "PREFECT_SERVER_DATABASE_HOST": "<host>", "PREFECT_SERVER_API_PORT": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 78
    assert outcome.stderr.splitlines() == [
        "prefect is not started: its environment is not complete.",
        "  PREFECT_SERVER_DATABASE_HOST still has the placeholder <host>",
        "  PREFECT_SERVER_API_PORT is not set",
        "  Correct /etc/omero-flows/environment, as deployments/environment.example explains it.",
    ]


def test_made_secrets_are_the_owners_alone_and_are_never_made_twice(tmp_path: Path) -> None:
    first = make_secrets(tmp_path / "secrets")
    assert all(first.values())
    assert {file.stat().st_mode & 0o777 for file in first} == {0o600}
    texts = {file: file.read_text() for file in first}
    assert len(set(texts.values())) == len(texts)
    again = make_secrets(tmp_path / "secrets")
    assert not any(again.values())
    assert {file: file.read_text() for file in again} == texts
