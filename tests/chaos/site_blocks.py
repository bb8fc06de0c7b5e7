"""The site's blocks, changed for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.blocks.core import Block
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.container_engine import ContainerEngine
from blocks.slurm_cluster import SlurmCluster
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.workflow_entry import WorkflowEntry
from sandbox.site import Site

#: The name of every block of a site.
NAME = "omero-flows"


@contextmanager
def converters_may_take(site: Site, *, minutes: int) -> Iterator[None]:
    """The time limit of one converter, in minutes, for orders whose run begins meanwhile."""
    with _changed(site, ContainerEngine, minutes=minutes):
        yield


@contextmanager
def cluster_changed(site: Site, **fields: Any) -> Iterator[None]:
    """Other fields of the cluster's block, for steps that begin meanwhile."""
    with _changed(site, SlurmCluster, **fields):
        yield


@contextmanager
def workflow_added(site: Site, name: str, entry: WorkflowEntry) -> Iterator[None]:
    """One workflow more in the catalogue."""
    with _prefect_of(site):
        workflows = WorkflowCatalogue.load(NAME).workflows
    with _changed(site, WorkflowCatalogue, workflows={**workflows, name: entry}):
        yield


def keep_block(site: Site, block: Block, name: str) -> None:
    """A block more, under a name that no test before had."""
    with _prefect_of(site):
        block.save(name)


@contextmanager
def _changed(
    site: Site, kind: type[ContainerEngine | SlurmCluster | WorkflowCatalogue], **fields: Any
) -> Iterator[None]:
    with _prefect_of(site):
        before = kind.load(NAME)
        before.model_copy(update=fields).save(NAME, overwrite=True)
    try:
        yield
    finally:
        with _prefect_of(site):
            before.save(NAME, overwrite=True)


@contextmanager
def _prefect_of(site: Site) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}):
        yield
