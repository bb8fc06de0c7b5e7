"""Make a site's blocks, work pools, limits, automations and deployments in Prefect; at any time again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound
from prefect.filesystems import LocalFileSystem
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker
from pydantic import SecretStr, ValidationError

from blocks.biomero_database import BiomeroDatabase
from blocks.container_engine import ContainerEngine
from blocks.container_runtime import RUNTIMES
from blocks.deployed_settings import DeployedSettings
from blocks.image_storage import ImageStorage
from blocks.import_desk import ImportDesk
from blocks.omero_server import OmeroServer
from blocks.slurm_cluster import SlurmCluster
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.failures import FailureCategory, fail
from contracts.wrong_fields import wrong_fields
from deployments.automations import automations
from deployments.kept_changes import digests_of, keep_changes
from deployments.settings import BiomeroSettings, ClusterSettings, SiteSettings, read_secret
from deployments.site_block import BLOCK_NAME, find_block, has_block

RESULTS_BLOCK = "omero-flows-results"
PREFECT_FILE = Path(__file__).parent.parent / "prefect.yaml"


@dataclass(frozen=True)
class Step:
    """One thing to make. `make` gives the names of what it left as somebody had changed it, of a block."""

    what: str
    make: Callable[[], Coroutine[Any, Any, Collection[str] | None]]


@dataclass(frozen=True)
class Made:
    """What was made, or would be; `kept`: what in it stays as it was changed in Prefect, against site.toml."""

    what: str
    kept: tuple[str, ...] = ()


async def deploy(settings: SiteSettings, *, dry_run: bool, overwrite: bool = False) -> AsyncIterator[Made]:
    """Make everything, in a sequence in which each thing finds what it needs; yields what was done.

    `overwrite`: blocks become what the settings say, also where somebody has changed them since the last time.

    Raises:
        FailureError: NOT_CONFIGURED.
    """
    async with get_client() as client:
        for step in _steps(settings, client, overwrite):
            kept = None if dry_run else await step.make()
            yield Made(step.what, tuple(kept or ()))


def _steps(settings: SiteSettings, client: PrefectClient, overwrite: bool) -> list[Step]:
    save = partial(_save, client, overwrite)
    server = _omero_server(settings)
    steps = [
        Step("block omero-server/" + BLOCK_NAME, partial(save, server)),
        Step("block image-storage/" + BLOCK_NAME, lambda: save(ImageStorage(**settings.storage.model_dump()))),
        Step("block import-desk/" + BLOCK_NAME, lambda: save(_import_desk(settings))),
        Step("block local-file-system/" + RESULTS_BLOCK, lambda: _save_results(settings)),
    ]
    if settings.containers is not None:
        engine = ContainerEngine(**settings.containers.model_dump())
        steps.append(Step("block container-engine/" + BLOCK_NAME, partial(save, engine)))
    if settings.cluster is not None:
        cluster = slurm_cluster(settings.cluster)
        steps.append(Step("block slurm-cluster/" + BLOCK_NAME, partial(save, cluster)))
    if settings.biomero is not None:
        steps.append(Step("block biomero-database/" + BLOCK_NAME, partial(save, biomero_database(settings.biomero))))
    if settings.workflows:
        catalogue = WorkflowCatalogue(workflows=settings.workflows)
        steps.append(Step("block workflow-catalogue/" + BLOCK_NAME, partial(save, catalogue)))
    steps.append(
        Step(
            f"limit {server.limit_name}: {server.parallel_imports} imports at once",
            lambda: _limit(client, server.limit_name, server.parallel_imports),
        )
    )
    entries = _deployments(PREFECT_FILE)
    for pool in sorted({entry["work_pool"]["name"] for entry in entries}):
        steps.append(Step(f"work pool {pool}", partial(_pool, client, pool)))
    for automation in automations():
        steps.append(Step(f"automation {automation.name!r}", partial(_automation, client, automation)))
    for entry in entries:
        steps.append(Step(f"deployment {entry['name']}", partial(_deployment, client, entry)))
    return steps


def _omero_server(settings: SiteSettings) -> OmeroServer:
    omero = settings.omero
    if omero.password_file is not None:
        password = read_secret(Path(omero.password_file))
    else:
        password = os.environ.get(str(omero.password_variable), "")
        if not password:
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                f"The variable {omero.password_variable} is not set.",
                next_step="Set it to the password of OMERO's sudo account.",
            )
    return OmeroServer(
        host=omero.host,
        port=omero.port,
        sudo_user=omero.sudo_user,
        password=SecretStr(password),
        web_url=omero.web_url,
        forms_user=omero.forms_user,
        session_minutes=omero.session_minutes,
        parallel_imports=omero.parallel_imports,
    )


def _import_desk(settings: SiteSettings) -> ImportDesk:
    return ImportDesk(converters=settings.imports.converters, uploads=settings.imports.uploads)


def slurm_cluster(settings: ClusterSettings) -> SlurmCluster:
    """The block of a site's cluster.

    Raises:
        FailureError: NOT_CONFIGURED, naming the setting and what is wrong with it.
    """
    command, stop = RUNTIMES[settings.runtime]
    given = {"container_command": command, "container_stop": stop}
    given |= settings.model_dump(exclude={"private_key_file", "known_hosts_file", "runtime"})
    key, hosts = read_secret(Path(settings.private_key_file)), read_secret(Path(settings.known_hosts_file))
    try:
        return SlurmCluster(**given, private_key=SecretStr(key + "\n"), known_hosts=hosts)
    except ValidationError as error:
        wrong = "; ".join(wrong_fields(error, "cluster"))
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The settings under [cluster] are not right.",
            detail=wrong,
            next_step="Correct them in site.toml.",
        ) from error


def biomero_database(settings: BiomeroSettings) -> BiomeroDatabase:
    """The block of a BIOMERO site's database.

    Raises:
        FailureError: NOT_CONFIGURED, naming the setting and what is wrong with it.
    """
    password = SecretStr(read_secret(Path(settings.password_file)))
    try:
        return BiomeroDatabase(**settings.model_dump(exclude={"password_file"}), password=password)
    except ValidationError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The settings under [biomero] are not right.",
            detail="; ".join(wrong_fields(error, "biomero")),
            next_step="Correct them in site.toml.",
        ) from error


async def _save(client: PrefectClient, overwrite: bool, block: Block) -> tuple[str, ...]:
    """Save a block, but what was changed in it since the last deploy; then what this one wanted, as its evidence."""
    wrote = f"{BLOCK_NAME}-{block.get_block_type_slug()}"
    wanted = digests_of(block)
    kept: tuple[str, ...] = ()
    if not overwrite:
        there, record = await find_block(client, type(block)), await find_block(client, DeployedSettings, wrote)
        if there is not None and record is not None:
            block, kept = keep_changes(block, there, record.digests)
    await block.asave(BLOCK_NAME, overwrite=True)
    await DeployedSettings(digests=wanted).asave(wrote, overwrite=True)
    return kept


async def _save_results(settings: SiteSettings) -> None:
    await asyncio.to_thread(Path(settings.result_storage).mkdir, parents=True, exist_ok=True)
    await LocalFileSystem(basepath=settings.result_storage).asave(RESULTS_BLOCK, overwrite=True)


async def _limit(client: PrefectClient, name: str, limit: int) -> None:
    try:
        await client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=limit))
    else:
        await client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=limit))


async def _pool(client: PrefectClient, name: str) -> None:
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        await client.create_work_pool(
            WorkPoolCreate(
                name=name,
                type="process",
                description="Each run is a process of a worker.",
                base_job_template=ProcessWorker.get_default_base_job_template(),
            )
        )


async def _automation(client: PrefectClient, automation: Any) -> None:
    for existing in await client.read_automations_by_name(automation.name):
        await client.delete_automation(existing.id)
    await client.create_automation(automation)


def _deployments(path: Path) -> list[dict[str, Any]]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"{path} cannot be read.",
            detail=str(error),
            next_step="Run this from a complete installation.",
        ) from error
    return list(content["deployments"])


async def _deployment(client: PrefectClient, entry: dict[str, Any]) -> None:
    flow: Flow[..., Any] = load_flow_from_entrypoint(entry["entrypoint"])
    flow_id = await client.create_flow(flow)
    await client.create_deployment(
        flow_id=flow_id,
        name=entry["name"],
        entrypoint=entry["entrypoint"],
        description=entry["description"],
        tags=entry["tags"],
        parameters=entry["parameters"],
        work_pool_name=entry["work_pool"]["name"],
        job_variables=entry["work_pool"]["job_variables"],
        parameter_openapi_schema=parameter_schema(flow).model_dump(),
        enforce_parameter_schema=True,
        schedules=[
            DeploymentScheduleCreate(schedule=_when(item), active=await _may_run(client, item))
            for item in entry.get("schedules", [])
        ],
        concurrency_limit=entry.get("concurrency_limit"),
        concurrency_options=_collision(entry),
        pull_steps=[],
    )


async def _may_run(client: PrefectClient, item: dict[str, Any]) -> bool:
    """A schedule that would only fail without a block that the site lacks rests meanwhile."""
    return "needs" not in item or await has_block(client, item["needs"])


def _when(item: dict[str, Any]) -> CronSchedule | IntervalSchedule:
    if "cron" in item:
        return CronSchedule(cron=item["cron"], timezone="UTC")
    return IntervalSchedule(interval=timedelta(seconds=item["interval"]))


def _collision(entry: dict[str, Any]) -> ConcurrencyOptions | None:
    strategy = entry.get("collision_strategy")
    return None if strategy is None else ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy(strategy))
