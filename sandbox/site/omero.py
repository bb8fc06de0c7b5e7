"""The embedded OMERO as a service of the site."""

from __future__ import annotations

from sandbox.site.accounts import accounts_file
from sandbox.site.home import write_private
from sandbox.site.service import Service, check_greeting, python

#: An Ice server speaks first on a new connection: a "validate connection" message, which begins with
#: the protocol's magic (The Ice protocol, "Protocol messages").
ICE_MAGIC = b"IceP"


class Omero(Service):
    """`python -m sandbox.omero` on two loopback ports: TLS as clients expect it, TCP for short connections."""

    name = "omero"

    def prepare(self) -> None:
        write_private(self.home.secrets / "accounts.json", accounts_file(self.addresses.passwords))

    def command(self) -> list[str]:
        ports = self.addresses.ports
        return python(
            "-m",
            "sandbox.omero",
            "--home",
            str(self.home.omero),
            "--ssl-port",
            str(ports["omero_ssl"]),
            "--tcp-port",
            str(ports["omero_tcp"]),
            "--accounts",
            str(self.home.secrets / "accounts.json"),
        )

    def check(self) -> None:
        check_greeting(self.addresses.ports["omero_tcp"], ICE_MAGIC)
