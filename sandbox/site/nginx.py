"""nginx, the site's front: OMERO.web at /, and below /prefect/ the Prefect UI for OMERO's admins alone."""

from __future__ import annotations

import base64
import os
import shutil
from string import Template

from sandbox.site.addresses import PREFECT_PATH, Addresses
from sandbox.site.home import Home, write_private
from sandbox.site.service import NotAvailable, Service, check_http

#: `docs/admin.md` has the same for a site of its own. $name is filled in here, $$name is nginx's variable.
_CONFIGURATION = Template("""\
# Written by the sandbox at every start. It holds Prefect's password: for its owner alone.
daemon off;
worker_processes 2;
pid "$folder/nginx.pid";
error_log stderr warn;
$user
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log "$folder/access.log";
    client_body_temp_path "$folder/body";
    proxy_temp_path "$folder/proxy";
    fastcgi_temp_path "$folder/fastcgi";
    uwsgi_temp_path "$folder/uwsgi";
    scgi_temp_path "$folder/scgi";
    server_tokens off;
    gzip on;
    gzip_types text/css text/javascript application/javascript application/json image/svg+xml;

    map $$http_upgrade $$connection_upgrade { default upgrade; '' ''; }
    # A page of another site must not make an admin's browser do something in Prefect.
    map $$http_sec_fetch_site $$foreign { default 1; '' 0; same-origin 0; none 0; }

    upstream omero_web { server 127.0.0.1:$omero_web; keepalive 8; }
    upstream prefect { server 127.0.0.1:$prefect; keepalive 8; }

    proxy_http_version 1.1;
    proxy_set_header Host $$http_host;
    proxy_set_header Connection $$connection_upgrade;
    proxy_set_header X-Forwarded-For $$proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $$scheme;
    proxy_read_timeout 300s;

    server {
        listen 127.0.0.1:$port;
        client_max_body_size 100m;

        location / { proxy_pass http://omero_web; }

        # Prefect's open-source UI has no roles: who reaches it reads and deletes everything. OMERO.web says
        # of each request whether its session is an admin's; only then is the password added, here, so that
        # no browser ever has it.
        location $prefect_path/ {
            if ($$foreign) { return 403; }
            auth_request /.prefect-admission;
            proxy_pass http://prefect;
            proxy_set_header Host $$http_host;
            proxy_set_header Upgrade $$http_upgrade;
            proxy_set_header Connection $$connection_upgrade;
            proxy_set_header Authorization "Basic $password";
            proxy_set_header Cookie "";
            add_header Content-Security-Policy "frame-ancestors 'self'" always;
            add_header X-Content-Type-Options nosniff always;
        }
        location = /.prefect-admission {
            internal;
            proxy_pass http://omero_web/flows/admin/prefect/admission/;
            proxy_pass_request_body off;
            proxy_set_header Host $$http_host;
            proxy_set_header Content-Length "";
            proxy_set_header Connection "";
        }
    }
}
""")


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
        write_private(self.home.nginx / "nginx.conf", configuration(self.home, self.addresses))

    def command(self) -> list[str]:
        return [str(find_program()), "-p", str(self.home.nginx), "-c", str(self.home.nginx / "nginx.conf")]

    def check(self) -> None:
        check_http(f"{self.addresses.web_url}/api/", seconds=10.0)


def configuration(home: Home, addresses: Addresses) -> str:
    return _CONFIGURATION.substitute(
        folder=home.nginx,
        user="user root;" if os.getuid() == 0 else "",  # the home is its owner's alone, temporary files lie in it
        omero_web=addresses.ports["omero_web"],
        prefect=addresses.ports["prefect"],
        port=addresses.ports["web"],
        prefect_path=PREFECT_PATH,
        password=base64.b64encode(addresses.prefect_auth.encode()).decode(),
    )
