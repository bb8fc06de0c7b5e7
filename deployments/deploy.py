"""Make a site's blocks, work pools, limits, automations and deployments in Prefect; at any time again.

Each thing is compared with what is there first: what is as it should be is not touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
)
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.filesystems import LocalFileSystem
from prefect.workers.process import ProcessWorker

from blocks.deployed_settings import DeployedSettings
from blocks.omero_server import OmeroServer
from contracts.failures import FailureError
from deployments.automations import automations
from deployments.comparison import Comparison, Standing, compare_blocks, compare_values
from deployments.flow_deployment import (
    CHANGED_BY_PEOPLE,
    FlowDeployment,
    describe_there,
    describe_wanted,
    keep,
    make_wanted,
    read_deployments,
    save_deployment,
)
from deployments.kept_changes import digest, digests_of, keep_changes
from deployments.settings import SiteSettings
from deployments.site_block import BLOCK_NAME, find_block, has_block, is_of_this_version
from deployments.wanted_blocks import wanted_blocks

RESULTS_BLOCK = "omero-flows-results"

_Make = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Plan:
    """How a thing stands, and what makes it as it should be; None where nothing is to be done.

    `kept`: what in it stays as it was changed in Prefect, against site.toml or prefect.yaml.
    """

    comparison: Comparison
    make: _Make | None
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One thing to make. `look` asks Prefect how it stands."""

    what: str
    look: Callable[[], Coroutine[Any, Any, Plan]]


@dataclass(frozen=True)
class Made:
    """What was made, or would be."""

    what: str
    comparison: Comparison
    kept: tuple[str, ...] = ()


async def deploy(settings: SiteSettings, *, dry_run: bool, overwrite: bool = False) -> AsyncIterator[Made]:
    """Make everything, in a sequence in which each thing finds what it needs; yields how each thing stood before.

    `overwrite`: blocks and deployments become what the settings say, also where somebody has changed them since the
    last time.

    Raises:
        FailureError: NOT_CONFIGURED.
    """
    async with get_client() as client:
        for step in _steps(settings, client, overwrite):
            plan = await step.look()
            if plan.make is not None and not dry_run:
                await plan.make()
            yield Made(step.what, plan.comparison, plan.kept)


def _steps(settings: SiteSettings, client: PrefectClient, overwrite: bool) -> list[Step]:
    blocks = wanted_blocks(settings)
    steps = [_block_step(client, overwrite, block) for block in blocks]
    results = Path(settings.result_storage)
    steps.append(Step(f"block local-file-system/{RESULTS_BLOCK}", partial(_results, client, results)))
    for server in blocks:
        if isinstance(server, OmeroServer):
            name, most = server.limit_name, server.parallel_imports
            steps.append(Step(f"limit {name}: {most} imports at once", partial(_limit, client, name, most)))
    entries = read_deployments()
    for pool in sorted({entry.work_pool.name for entry in entries}):
        steps.append(Step(f"work pool {pool}", partial(_pool, client, pool)))
    for automation in automations():
        steps.append(Step(f"automation {automation.name!r}", partial(_automation, client, automation)))
    for entry in entries:
        steps.append(Step(f"deployment {entry.name}", partial(_deployment, client, overwrite, entry)))
    return steps


def _block_step(client: PrefectClient, overwrite: bool, block: Block) -> Step:
    return Step(f"block {block.get_block_type_slug()}/{BLOCK_NAME}", partial(_block, client, overwrite, block))


async def _block(client: PrefectClient, overwrite: bool, block: Block) -> Plan:
    """What was changed in the block since the last deploy stays; and what this one wants is kept as evidence."""
    slug = block.get_block_type_slug()
    wrote = f"{BLOCK_NAME}-{slug}"
    digests = digests_of(block)
    there, record = await _find_block(client, block, overwrite), await find_block(client, DeployedSettings, wrote)
    kept: tuple[str, ...] = ()
    if not overwrite and there is not None and record is not None:
        block, kept = keep_changes(block, there, record.digests)
    if there is not None:
        comparison = compare_blocks(there, block)
        if not await is_of_this_version(client, type(block)):
            comparison = Comparison.of((*comparison.differences, "its fields are those of another version"))
    elif await has_block(client, slug):
        comparison = Comparison.of(("what is there cannot be read",))
    else:
        comparison = Comparison.new()

    async def make() -> None:
        await block.asave(BLOCK_NAME, overwrite=True)
        await DeployedSettings(digests=digests).asave(wrote, overwrite=True)

    is_done = comparison.standing is Standing.SAME and record is not None and record.digests == digests
    return Plan(comparison, None if is_done else make, kept)


