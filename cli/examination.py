"""What `omero-flows doctor` examines, one thing after another; each finding stands alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import omero.clients
from prefect.client.schemas.filters import WorkerFilter
from prefect.exceptions import ObjectNotFound

from blocks.container_engine import ContainerEngine
from blocks.image_storage import PROCESSED, ImageStorage
from blocks.omero_failures import classify
from blocks.omero_server import OmeroServer
from cli.flow_runs import prefect_client
from cli.watch import DEPLOYMENT
from contracts.failures import FailureCategory, FailureError, fail
from contracts.finding import Finding
from deployments.automations import automations

DEPLOY = "Run `omero-flows deploy --settings site.toml`."
POOL = "imports"


async def examine() -> list[Finding]:
    """Examine the site; a thing that cannot be reached does not stop the rest."""
    findings = []
    for subject, look in _EXAMINATIONS.items():
        try:
            findings.append(Finding(subject=subject, found=await look()))
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
            await client.read_deployment_by_name(DEPLOYMENT)
        except ObjectNotFound:
            raise fail(
                FailureCategory.NOT_CONFIGURED, f"There is no deployment {DEPLOYMENT}.", next_step=DEPLOY
            ) from None
    return DEPLOYMENT


async def _worker() -> str:
    async with prefect_client() as client:
        try:
            pool = await client.read_work_pool(POOL)
        except ObjectNotFound:
            raise fail(FailureCategory.NOT_CONFIGURED, f"There is no work pool {POOL!r}.", next_step=DEPLOY) from None
        if pool.is_paused:
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                f"Work pool {POOL!r} is paused.",
                next_step=f"Run `prefect work-pool resume {POOL}`.",
            )
        workers = await client.read_workers_for_work_pool(POOL, worker_filter=WorkerFilter(), offset=0, limit=200)
        alive = [
            worker
            for worker in workers
            if worker.last_heartbeat_time is not None
            and datetime.now(UTC) - worker.last_heartbeat_time < timedelta(minutes=2)
        ]
    if not alive:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"No worker serves work pool {POOL!r}; orders wait.",
            next_step=f"Start one: `prefect worker start --pool {POOL} --limit 4`.",
        )
    return f"{len(alive)} alive in pool {POOL!r}"


async def _automations() -> str:
    async with prefect_client() as client:
        for wanted in automations():
            found = await client.read_automations_by_name(wanted.name)
            if not any(automation.enabled for automation in found):
                raise fail(
                    FailureCategory.NOT_CONFIGURED,
                    f"The automation {wanted.name!r} is missing or disabled.",
                    next_step=DEPLOY,
                )
    return "crashed runs are started again"


async def _omero() -> str:
    server = await OmeroServer.aload("omero-flows")
    return await asyncio.to_thread(_log_in, server)


def _log_in(server: OmeroServer) -> str:
    client = omero.client(host=server.host, port=server.port)
    try:
        session = client.createSession(server.sudo_user, server.password.get_secret_value())
        version = session.getConfigService().getVersion()
        context = session.getAdminService().getEventContext()
        privileges = {privilege.value.val for privilege in session.getAdminService().getCurrentAdminPrivileges()}
        if "Sudo" not in privileges:
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                f"{context.userName!r} may not act for other users.",
                next_step="Give the account the Sudo privilege in OMERO.",
            )
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "log in") from error
    finally:
        client.closeSession()
    return f"version {version} at {server.host}:{server.port}, {server.sudo_user!r} may act for users"


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


async def _block(name: str, look: Callable[[], Awaitable[str]]) -> str:
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


_EXAMINATIONS: dict[str, Callable[[], Awaitable[str]]] = {
    "Prefect": _prefect,
    "Deployment": _deployment,
    "Worker": _worker,
    "Automations": _automations,
    "OMERO": lambda: _block("OMERO server", _omero),
    "Image storage": lambda: _block("image storage", _storage),
    "Container engine": lambda: _block("container engine", _engine),
}
