"""Prefect's server, the worker that runs flows, and the deploy step that tells the server about them."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from sandbox.cluster.access import find_access
from sandbox.cluster.login import Sshd
from sandbox.local_cluster.services import LocalLogin
from sandbox.site.addresses import Addresses
from sandbox.site.containers import Docker
from sandbox.site.home import Home
from sandbox.site.postgres import DATABASE, USER, Postgres
from sandbox.site.service import PROJECT, Service, Unhealthy, check_http, python
from sandbox.site.settings_file import write_settings

#: The work pools of prefect.yaml.
WORK_POOL = "imports"
ANALYSIS_POOL = "analyses"
HOUSEKEEPING_POOL = "housekeeping"

#: How many flow runs the worker has going at once; the rest wait in the queue. Each is a process of
#: some 170 MB. The variable is for those who try many orders at once.
RUNS_AT_ONCE = 2 * (os.cpu_count() or 1)
RUNS_VARIABLE = "SANDBOX_RUNS_AT_ONCE"

#: The rooms whose code `omero-flows deploy` tells Prefect about: a parameter's schema comes from a contract.
_DEPLOYED = ("contracts", "blocks", "tasks", "flows", "deployments")

#: No usage reports and no advertisements: a demo on a closed network must not try to reach anybody.
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
}


def client_environment(home: Home, addresses: Addresses) -> dict[str, str]:
    """What a process needs to use this site's Prefect: the worker, its flow runs, the command line, tests."""
    return {
        **QUIET,
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_PROFILES_PATH": str(home.prefect / "profiles.toml"),
        "PREFECT_API_URL": addresses.prefect_api,
        "PREFECT_API_AUTH_STRING": addresses.prefect_auth,
        "PREFECT_UI_URL": addresses.prefect_url,
        # A run whose process died finds its finished tasks here, whichever worker runs it next.
        "PREFECT_LOCAL_STORAGE_PATH": str(home.results),
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(home.results),
        # Missing heartbeats are how a run whose worker died with it is noticed; 30 s is Prefect's minimum.
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "OMERO_FLOWS_HOME": str(home.root),
        "OMERO_FLOWS_SETTINGS": str(home.settings_file),
    }


def authorisation(addresses: Addresses) -> dict[str, str]:
    encoded = base64.b64encode(addresses.prefect_auth.encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def every_servers() -> dict[str, str]:
    """What Prefect's server is told on every site, deployments/prefect-server.env."""
    lines = (PROJECT / "deployments" / "prefect-server.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class PrefectServer(Service):
    """The API, the scheduler and the UI, on loopback behind one shared password (Prefect has no accounts)."""

    name = "prefect"

    def __init__(self, home: Home, addresses: Addresses) -> None:
        super().__init__(home, addresses)
        self.needs = ("postgres",) if addresses.database == "postgresql" else ()

    def command(self) -> list[str]:
        return python(
            "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.addresses.ports["prefect"])
        )

    def environment(self) -> Mapping[str, str]:
        return {
            **every_servers(),
            **client_environment(self.home, self.addresses),
            "PREFECT_SERVER_API_AUTH_STRING": self.addresses.prefect_auth,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self._database(),
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{self.addresses.ports['prefect']}",
            # Runs are the provenance and are never vacuumed; events are, after a month.
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events",
            "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P30D",
        }

    def check(self) -> None:
        check_http(f"{self.addresses.prefect_api}/admin/version", headers=authorisation(self.addresses))

    def _database(self) -> str:
        if self.addresses.database == "sqlite":
            return f"sqlite+aiosqlite:///{self.home.prefect / 'prefect.db'}"
        port = self.addresses.ports["postgres"]
        return f"postgresql+asyncpg://{USER}:{self.addresses.database_password}@127.0.0.1:{port}/{DATABASE}"


class Deploy(Service):
    """`omero-flows deploy`: blocks, work pool, limits, automations and deployments, at every start of the site."""

    name = "deploy"
    needs = ("prefect", "omero")
    after = ("docker", "sshd", "local-login", "workflows")
    runs_once = True
    start_seconds = 900.0  # 12 s alone, but it imports every flow, and a busy machine has taken more than 180

    def prepare(self) -> None:
        """Name a container engine and a cluster to the flows only where they answer."""
        if self.addresses.database == "postgresql":
            Postgres(self.home, self.addresses).index_tags()
        docker = Docker(self.home, self.addresses)
        login = (Sshd if self.addresses.local_cluster is None else LocalLogin)(self.home, self.addresses)
        write_settings(
            self.home,
            self.addresses,
            container_socket=docker.socket if _answers(docker) else None,
            cluster=find_access(self.home, self.addresses) if _answers(login) else None,
        )

    def command(self) -> list[str]:
        return python("-m", "cli.main", "deploy", "--settings", str(self.home.settings_file))

    def environment(self) -> Mapping[str, str]:
        return client_environment(self.home, self.addresses)

    def check(self) -> None:
        raise Unhealthy("not finished yet")


def newest_source() -> float:
    """When what a deployment is made of was changed last, in seconds since the epoch: flows, and all they import."""
    files = [file for room in _DEPLOYED for file in (PROJECT / room).rglob("*.py")]
    return max(file.stat().st_mtime for file in [*files, PROJECT / "prefect.yaml"])


def _answers(service: Service) -> bool:
    try:
        service.check()
    except Unhealthy:
        return False
    return True


class Worker(Service):
    """A process worker: each flow run is a child process, and outlives the worker's own death.

    Told to end, it gives its runs back first, and waits for those that are being cancelled.
    """

    name = "worker"
    pool = WORK_POOL
    port = "worker"
    needs = ("prefect",)  # not the deploy step: until that has made the work pool, the worker waits for it
    stop_signal = signal.SIGTERM
    stop_seconds = 45.0
    children_outlive = True

    @property
    def temporary(self) -> Path:
        """Prefect keeps every worker's files in one folder of /tmp, which is then the first account's alone."""
        return self.home.run / "tmp"

    def prepare(self) -> None:
        self.temporary.mkdir(exist_ok=True)

    def command(self) -> list[str]:
        return python(
            "-m",
            "cli.main",
            "worker",
            "--pool",
            self.pool,
            "--limit",
            os.environ.get(RUNS_VARIABLE, str(RUNS_AT_ONCE)),
            "--name",
            f"sandbox-{self.pool}",
            "--healthcheck",
        )

    def environment(self) -> Mapping[str, str]:
        return {
            **client_environment(self.home, self.addresses),
            "TMPDIR": str(self.temporary),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_WORKER_PREFETCH_SECONDS": "5",
            "PREFECT_WORKER_HEARTBEAT_SECONDS": "10",
            "PREFECT_WORKER_ENABLE_CANCELLATION": "true",
            "PREFECT_WORKER_CANCELLATION_POLL_SECONDS": "5",
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(self.addresses.ports[self.port]),
        }

    def check(self) -> None:
        check_http(f"http://127.0.0.1:{self.addresses.ports[self.port]}/health")


class AnalysisWorker(Worker):
    """The same for analyses: imports must not wait behind them."""

    name = "analysis-worker"
    pool = ANALYSIS_POOL
    port = "analysis_worker"


class Housekeeper(Worker):
    """The same for the watcher of the cluster and what checks and tidies: that must not wait behind either."""

    name = "housekeeper"
    pool = HOUSEKEEPING_POOL
    port = "housekeeper"
