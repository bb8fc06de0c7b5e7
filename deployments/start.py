"""Start one service of a site in this process's place: `python -m deployments.start ROLE [ARGUMENTS]`.

What the containers and the systemd units run. It looks at the environment first (`environment.py`), and ends with
status 78 and a sentence for each variable that is wrong (EX_CONFIG of sysexits.h: starting again helps nothing).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from contracts.failures import FailureError
from deployments.environment import Role, make_environment
from deployments.settings import read_secret

#: EX_CONFIG.
NOT_CONFIGURED = 78


def main(arguments: Sequence[str]) -> int:
    """Returns only when nothing was started."""
    try:
        role = Role(arguments[0])
    except (IndexError, ValueError):
        print(f"usage: python -m deployments.start {'|'.join(Role)} [ARGUMENTS]", file=sys.stderr)
        return 2
    try:
        environment = make_environment(role, os.environ)
        command = _command(role, arguments[1:], environment)
    except FailureError as error:
        failure = error.failure
        print("\n  ".join([failure.summary, *failure.detail.split("; "), failure.next_step]), file=sys.stderr)
        return NOT_CONFIGURED
    if command:
        os.execve(command[0], command, environment)
    if role is Role.FRONT_FILE and arguments[1:]:
        _replace(Path(arguments[1]), _front_file(environment))
        return 0
    print("The environment is complete." if role is Role.CHECK else _front_file(environment))
    return 0


def _command(role: Role, arguments: Sequence[str], environment: dict[str, str]) -> list[str]:
    """What is started, its files written; `environment` gets what it needs besides."""
    if role is Role.PREFECT:
        return _prefect(arguments, environment)
    if role is Role.WORKER:
        return _python("cli.main", "worker", *arguments)
    if role is Role.COMMAND:
        return _python("cli.main", *arguments)
    if role is Role.WEB:
        return _web(environment)
    if role is Role.FRONT:
        return _front(environment)
    return []


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _prefect(arguments: Sequence[str], environment: dict[str, str]) -> list[str]:
    """Its UI is made when it starts: beside its code, where nobody may write, unless a folder is named."""
    if home := environment.get("PREFECT_HOME"):
        folder = Path(home) / "ui"
        folder.mkdir(parents=True, exist_ok=True)
        environment["PREFECT_SERVER_UI_STATIC_DIRECTORY"] = str(folder)
    return _python("prefect", "server", "start", *arguments)


def _web(environment: dict[str, str]) -> list[str]:
    """One gunicorn worker with threads: OMERO.web keeps its connections to OMERO in the process."""
    from deployments.omero_web.properties import write_properties

    omerodir = Path(environment.setdefault("OMERODIR", "/var/lib/omero-web"))
    write_properties(environment, omerodir)
    environment["DJANGO_SETTINGS_MODULE"] = "omeroweb.settings"
    bind = f"{environment['OMERO_WEB_HOST']}:{environment['OMERO_WEB_PORT']}"
    options = ["--bind", bind, "--workers", "1", "--threads", "8", "--timeout", "120", "--no-control-socket"]
    return _python("gunicorn", *options, "deployments.omero_web.application:application")


def _front_file(environment: Mapping[str, str]) -> str:
    from deployments.front import render_front

    return render_front(environment, read_secret(Path(environment["OMERO_FLOWS_PREFECT_AUTH_FILE"])))


def _replace(file: Path, text: str) -> None:
    """In one step, so that nginx never reads half of it; for its owner alone."""
    hidden = f".{file.name}."
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=hidden, delete=False) as new:
        new.write(text)
    Path(new.name).replace(file)


def _front(environment: Mapping[str, str]) -> list[str]:
    from deployments.front import render_nginx

    nginx = shutil.which("nginx", path=os.pathsep.join([environment.get("PATH", ""), "/usr/sbin"]))
    if nginx is None:
        raise SystemExit("nginx is not installed")
    folder = Path(environment.get("TMPDIR", "/tmp")) / "omero-flows-front"
    folder.mkdir(mode=0o700, exist_ok=True)
    site, whole = folder / "omero-flows.conf", folder / "nginx.conf"
    for file, text in ((site, _front_file(environment)), (whole, render_nginx(folder, site))):
        file.touch(mode=0o600)
        file.write_text(text, "utf-8")
    return [nginx, "-p", str(folder), "-c", str(whole)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
