"""OMERO.web's configuration for a site, from the environment: `<OMERODIR>/etc/grid/config.xml`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omero.config import ConfigXml

#: The panel among OMERO.web's own: apps, links, plugins. The sandbox reads it too.
PANEL = Path(__file__).with_name("properties.json")


def site_properties(environment: Mapping[str, str]) -> dict[str, str]:
    """Every property of a site, as `omero config set` takes it. No secret is among them, only files that hold one."""
    panel: dict[str, Any] = json.loads(PANEL.read_text("utf-8"))
    properties = {name: json.dumps(value) for name, value in panel.items()}
    properties |= {
        "omero.web.server_list": json.dumps([[environment["OMERO_HOST"], int(environment["OMERO_PORT"]), "omero"]]),
        "omero.web.secure": "true",
        "omero.web.application_server": "wsgi-tcp",
        # The login page would ask api.github.com for releases.
        "omero.web.login.show_client_downloads": "false",
        # nginx says in every request how the browser came, and nobody else can.
        "omero.web.secure_proxy_ssl_header": json.dumps(["HTTP_X_FORWARDED_PROTO", "https"]),
        "omero.web.flows.prefect_api": environment["PREFECT_API_URL"],
        "omero.web.flows.prefect_auth_file": environment["OMERO_FLOWS_PREFECT_AUTH_FILE"],
        "omero.web.flows.prefect_ui": "/prefect/",
        "omero.web.flows.forms_user": environment.get("OMERO_FLOWS_FORMS_USER", ""),
        "omero.web.flows.forms_password_file": environment.get("OMERO_FLOWS_FORMS_PASSWORD_FILE", ""),
    }
    if environment.get("FRONT_CERTIFICATE"):
        properties |= {"omero.web.session_cookie_secure": "true", "omero.web.csrf_cookie_secure": "true"}
    return properties


def write_properties(environment: Mapping[str, str], omerodir: Path) -> None:
    """Let OMERO.web in `omerodir` have them, and nothing of an earlier start."""
    file = omerodir / "etc" / "grid" / "config.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    (omerodir / "var" / "log").mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    configuration = ConfigXml(str(file))
    try:
        for name, value in site_properties(environment).items():
            configuration[name] = value
    finally:
        configuration.close()
