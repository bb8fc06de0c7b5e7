"""The blocks of a BIOMERO site that is taken over. What somebody changed or removed since the last time stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient
from pydantic import SecretStr, ValidationError

from blocks.biomero_database import BiomeroDatabase
from blocks.deployed_settings import DeployedSettings
from blocks.image_storage import ImageStorage
from blocks.import_desk import ImportDesk
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.biomero_site import BiomeroMigration
from contracts.biomero_site.importer_settings import DatabaseAddress
from contracts.failures import FailureCategory, fail
from contracts.wrong_fields import wrong_fields
from deployments.biomero_cluster import cluster_block
from deployments.kept_changes import digests_of, keep_changes
from deployments.settings import Runtime
from deployments.site_block import BLOCK_NAME, find_block

#: What the last migration wanted of a block is in the block `deployed-settings/migrated-<type>`.
_RECORD = "migrated-"


@dataclass(frozen=True)
class Saved:
    """`kept`: what stays as it is here though BIOMERO's files say otherwise. Not `written`: all of it."""

    what: str
    written: bool
    kept: tuple[str, ...]


async def save_migration(
    client: PrefectClient,
    migration: BiomeroMigration,
    *,
    ssh_config: Path,
    runtime: Runtime,
    password: str | None,
    replace: bool,
) -> list[Saved]:
    """Save every block of which the files say something. What can be wrong is said before anything is saved.

    Args:
        ssh_config: OpenSSH's configuration, which knows the cluster's login node.
        password: of BIOMERO's database; None: the one of settings.yml.
        replace: take what the files say also where something else is there.

    Raises:
        FailureError: NOT_CONFIGURED, and what logging in to the cluster raises.
    """
    wanted = await _wanted(client, migration, ssh_config, runtime, password)
    # What the files want of a block, what it becomes (None: it is left alone), and what of it stays as it was.
    chosen: list[tuple[Block, Block | None, tuple[str, ...]]] = []
    for block in wanted:
        kept: tuple[str, ...] = ()
        there = None if replace else await find_block(client, type(block))
        record = None if there is None else await find_block(client, DeployedSettings, _record_name(block))
        if there is not None and record is None and _has_secrets(there):
            # Somebody's own, with a key that fits its other fields and not ours.
            chosen.append((block, None, tuple(_differing(block, there))))
        elif there is not None:
            # Without a record of ours everything that is there is somebody's own.
            merged, differing = keep_changes(block, there, record.digests if record is not None else {})
            # What the files say nothing of is nobody's contradiction.
            kept = tuple(name for name in differing if name in digests_of(block))
            chosen.append((block, merged, kept))
        else:
            chosen.append((block, block, kept))
    for block, becomes, _ in chosen:
        if becomes is not None:
            await becomes.asave(BLOCK_NAME, overwrite=True)
            await DeployedSettings(digests=digests_of(block)).asave(_record_name(block), overwrite=True)
    return [
        Saved(f"block {block.get_block_type_slug()}/{BLOCK_NAME}", becomes is not None, kept)
        for block, becomes, kept in chosen
    ]


async def _wanted(
    client: PrefectClient, migration: BiomeroMigration, ssh_config: Path, runtime: Runtime, password: str | None
) -> list[Block]:
    blocks: list[Block] = []
    if migration.groups:
        storage = await _present(client, ImageStorage)
        blocks.append(storage.model_copy(update={"groups": migration.groups}))
    if migration.converters or migration.uploads is not None:
        desk = await _present(client, ImportDesk)
        said: dict[str, Any] = {"converters": migration.converters} if migration.converters else {}
        if migration.uploads is not None:
            said["uploads"] = migration.uploads
        blocks.append(desk.model_copy(update=said))
    if migration.database is not None:
        blocks.append(_database(migration.database, migration.mount, password))
    if migration.slurm is not None:
        blocks.append(WorkflowCatalogue(workflows=migration.slurm.workflows))
        if migration.slurm.describes_cluster:
            blocks.append(await asyncio.to_thread(cluster_block, migration.slurm.cluster, ssh_config, runtime))
    return blocks


def _has_secrets(block: Block) -> bool:
    return any(isinstance(getattr(block, name), SecretStr) for name in type(block).model_fields)


def _differing(wanted: Block, there: Block) -> list[str]:
    new, old = digests_of(wanted), digests_of(there)
    return sorted(name for name in new if new[name] != old.get(name))


async def _present(client: PrefectClient, kind: Any) -> Any:
    found = await find_block(client, kind)
    if found is None:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"Prefect has no block {kind.get_block_type_slug()}/{BLOCK_NAME} yet; nothing was saved.",
            next_step="Run `omero-flows deploy --settings site.toml` first.",
        )
    return found


def _database(address: DatabaseAddress, mount: str | None, password: str | None) -> BiomeroDatabase:
    secret = SecretStr(password) if password is not None else address.password
    if secret is None:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "settings.yml has no password of BIOMERO's database; nothing was saved.",
            next_step="Give a file that holds it with --database-password-file.",
        )
    fields = address.model_dump(exclude={"password"}) | ({"mount": mount} if mount is not None else {})
    try:
        return BiomeroDatabase(**fields, password=secret)
    except ValidationError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "What settings.yml says of the database is not right.",
            detail="; ".join(wrong_fields(error, "database")),
            next_step="Correct it there; nothing was saved.",
        ) from error


def _record_name(block: Block) -> str:
    return _RECORD + block.get_block_type_slug()
