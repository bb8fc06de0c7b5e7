"""nginx's configuration for a site: `nginx/omero-flows.conf.template`, filled in from the environment."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from contracts.failures import FailureCategory, fail

_TEMPLATES = Path(__file__).parent / "nginx"

#: Where nginx shows the Prefect UI (prefect-server.env).
PREFECT_PATH = "/prefect"

#: What may stand in nginx's configuration as it is: no space, quote, semicolon, brace or `$`.
_PLAIN = {
    "FRONT_NAME": r"[A-Za-z0-9._-]+",
    "FRONT_PORT": r"[0-9]{1,5}",
    "FRONT_OMERO_WEB": r"[A-Za-z0-9._-]+:[0-9]{1,5}",
    "FRONT_CERTIFICATE": r"(/[A-Za-z0-9._/-]+)?",
    "FRONT_CERTIFICATE_KEY": r"(/[A-Za-z0-9._/-]+)?",
}


def render_front(environment: Mapping[str, str], auth: str) -> str:
    """What goes into nginx's `http`. `auth` is `user:password` of Prefect's API; the text holds it.

    Raises:
        FailureError: NOT_CONFIGURED, naming the variables that are not what they should be.
    """
    values = {name: environment.get(name, "").strip() for name in _PLAIN}
    problems = [name for name, pattern in _PLAIN.items() if not re.fullmatch(pattern, values[name])]
    prefect = urlsplit(environment.get("PREFECT_API_URL", ""))
    address = f"{prefect.hostname}:{prefect.port}"
    if not re.fullmatch(_PLAIN["FRONT_OMERO_WEB"], address):
        problems.append("PREFECT_API_URL (it needs a host and a port)")
    if bool(values["FRONT_CERTIFICATE"]) != bool(values["FRONT_CERTIFICATE_KEY"]):
        problems.append("FRONT_CERTIFICATE and FRONT_CERTIFICATE_KEY (both, or none)")
    if problems:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The front is not started: its environment is not right.",
            detail="; ".join(problems),
            next_step="Correct the environment file (see deployments/environment.example).",
        )
    listen = [f"listen {values['FRONT_PORT']};", f"server_name {values['FRONT_NAME']};"]
    if values["FRONT_CERTIFICATE"]:
        listen = [
            f"listen {values['FRONT_PORT']} ssl;",
            f"server_name {values['FRONT_NAME']};",
            f'ssl_certificate "{values["FRONT_CERTIFICATE"]}";',
            f'ssl_certificate_key "{values["FRONT_CERTIFICATE_KEY"]}";',
            "ssl_protocols TLSv1.2 TLSv1.3;",
        ]
    return Template((_TEMPLATES / "omero-flows.conf.template").read_text("utf-8")).substitute(
        listen="\n    ".join(listen),
        omero_web=values["FRONT_OMERO_WEB"],
        prefect=address,
        prefect_path=PREFECT_PATH,
        password=base64.b64encode(auth.encode()).decode(),
    )


def render_nginx(folder: Path, site: Path) -> str:
    """A whole nginx around it, whose files lie in `folder`; requests are logged on its standard output."""
    return Template((_TEMPLATES / "nginx.conf.template").read_text("utf-8")).substitute(
        folder=folder, site=site, processes="auto", user="", access_log="/dev/stdout"
    )
