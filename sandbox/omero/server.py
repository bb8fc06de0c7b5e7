"""The embedded OMERO: one process part that speaks Ice as OMERO.server does. For trying and testing only.

    server = EmbeddedOmero(Path("home"), ssl_port=0, tcp_port=14063)
    server.start()
    ...
    server.stop()

Several servers can live in one process; nothing is kept outside the instance.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.all
import omero.model
import omero.rtypes
import omero_Scripts_ice  # type: ignore[import-untyped]  # noqa: F401 - not among omero.all's, needed to unmarshal script parameters
from omero import ObjectFactoryRegistrar

from sandbox.omero.accounts import Accounts
from sandbox.omero.brakes import Brakes
from sandbox.omero.calls import CallCounts
from sandbox.omero.certificate import ensure_certificate
from sandbox.omero.configuration import OMERO_VERSION, Configuration
from sandbox.omero.pixels import PixelSource
from sandbox.omero.router import ROUTER_IDENTITY, Connections, Locator, Router
from sandbox.omero.servant import Service, StatefulService
from sandbox.omero.sessions import Session, Sessions
from sandbox.omero.store import Store

log = logging.getLogger("sandbox.omero")

#: How often sessions are looked through for expired ones, in seconds.
_EXPIRY_INTERVAL = 1.0

#: Larger than any message of OMERO's clients (kB), as OMERO.server sets it.
_LARGEST_MESSAGE = 250_000


class EmbeddedOmero:
    """One server with its database, files, sessions and ports.

    `home` holds everything: `omero.sqlite`, `ManagedRepository/`, `Files/`, `Pixels/`, the certificate. A home is
    used by one server at a time. What was answered is on disk: a restart, or kill -9 and a restart, loses nothing
    that a client was told is done. Sessions end with the process.
    """

    def __init__(
        self,
        home: Path,
        *,
        host: str = "127.0.0.1",
        ssl_port: int = 0,
        tcp_port: int = 0,
        web_host: str = "",
        root_password: str = "omero",
    ) -> None:
        """Open (or make) the home. Nothing listens before `start()`.

        A port of 0 means that transport is not offered; at least one is needed. `web_host` is what clients are told
        as OMERO.web's address. `root_password` counts for a new home only.
        """
        if not (ssl_port or tcp_port):
            raise ValueError("an embedded OMERO needs an ssl_port or a tcp_port")
        self.home = home.resolve()
        self.host, self.ssl_port, self.tcp_port = host, ssl_port, tcp_port
        self.repository_root = self.home / "ManagedRepository"
        self.files_root = self.home / "Files"
        self.pixels_root = self.home / "Pixels"
        for folder in (self.home, self.repository_root, self.files_root, self.pixels_root):
            folder.mkdir(parents=True, exist_ok=True)
        self.store = Store(self.home / "omero.sqlite")
        self.accounts = Accounts(self.store)
        self.accounts.create_system_accounts(root_password)
        self.sessions = Sessions(self)
        self.connections = Connections(self)
        self.counts = CallCounts()
        self.brakes = Brakes(self.home / "brakes")
        insecure = f"OMERO.Glacier2/router:tcp -p {tcp_port} -h @omero.host@" if tcp_port else ""
        self.config = Configuration(self.store, {"omero.router.insecure": insecure, "omero.client.web.host": web_host})
        if self.store.setting("database-uuid") is None:
            self.store.remember("database-uuid", str(uuid.uuid4()))
        self.pixels = PixelSource(self.store, self.repository_root, self.pixels_root)
        self.communicator: Any = None
        self.adapter: Any = None
        # Imported here, because the services import this module's types.
        from sandbox.omero.services.registry import STATELESS

        self._stateless = STATELESS
        self._workers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="omero-command")
        self._stopping = threading.Event()

    # ---- life

    def start(self) -> EmbeddedOmero:
        """Listen and answer. Raises Ice.SocketException when a port is taken."""
        self.communicator = self._create_communicator()
        try:
            self.adapter = self.communicator.createObjectAdapter("Blitz")
        except Ice.Exception:
            self.communicator.destroy()
            self.communicator = None
            raise
        category, name = ROUTER_IDENTITY
        self.adapter.add(Router(self), Ice.Identity(name, category))
        self.adapter.addServantLocator(Locator(self), "")
        self.adapter.activate()
        threading.Thread(target=self._expire_sessions, name="omero-expiry", daemon=True).start()
        log.info(
            "embedded OMERO %s listens on %s; it is for trying and testing, not for production",
            OMERO_VERSION,
            ", ".join(self.addresses),
        )
        return self

    def stop(self) -> None:
        """Answer no more, finish what runs, close the database. Nothing happens to a server that is stopped."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self.communicator is not None:
            self.communicator.shutdown()
            self.communicator.waitForShutdown()
        self._workers.shutdown(wait=True)
        for session in self.sessions.all():
            self.sessions.end(session, "ended with the server")
        if self.communicator is not None:
            self.communicator.destroy()
        self.pixels.close()
        self.store.close()
        log.info("embedded OMERO stopped")

    def __enter__(self) -> EmbeddedOmero:
        return self.start()

    def __exit__(self, *failure: object) -> None:
        self.stop()

    @property
    def addresses(self) -> list[str]:
        """Where clients connect to, as `omero.client` takes it."""
        transports = (("ssl", self.ssl_port), ("tcp", self.tcp_port))
        return [f"{transport}://{self.host}:{port}" for transport, port in transports if port]

    def _create_communicator(self) -> Any:
        properties = Ice.createProperties()
        values = {
            "Ice.ThreadPool.Server.Size": "8",
            "Ice.ThreadPool.Server.SizeMax": "32",
            "Ice.MessageSizeMax": str(_LARGEST_MESSAGE),
            "Ice.ImplicitContext": "None",
            "Ice.Warn.Dispatch": "0",
            "Ice.Warn.Connections": "0",
            # A silent client is not cut off: its session's idle time decides, as on OMERO.server.
            "Ice.ACM.Server.Timeout": "60",
            "Ice.ACM.Server.Close": "0",
        }
        endpoints = []
        if self.ssl_port:
            certificate, key = ensure_certificate(self.home)
            values |= {
                "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
                "IceSSL.CertFile": str(certificate),
                "IceSSL.KeyFile": str(key),
                "IceSSL.VerifyPeer": "0",
            }
            endpoints.append(f"ssl -h {self.host} -p {self.ssl_port}")
        if self.tcp_port:
            endpoints.append(f"tcp -h {self.host} -p {self.tcp_port}")
        values["Blitz.Endpoints"] = ":".join(endpoints)
        for name, value in values.items():
            properties.setProperty(name, value)
        data = Ice.InitializationData()
        data.properties = properties
        communicator = Ice.initialize(data)
        # Without these, the objects that clients send do not arrive as omero.model classes.
        ObjectFactoryRegistrar.registerObjectFactory(communicator, None)
        for factory in omero.rtypes.ObjectFactories.values():
            factory.register(communicator)
        return communicator

    def _expire_sessions(self) -> None:
        while not self._stopping.wait(_EXPIRY_INTERVAL):
            try:
                self.sessions.expire()
            except Exception:
                log.exception("looking for expired sessions failed")

    # ---- objects behind proxies

    def proxy(self, session_uuid: str, name: str) -> Any:
        """The proxy (untyped: cast it) of a session's object."""
        return self.adapter.createProxy(Ice.Identity(name, session_uuid))

    def stateless_service(self, session: Session, name: str) -> Service | None:
        """The session's service of that name, made on first use; None where there is no such service."""
        entry = self._stateless.get(name)
        if entry is None:
            return None
        service = session.service(name)
        if service is None:
            service = entry.service_class(self, session)
            session.add_service(name, service)
        return service

    def add_stateful(self, session: Session, service: StatefulService, name: str) -> Any:
        """Publish a stateful service as one of the session's objects, under a name that ends in `name`.

        Returns its untyped proxy.
        """
        unique = f"{uuid.uuid4()}{name}"
        session.add_service(unique, service)
        return self.proxy(session.uuid, unique)

    def run_in_background(self, work: Callable[[], None]) -> None:
        """Run `work` in one of a few threads; it deals with its own failures."""
        self._workers.submit(work)
