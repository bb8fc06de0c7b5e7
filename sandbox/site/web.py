"""OMERO.web, unmodified, with its static files, in gunicorn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from sandbox.site.accounts import FORM_MASTER
from sandbox.site.addresses import PREFECT_PATH
from sandbox.site.home import read_json, write_private
from sandbox.site.service import PROJECT, Service, check_http, python

#: The panel among OMERO.web's own apps, links and plugins, as every site has it.
PANEL = PROJECT / "deployments" / "omero_web" / "properties.json"


def configuration_xml(properties: Mapping[str, str]) -> str:
    """OMERO's etc/grid/config.xml, as `omero config set` writes it (omero.config.ConfigXml, version 5.1.0)."""
    root = ElementTree.Element("icegrid")
    active = ElementTree.SubElement(root, "properties", id="__ACTIVE__")
    ElementTree.SubElement(active, "property", name="omero.config.profile", value="default")
    profile = ElementTree.SubElement(root, "properties", id="default")
    for name, value in {"omero.config.version": "5.1.0", **properties}.items():
        ElementTree.SubElement(profile, "property", name=name, value=value)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


class Web(Service):
    """One gunicorn worker with threads: OMERO.web keeps its connections to OMERO in the process.

    The panel is among its apps. It needs nothing to start; who logs in before OMERO is up reads that the server
    does not answer.
    """

    name = "web"

    def prepare(self) -> None:
        (self.home.web / "tmp").mkdir(exist_ok=True)
        (self.home.web / "var" / "log").mkdir(parents=True, exist_ok=True)
        server = ["127.0.0.1", self.addresses.ports["omero_ssl"], "omero"]
        properties = {
            "omero.web.server_list": json.dumps([server]),
            "omero.web.application_server": "wsgi-tcp",
            "omero.web.application_server.host": "127.0.0.1",
            "omero.web.application_server.port": str(self.addresses.ports["omero_web"]),
            # The login page would ask api.github.com for releases.
            "omero.web.login.show_client_downloads": "false",
            # One cookie jar serves all ports of 127.0.0.1: two sites in one browser must not log each other out.
            "omero.web.session_cookie_name": f"sessionid_{self.addresses.ports['web']}",
        }
        prefect_auth = self.home.web / "prefect-auth"
        write_private(prefect_auth, self.addresses.prefect_auth + "\n")
        forms_password = self.home.web / "forms-password"
        write_private(forms_password, self.addresses.passwords[FORM_MASTER.name] + "\n")
        properties |= {
            **{name: json.dumps(value) for name, value in read_json(PANEL).items()},
            "omero.web.flows.prefect_api": self.addresses.prefect_api,
            "omero.web.flows.prefect_auth_file": str(prefect_auth),
            "omero.web.flows.forms_user": FORM_MASTER.name,
            "omero.web.flows.forms_password_file": str(forms_password),
            "omero.web.flows.prefect_ui": f"{PREFECT_PATH}/" if self.addresses.has_front else "",
        }
        write_private(Path(self.home.web / "etc" / "grid" / "config.xml"), configuration_xml(properties))

    def command(self) -> list[str]:
        return python(
            "-m",
            "gunicorn",
            "--bind",
            f"127.0.0.1:{self.addresses.ports['omero_web']}",
            "--workers",
            "1",
            "--threads",
            "8",
            "--timeout",
            "120",
            "--graceful-timeout",
            "3",
            "--no-control-socket",
            "--worker-tmp-dir",
            "/dev/shm" if Path("/dev/shm").is_dir() else str(self.home.web / "tmp"),
            "deployments.omero_web.application:application",
        )

    def environment(self) -> Mapping[str, str]:
        # OMERO.web keeps session files in the folder for temporary files.
        return {
            "OMERODIR": str(self.home.web),
            "TMPDIR": str(self.home.web / "tmp"),
            "DJANGO_SETTINGS_MODULE": "omeroweb.settings",
        }

    def check(self) -> None:
        check_http(f"{self.addresses.omero_web_url}/api/", seconds=10.0)
