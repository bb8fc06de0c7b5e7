"""nginx, the site's front: OMERO.web at /, and below /prefect/ the Prefect UI for OMERO's admins alone."""

from __future__ import annotations

import base64
import os
import shutil
from string import Template

from sandbox.site.addresses import PREFECT_PATH, Addresses
from sandbox.site.home import Home, write_private
from sandbox.site.service import PROJECT, NotAvailable, Service, check_http

#: A site of one's own has the same.
_TEMPLATES = PROJECT / "deployments" / "nginx"


def find_program() -> str | None:
    """nginx, which Debian keeps where an ordinary account does not look."""
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


class Nginx(Service):
    """OMERO.web, the panel and the Prefect UI on one origin; without it the panel has no Prefect UI."""

    name = "nginx"
    optional = True

    def prepare(self) -> None:
        if find_program() is None:
            raise NotAvailable("nginx is not installed (apt-get install nginx-light): the panel has no Prefect UI")
        self.home.nginx.mkdir(exist_ok=True)
        write_private(self.home.nginx / "omero-flows.conf", front(self.addresses))
        write_private(self.home.nginx / "nginx.conf", configuration(self.home))

    def command(self) -> list[str]:
        return [str(find_program()), "-p", str(self.home.nginx), "-c", str(self.home.nginx / "nginx.conf")]

    def check(self) -> None:
        check_http(f"{self.addresses.web_url}/api/", seconds=10.0)


def front(addresses: Addresses) -> str:
    """OMERO.web and the Prefect UI on one port; the text holds Prefect's password."""
    return _template("omero-flows.conf.template").substitute(
        listen=f"listen 127.0.0.1:{addresses.ports['web']};",
        omero_web=f"127.0.0.1:{addresses.ports['omero_web']}",
        prefect=f"127.0.0.1:{addresses.ports['prefect']}",
        prefect_path=PREFECT_PATH,
        password=base64.b64encode(addresses.prefect_auth.encode()).decode(),
    )


def configuration(home: Home) -> str:
    return _template("nginx.conf.template").substitute(
        folder=home.nginx,
        site=home.nginx / "omero-flows.conf",
        processes=2,
        user="user root;" if os.getuid() == 0 else "",  # the home is its owner's alone, temporary files lie in it
        access_log=f'"{home.nginx}/access.log"',
    )


def _template(name: str) -> Template:
    return Template((_TEMPLATES / name).read_text("utf-8"))
