"""The secrets of site.toml's files and those in Prefect's blocks: which differ, and how a new one gets there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient
from pydantic import SecretStr

from blocks.biomero_database import BiomeroDatabase
from blocks.mail_server import MailServer
from blocks.omero_failures import classify
from blocks.omero_server import OmeroServer
from blocks.omero_session import sudo_login
from blocks.slurm_cluster import SlurmCluster
from deployments.settings import SiteSettings
from deployments.site_block import BLOCK_NAME, find_block
from deployments.wanted_blocks import wanted_blocks


class Standing(StrEnum):
    SAME = "same"
    OTHER = "other"
    NO_BLOCK = "no block"
    #: Of a block that somebody made otherwise (the Prefect UI, `omero-flows migrate`).
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class BlockSecret:
    """A secret of a block. `changed` is the block as Prefect has it, with the file's secret; None without a block."""

    what: str
    standing: Standing
    changed: Block | None


async def read_secrets(client: PrefectClient, settings: SiteSettings) -> list[BlockSecret]:
    """Every secret that site.toml names for a block, and those of the site's blocks that it does not name.

    Raises:
        FailureError: NOT_CONFIGURED, when a file cannot be read.
    """
    found = []
    for wanted in wanted_blocks(settings):
        there = await find_block(client, type(wanted))
        for field in type(wanted).model_fields:
            value = getattr(wanted, field)
            if not isinstance(value, SecretStr):
                continue
            what = f"{field} of {wanted.get_block_type_slug()}/{BLOCK_NAME}"
            if there is None:
                found.append(BlockSecret(what, Standing.NO_BLOCK, None))
                continue
            standing = Standing.SAME if getattr(there, field) == value else Standing.OTHER
            found.append(BlockSecret(what, standing, there.model_copy(update={field: value})))
    named = {type(wanted) for wanted in wanted_blocks(settings)}
    for kind in (SlurmCluster, BiomeroDatabase, MailServer):
        if kind not in named and (block := await find_block(client, kind)) is not None:
            found += [
                BlockSecret(f"{field} of {kind.get_block_type_slug()}/{BLOCK_NAME}", Standing.ELSEWHERE, None)
                for field in kind.model_fields
                if isinstance(getattr(block, field), SecretStr)
            ]
    return found


async def replace_secret(secret: BlockSecret) -> None:
    """Try a secret, then save it; runs that begin from now on have it. One that is refused is not saved.

    Raises:
        FailureError: why it was refused, or could not be tried.
    """
    assert secret.changed is not None
    await asyncio.to_thread(_try, secret.changed)
    await secret.changed.asave(BLOCK_NAME, overwrite=True)


def _try(block: Block) -> None:
    if isinstance(block, OmeroServer):
        try:
            with sudo_login(block):
                pass
        except Exception as error:
            raise classify(error, "log in with the new password") from error
    elif isinstance(block, SlurmCluster | BiomeroDatabase):
        with block.connect():
            pass
    elif isinstance(block, MailServer):
        block.check()
    else:
        raise TypeError(f"nobody knows how to try a secret of {type(block).__name__}")
