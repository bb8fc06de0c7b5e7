"""The logins and commands of one analysis run, as sshd's own log tells them.

The log names a login by its port; which flow run's process has that port is asked of the kernel. The job is kept in
Slurm's queue for some of the watcher's intervals, so that a run that asked by itself would be seen.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
from omero.gateway import BlitzGateway
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from benchmarks.cluster import LoginNode, wait_until
from benchmarks.figure import Figure
from benchmarks.import_order import GROUP
from sandbox.cluster.machine import Machine
from sandbox.samples import write_samples
from sandbox.site import Site
from sandbox.site.service import PROJECT

#: Questions of the watcher for which the job stays in the queue.
QUESTIONS = 3


def measure(site: Site) -> list[Figure]:
    dataset = import_samples(site)
    command(site, "cluster", "set-up")
    machine, token = Machine(site.home), str(uuid.uuid4())
    machine.ask("scontrol", "update", "PartitionName=main", "State=DOWN")
    node, callers = LoginNode(site), Callers(site)
    with callers.seen(), SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        command(site, "analyse", "nuclei", "--as", "alice", "--group", GROUP, "--uuid", token, "--detach",
                "--dataset", str(dataset), "--param", "diameter=20")  # fmt: skip
        mine = FlowRunFilter(tags=FlowRunFilterTags(all_=[token]))
        (run,) = client.read_flow_runs(flow_run_filter=mine, sort=FlowRunSort.ID_DESC, limit=2)
        wait_until(lambda: state_name(client, run) == "Suspended")
        before = callers.commands(node, str(run.id))
        wait_until(lambda: callers.others(node, str(run.id)) >= QUESTIONS)
        waited = callers.commands(node, str(run.id))
        machine.ask("scontrol", "update", "PartitionName=main", "State=UP")
        wait_until(lambda: state_name(client, run) in ("Completed", "Failed", "Crashed"))
        if (ended := state_name(client, run)) != "Completed":
            raise RuntimeError(f"the run is {ended}")
    all_of_it = callers.commands(node, str(run.id))
    return [
        Figure("logins of a run before it waits", len(before), "logins", "goal: 1"),
        Figure("logins of a run after it has waited", len(all_of_it) - len(waited), "logins", "goal: 1"),
        Figure("commands in all of them", sum(all_of_it.values()), "commands", "goal: at most 8"),
        Figure(
            f"commands of a run while it waits, during {callers.others(node, str(run.id))} of the watcher's",
            sum(waited.values()) - sum(before.values()),
            "commands",
            "goal: 0",
        ),
    ]


class Callers:
    """Which flow run's process has logged in from which port."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._callers: dict[int, str] = {}

    @contextlib.contextmanager
    def seen(self) -> Iterator[None]:
        """Look again and again; a login lasts for longer than a look."""
        done = threading.Event()
        looking = threading.Thread(target=self._look, args=(done,))
        looking.start()
        try:
            yield
        finally:
            done.set()
            looking.join()

    def commands(self, node: LoginNode, flow_run: str) -> dict[int, int]:
        """The commands of each login of a flow run."""
        return {port: count for port, count in node.sessions().items() if self._caller(port) == flow_run}

    def others(self, node: LoginNode, flow_run: str) -> int:
        """How many commands all others have run."""
        return sum(count for port, count in node.sessions().items() if self._caller(port) != flow_run)

    def _caller(self, port: int) -> str:
        """
        Raises:
            RuntimeError: the login was over before anybody looked; then nothing can be counted.
        """
        try:
            wait_until(lambda: port in self._callers, seconds=30)
        except TimeoutError as error:
            raise RuntimeError(f"nobody saw who logged in from port {port}") from error
        return self._callers[port]

    def _look(self, done: threading.Event) -> None:
        while not done.wait(0.02):
            for flow_run, process in flow_run_processes(self._site).items():
                with contextlib.suppress(psutil.Error):
                    for connection in process.net_connections("tcp4"):
                        if connection.raddr and connection.raddr.port == self._site.addresses.ports["ssh"]:
                            self._callers[connection.laddr.port] = flow_run


def flow_run_processes(site: Site) -> dict[str, psutil.Process]:
    """The processes that run flows of the site, by the flow run's id."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            if environment.get("PREFECT_API_URL") == site.prefect_api and "PREFECT__FLOW_RUN_ID" in environment:
                found[environment["PREFECT__FLOW_RUN_ID"]] = process
    return found


def state_name(client: SyncPrefectClient, run: FlowRun) -> str | None:
    return client.read_flow_run(run.id).state_name


def import_samples(site: Site) -> int:
    """Two small images; the id of their dataset."""
    name = f"round trips {uuid.uuid4()}"
    folder = site.storage / GROUP / f"bench-{uuid.uuid4().hex[:8]}"
    files = [str(sample.path) for sample in write_samples(folder)[:2]]
    command(site, "import", "--as", "alice", "--group", GROUP, "--dataset", name, *files)
    with BlitzGateway("alice", site.password("alice"), host=site.omero_tcp, secure=False) as gateway:
        gateway.connect()
        return int(gateway.getObject("Dataset", attributes={"name": name}).getId())


def command(site: Site, *words: str) -> None:
    """`omero-flows ...`."""
    subprocess.run([sys.executable, "-m", "cli.main", *words], cwd=Path(PROJECT), env=site.environment(), check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
