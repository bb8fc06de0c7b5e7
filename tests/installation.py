"""A site's /etc/omero-flows as an admin fills it in: environment.example without its placeholders, and the secrets."""

from __future__ import annotations

import re
from pathlib import Path

from deployments.environment import PLACEHOLDER
from deployments.secret_files import make_secrets

DEPLOYMENTS = Path(__file__).parents[1] / "deployments"
EXAMPLE = DEPLOYMENTS / "environment.example"


def read_environment(file: Path) -> dict[str, str]:
    """The variables of an environment file, as systemd and Compose read it."""
    lines = file.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def fill_in(etc: Path, **values: str) -> dict[str, str]:
    """Make `etc` and everything in it; returns the environment. What is not among `values` gets an example's value."""
    make_secrets(etc / "secrets")
    (etc / "secrets" / "forms-password").write_text("of-the-form-master\n")
    (etc / "secrets" / "forms-password").chmod(0o600)
    examples = {
        "OMERO_HOST": "omero.example.org",
        "OMERO_FLOWS_STORAGE": "/images",
        "OMERO_FLOWS_REPOSITORY": "/OMERO/ManagedRepository",
        "OMERO_FLOWS_RESULTS": "/srv/results",
        "OMERO_FLOWS_ACCOUNT": "0:0",
        "FRONT_NAME": "flows.example.org",
    }
    environment = {
        name: value.replace("/etc/omero-flows", str(etc)) for name, value in read_environment(EXAMPLE).items()
    }
    environment |= {**examples, **values}
    assert not any(PLACEHOLDER.search(value) for value in environment.values()), environment
    text = "".join(f"{name}={value}\n" for name, value in environment.items())
    (etc / "environment").write_text(text)
    return environment


def placeholders() -> dict[str, str]:
    """Variables of the example that have to be filled in, with what stands there."""
    found = read_environment(EXAMPLE)
    return {name: value for name, value in found.items() if re.search("<", value)}