async def _find_block(client: PrefectClient, block: Block, overwrite: bool) -> Block | None:
    try:
        return await find_block(client, type(block))
    except FailureError:
        if overwrite:
            return None
        raise


async def _results(client: PrefectClient, folder: Path) -> Plan:
    there = await find_block(client, LocalFileSystem, RESULTS_BLOCK)
    wanted = LocalFileSystem(basepath=str(folder))

    async def make() -> None:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        await wanted.asave(RESULTS_BLOCK, overwrite=True)

    if there is None:
        return Plan(Comparison.new(), make)
    comparison = compare_values({"basepath": there.basepath}, {"basepath": wanted.basepath})
    is_done = comparison.standing is Standing.SAME and await asyncio.to_thread(folder.is_dir)
    return Plan(comparison, None if is_done else make)


async def _limit(client: PrefectClient, name: str, limit: int) -> Plan:
    async def create() -> None:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=limit))

    async def update() -> None:
        await client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=limit))

    try:
        there = await client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        return Plan(Comparison.new(), create)
    comparison = compare_values({"limit": there.limit}, {"limit": limit})
    return Plan(comparison, None if comparison.standing is Standing.SAME else update)


async def _pool(client: PrefectClient, name: str) -> Plan:
    """One that is there is the admin's: its limit, and whether it is paused."""

    async def make() -> None:
        await client.create_work_pool(
            WorkPoolCreate(
                name=name,
                type="process",
                description="Each run is a process of a worker.",
                base_job_template=ProcessWorker.get_default_base_job_template(),
            )
        )

    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        return Plan(Comparison.new(), make)
    return Plan(Comparison.of(()), None)


async def _automation(client: PrefectClient, wanted: AutomationCore) -> Plan:
    found = await client.read_automations_by_name(wanted.name)

    async def make() -> None:
        for existing in found:
            await client.delete_automation(existing.id)
        await client.create_automation(wanted)

    if not found:
        return Plan(Comparison.new(), make)
    comparison = compare_values(_plain_automation(found[0]), _plain_automation(wanted))
    if len(found) > 1:
        comparison = Comparison.of((*comparison.differences, f"it is there {len(found)} times"))
    return Plan(comparison, None if comparison.standing is Standing.SAME else make)


def _plain_automation(automation: AutomationCore) -> dict[str, Any]:
    """What both sides have: without ids, and sets in one sequence."""
    return {name: _in_sequence(value) for name, value in _without_ids(automation).items()}


def _without_ids(automation: AutomationCore) -> dict[str, Any]:
    whole = AutomationCore.model_validate(automation.model_dump(include=set(AutomationCore.model_fields)))
    plain = whole.model_dump(mode="json")
    plain["trigger"].pop("id", None)
    return plain


def _in_sequence(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_sequence(inner) for key, inner in value.items() if key != "id"}
    if isinstance(value, list):
        inner = [_in_sequence(item) for item in value]
        return sorted(inner) if all(isinstance(item, str) for item in inner) else inner
    return value


async def _deployment(client: PrefectClient, overwrite: bool, entry: FlowDeployment) -> Plan:
    """What people changed in its schedules and limit since the last deploy stays."""
    wrote = f"{BLOCK_NAME}-deployment-{entry.name}"
    wanted = await make_wanted(client, entry)
    own = {name: describe_wanted(entry, wanted)[name] for name in CHANGED_BY_PEOPLE}
    digests = {name: digest(value) for name, value in own.items()}
    record = await find_block(client, DeployedSettings, wrote)
    kept: tuple[str, ...] = ()
    try:
        there = await client.read_deployment_by_name(f"{wanted.flow.name}/{entry.name}")
    except ObjectNotFound:
        comparison = Comparison.new()
    else:
        found = describe_there(there)
        if record is not None and not overwrite:
            changed = [name for name in CHANGED_BY_PEOPLE if digest(found[name]) != record.digests.get(name)]
            kept = tuple(name for name in changed if digest(found[name]) != digests[name])
            wanted = keep(wanted, there, kept)
        comparison = compare_values(found, describe_wanted(entry, wanted))

    async def make() -> None:
        await save_deployment(client, entry, wanted)
        await DeployedSettings(digests=digests).asave(wrote, overwrite=True)

    is_done = comparison.standing is Standing.SAME and record is not None and record.digests == digests
    return Plan(comparison, None if is_done else make, kept)
