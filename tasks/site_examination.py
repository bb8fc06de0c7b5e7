"""What `omero-flows doctor` and the panel's Health examine, one thing after another; each finding stands alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from prefect.client.schemas.filters import WorkerFilter
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from blocks.container_engine import ContainerEngine
from blocks.image_storage import PROCESSED, ImageStorage
from blocks.omero_failures import classify
from blocks.omero_server import OmeroServer
from blocks.omero_session import sudo_login
from blocks.slurm_cluster import SlurmCluster
from contracts.automation_name import AutomationName
from contracts.deployment_names import IMPORT_ORDER
from contracts.failures import FailureCategory, FailureError, fail
from contracts.finding import Finding
from tasks.bridge_examination import examine_bridge
from tasks.prefect_client import prefect_client
from tasks.recurring_run import Absence, look_at
from tasks.watcher import LATELY, WATCHER, read_latest_watcher

DEPLOY = "Run `omero-flows deploy --settings site.toml`."


#: Privileges that the sudo account needs at most: to act for users, and to let them fill in forms over each other's.
NEEDED_PRIVILEGES = frozenset({"Sudo", "DeleteOwned"})


@dataclass(frozen=True)
class Warned:
    """What was found, and what should be mended although it works."""

    found: str
    warning: str


async def examine() -> list[Finding]:
    """Examine the site; a thing that cannot be reached does not stop the rest."""
    findings = []
    for subject, look in _EXAMINATIONS.items():
        try:
            answer = await look()
            found, warning = (answer.found, answer.warning) if isinstance(answer, Warned) else (answer, "")
            findings.append(Finding(subject=subject, found=found, warning=warning))
        except FailureError as error:
            findings.append(Finding(subject=subject, failure=error.failure))
    return findings


async def _prefect() -> str:
    async with prefect_client() as client:
        problem = await client.api_healthcheck()
        if problem is not None:
            raise fail(
                FailureCategory.PREFECT_UNREACHABLE,
                "The Prefect server does not answer.",
                detail=str(problem),
                next_step="Start it, or correct [prefect] api_url in site.toml.",
            )
        return f"version {await client.api_version()} at {client.api_url}"


async def _deployment() -> str:
    async with prefect_client() as client:
        try:
            await client.read_deployment_by_name(IMPORT_ORDER)
        except ObjectNotFound:
            raise fail(
                FailureCategory.NOT_CONFIGURED, f"There is no deployment {IMPORT_ORDER}.", next_step=DEPLOY
            ) from None
    return IMPORT_ORDER


async def _worker(name: str) -> str:
    async with prefect_client() as client:
        try:
            pool = await client.read_work_pool(name)
        except ObjectNotFound:
            raise fail(FailureCategory.NOT_CONFIGURED, f"There is no work pool {name!r}.", next_step=DEPLOY) from None
        if pool.is_paused:
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                f"Work pool {name!r} is paused.",
                next_step=f"Run `prefect work-pool resume {name}`.",
            )
        workers = await client.read_workers_for_work_pool(name, worker_filter=WorkerFilter(), offset=0, limit=200)
        alive = [
            worker
            for worker in workers
            if worker.last_heartbeat_time is not None
            and datetime.now(UTC) - worker.last_heartbeat_time < timedelta(minutes=2)
        ]
    if not alive:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"No worker serves work pool {name!r}; what is ordered there waits.",
            next_step=f"Start one: `omero-flows worker --pool {name} --limit 4`.",
        )
    return f"{len(alive)} alive in pool {name!r}"


async def _watcher() -> str:
    try:
        await SlurmCluster.aload("omero-flows")
    except ValueError:
        return "no cluster is configured"
    async with prefect_client() as client:
        try:
            made = (await client.read_deployment_by_name(WATCHER)).created
            latest = await read_latest_watcher(client)
        except ObjectNotFound:
            raise fail(FailureCategory.NOT_CONFIGURED, f"There is no deployment {WATCHER}.", next_step=DEPLOY) from None
    now = datetime.now(UTC)
    if latest is None and made is not None and now - made < LATELY:
        return "the first one begins within five minutes"
    return describe_watcher(latest, now)


_UNWATCHED = Absence(
    nobody_ever="Nobody has ever watched the cluster; runs wait in vain.",
    nobody_has="Nobody has watched the cluster",
    in_vain="runs wait in vain.",
    the_last="the last watcher",
    failed="The last watcher of the cluster failed.",
    start="Start a worker: `omero-flows worker --pool housekeeping --limit 4`; see in the Prefect UI that the schedule"
    f" of {WATCHER} is on, or start one now: `prefect deployment run {WATCHER}`.",
    mend="Run `omero-flows cluster check`, and do what it says.",
)


def describe_watcher(latest: FlowRun | None, now: datetime) -> str:
    """What is to be said of the watcher that began last.

    Raises:
        FailureError: NOT_CONFIGURED; then runs that wait for the cluster wait in vain.
    """
    watcher = look_at(latest, now, _UNWATCHED)
    return (
        f"watched since {watcher.began:%H:%M} UTC" if watcher.is_running else f"watched until {watcher.seen:%H:%M} UTC"
    )


async def _automations() -> str:
    async with prefect_client() as client:
        for name in AutomationName:
            found = await client.read_automations_by_name(name.value)
            if not any(automation.enabled for automation in found):
                raise fail(
                    FailureCategory.NOT_CONFIGURED,
                    f"The automation {name.value!r} is missing or disabled.",
                    next_step=DEPLOY,
                )
    return "crashed runs are started again"


async def _omero() -> str | Warned:
    server = await OmeroServer.aload("omero-flows")
    return await asyncio.to_thread(_log_in, server)


def _log_in(server: OmeroServer) -> str | Warned:
    try:
        with sudo_login(server) as client:
            admin = client.sf.getAdminService()
            version = client.sf.getConfigService().getVersion()
            name = admin.getEventContext().userName
            privileges = {privilege.value.val for privilege in admin.getCurrentAdminPrivileges()}
    except Exception as error:
        raise classify(error, "log in") from error
    if "Sudo" not in privileges:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"{name!r} may not act for other users.",
            next_step="Give the account the Sudo privilege in OMERO.",
        )
    return judge_account(f"version {version} at {server.host}:{server.port}", name, privileges)


def judge_account(where: str, name: str, privileges: Set[str]) -> str | Warned:
    """What is to be said of the sudo account, which has Sudo: root, and one that may do more than it needs, are a
    danger to everything in OMERO when its password gets out.
    """
    found = f"{where}, {name!r} may act for users"
    more = sorted(privileges - NEEDED_PRIVILEGES)
    if name == "root":
        return Warned(found, "root is used: make an administrator with the privilege Sudo alone (docs/admin.md).")
    if more:
        return Warned(found, f"{name!r} needs Sudo alone, and may {', '.join(more)} besides (docs/admin.md).")
    return found


async def _storage() -> str:
    storage = await ImageStorage.aload("omero-flows")
    return await asyncio.to_thread(_look_at_storage, storage)


def _look_at_storage(storage: ImageStorage) -> str:
    root = Path(storage.root)
    if not root.is_dir():
        raise fail(
            FailureCategory.STORAGE_UNAVAILABLE,
            f"{root} is not a folder on this machine.",
            next_step="Mount the image storage, or correct [storage] root in site.toml.",
        )
    for group in storage.groups:
        folder = storage.folder(group)
        place = folder / PROCESSED if (folder / PROCESSED).is_dir() else folder
        if not os.access(place, os.W_OK | os.X_OK):
            raise fail(
                FailureCategory.STORAGE_UNAVAILABLE,
                f"This account may not write to {place}.",
                next_step="Let it write to the group's `.processed` folder.",
            )
    return f"{root}, {len(storage.groups)} groups"


async def _engine() -> str:
    try:
        engine: ContainerEngine = await ContainerEngine.aload("omero-flows")
    except ValueError:
        return "none is configured; the built-in converters are used"
    return await asyncio.to_thread(engine.version)


async def _block(name: str, look: Callable[[], Awaitable[str | Warned]]) -> str | Warned:
    try:
        async with prefect_client():
            return await look()
    except ValueError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"The {name} block is missing or out of date.",
            detail=str(error),
            next_step=DEPLOY,
        ) from error


_EXAMINATIONS: dict[str, Callable[[], Awaitable[str | Warned]]] = {
    "Prefect": _prefect,
    "Deployment": _deployment,
    "Worker": partial(_worker, "imports"),
    "Worker for analyses": partial(_worker, "analyses"),
    "Worker for housekeeping": partial(_worker, "housekeeping"),
    "Watcher of the cluster": lambda: _block("cluster", _watcher),
    "Bridge to BIOMERO": lambda: _block("BIOMERO database", examine_bridge),
    "Automations": _automations,
    "OMERO": lambda: _block("OMERO server", _omero),
    "Image storage": lambda: _block("image storage", _storage),
    "Container engine": lambda: _block("container engine", _engine),
}
