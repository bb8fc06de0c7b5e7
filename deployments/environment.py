"""The environment of a site's services: what each needs, and why it does not start with what is there.

`environment.example` has every variable. Nothing starts with a placeholder, with a secret that everybody can read, or
with a password that others have as well.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from contracts.failures import FailureCategory, fail

#: What a value that nobody has filled in looks like.
PLACEHOLDER = re.compile(r"<[^<>]*>")

#: Passwords that products ship with, and that people type to get on.
_KNOWN_PASSWORDS = {"admin", "change-me", "changeme", "omero", "password", "prefect", "root", "root_password", "secret"}


class Role(StrEnum):
    """What is started."""

    PREFECT = "prefect"
    WORKER = "worker"
    COMMAND = "omero-flows"
    WEB = "web"
    FRONT = "front"
    #: nginx's file alone, for an nginx that is started by somebody else.
    FRONT_FILE = "front-file"
    CHECK = "check"


_AUTH = "OMERO_FLOWS_PREFECT_AUTH_FILE"
_PREFECT = (
    "PREFECT_SERVER_API_HOST",
    "PREFECT_SERVER_API_PORT",
    "PREFECT_SERVER_DATABASE_DRIVER",
    "PREFECT_SERVER_DATABASE_HOST",
    "PREFECT_SERVER_DATABASE_PORT",
    "PREFECT_SERVER_DATABASE_NAME",
    "PREFECT_SERVER_DATABASE_USER",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD",
)
_WEB = ("OMERO_HOST", "OMERO_PORT", "OMERO_WEB_HOST", "OMERO_WEB_PORT", "PREFECT_API_URL")
_FRONT = ("FRONT_NAME", "FRONT_PORT", "FRONT_OMERO_WEB", "PREFECT_API_URL")

#: Variables that a role cannot do without.
NEEDED: dict[Role, tuple[str, ...]] = {
    Role.PREFECT: _PREFECT,
    Role.WORKER: ("PREFECT_API_URL",),
    Role.COMMAND: ("PREFECT_API_URL",),
    Role.WEB: _WEB,
    Role.FRONT: _FRONT,
    Role.FRONT_FILE: _FRONT,
    Role.CHECK: tuple(dict.fromkeys((*_PREFECT, *_WEB, *_FRONT))),
}
#: Variables that name a file with a secret which the role reads, and what the program behind it calls the secret.
SECRETS: dict[Role, dict[str, str]] = {
    Role.PREFECT: {
        _AUTH: "PREFECT_SERVER_API_AUTH_STRING",
        "OMERO_FLOWS_DATABASE_PASSWORD_FILE": "PREFECT_SERVER_DATABASE_PASSWORD",
        "OMERO_FLOWS_ENCRYPTION_KEY_FILE": "PREFECT_SERVER_ENCRYPTION_KEY",
    },
    Role.WORKER: {_AUTH: "PREFECT_API_AUTH_STRING"},
    Role.COMMAND: {_AUTH: "PREFECT_API_AUTH_STRING"},
    Role.WEB: {_AUTH: ""},
    Role.FRONT: {_AUTH: ""},
    Role.FRONT_FILE: {_AUTH: ""},
}
SECRETS[Role.CHECK] = {**SECRETS[Role.PREFECT]}


def make_environment(role: Role, given: Mapping[str, str]) -> dict[str, str]:
    """`given`, and the secrets of the files it names under the names that the role's program reads.

    Raises:
        FailureError: NOT_CONFIGURED; its detail names every variable that is wrong, and why. No secret is in it.
    """
    problems = [f"{name} {problem}" for name, value in given.items() if (problem := _placeholder(name, value))]
    problems += [f"{name} is not set" for name in NEEDED[role] if not given.get(name, "").strip()]
    found = dict(given)
    for variable, wanted in SECRETS[role].items():
        if not (path := given.get(variable, "")):
            problems.append(f"{variable} is not set")
        elif PLACEHOLDER.search(path) is None:
            secret, problem = _read(variable, Path(path))
            if problem:
                problems.append(f"{variable}: {problem}")
            elif wanted:
                found[wanted] = secret
    if problems:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"{role} is not started: its environment is not complete.",
            detail="; ".join(problems),
            next_step="Correct /etc/omero-flows/environment, as deployments/environment.example explains it.",
        )
    return found


def _placeholder(name: str, value: str) -> str:
    """Of ours alone: what else is in the environment is not our business."""
    if not name.startswith(("OMERO_", "PREFECT_", "FRONT_")) or PLACEHOLDER.search(value) is None:
        return ""
    return f"still has the placeholder {value}"


def _read(variable: str, path: Path) -> tuple[str, str]:
    """A secret and "", or "" and why it is not taken."""
    try:
        mode = path.stat().st_mode
        secret = path.read_text("utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        return "", f"{path} cannot be read ({error})"
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return "", f"{path} is readable for everybody: chmod 640, or 600"
    if not secret.strip():
        return "", f"{path} is empty"
    if PLACEHOLDER.fullmatch(secret):
        return "", f"{path} still has a placeholder"
    user, colon, password = secret.partition(":")
    if variable == _AUTH and not (user and colon and password):
        return "", f"{path} has to hold user:password"
    if (password if variable == _AUTH else secret).lower() in _KNOWN_PASSWORDS:
        return "", f"{path} holds a password that everybody knows"
    return secret, ""
