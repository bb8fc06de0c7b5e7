"""A BIOMERO site's settings become blocks once; a second time, what an admin changed or removed meanwhile stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.biomero_database import BiomeroDatabase
from blocks.image_storage import ImageStorage
from blocks.import_desk import ImportDesk
from blocks.workflow_catalogue import WorkflowCatalogue
from deployments.biomero_blocks import Saved, save_migration
from sandbox.site import Site
from tests.unit.contracts.test_biomero_site import CONFIG, SETTINGS, read_biomero_site

NAME = "omero-flows"
WORKFLOWS = "[WORKFLOWS]\nmine=mine\nmine_repo=https://github.com/lab/W_Mine/tree/v1\n"
FILES = {"slurm-config.ini": WORKFLOWS, "biomero-config.json": CONFIG, "settings.yml": SETTINGS}


@pytest.fixture(autouse=True)
def kept_blocks(site: Site) -> Iterator[None]:
    """The site's blocks are there again afterwards, and those it did not have are gone."""
    with temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}):
        before = [ImageStorage.load(NAME), ImportDesk.load(NAME), WorkflowCatalogue.load(NAME)]
        try:
            yield
        finally:
            for block in before:
                block.save(NAME, overwrite=True)  # type: ignore[union-attr]
            asyncio.run(_remove())


async def _remove() -> None:
    records = [
        f"migrated-{kind}" for kind in ("image-storage", "import-desk", "workflow-catalogue", "biomero-database")
    ]
    async with get_client() as client:
        for kind, name in [("biomero-database", NAME), *(("deployed-settings", record) for record in records)]:
            try:
                document = await client.read_block_document_by_name(name, kind)
            except ObjectNotFound:
                continue
            await client.delete_block_document(document.id)


async def take_over(files: dict[str, str], *, replace: bool = False, password: str | None = None) -> dict[str, Saved]:
    async with get_client() as client:
        saved = await save_migration(
            client,
            read_biomero_site(files),
            ssh_config=Path("no-such-file"),
            runtime="apptainer",
            password=password,
            replace=replace,
        )
    return {one.what.removeprefix("block ").partition("/")[0]: one for one in saved}


async def test_a_site_is_taken_over_and_what_admins_change_stays() -> None:
    before = await WorkflowCatalogue.aload(NAME)
    saved = await take_over(FILES)
    assert list(saved) == ["image-storage", "import-desk", "biomero-database", "workflow-catalogue"]
    storage, desk = await ImageStorage.aload(NAME), await ImportDesk.aload(NAME)
    assert storage.groups["demo"] == "demo"
    assert storage.groups["lab-a"] == "lab-a"
    assert {"ome-tiff", "dataset_leica_uuid", "screen_db"} <= set(desk.converters)
    catalogue = await WorkflowCatalogue.aload(NAME)
    assert set(catalogue.workflows) == {*before.workflows, "mine"}
    database = await BiomeroDatabase.aload(NAME)
    assert (database.host, database.port, database.mount) == ("database-biomero", 5433, "/data")
    assert database.password.get_secret_value() == "ge/heim"

    # An admin changes one, and removes one; BIOMERO's files say the same and something new.
    changed = {**storage.groups, "demo": "moved"}
    await storage.model_copy(update={"groups": changed}).asave(NAME, overwrite=True)
    left = {name: converter for name, converter in desk.converters.items() if name != "screen_db"}
    await desk.model_copy(update={"converters": left}).asave(NAME, overwrite=True)
    config = json.loads(CONFIG)
    config["group_mappings"]["4"] = {"folder": "new", "groupName": "new"}
    newer = FILES | {"biomero-config.json": json.dumps(config)}
    saved = await take_over(newer)
    assert saved["image-storage"].kept == ("groups.demo",)
    assert saved["import-desk"].kept == ("converters.screen_db",)
    assert (await ImageStorage.aload(NAME)).groups == {**changed, "new": "new"}
    assert set((await ImportDesk.aload(NAME)).converters) == set(left)

    await take_over(newer, replace=True)
    assert (await ImageStorage.aload(NAME)).groups == {"demo": "demo", "new": "new"}
    assert "screen_db" in (await ImportDesk.aload(NAME)).converters


async def test_somebodys_own_database_is_left_alone() -> None:
    """Its password would not fit another address."""
    own = BiomeroDatabase(host="here", user="me", password="mine")  # type: ignore[arg-type]
    await own.asave(NAME, overwrite=True)
    saved = await take_over({"settings.yml": SETTINGS})
    assert not saved["biomero-database"].written
    assert saved["biomero-database"].kept == ("host", "port", "user")
    there = await BiomeroDatabase.aload(NAME)
    assert (there.host, there.password.get_secret_value()) == ("here", "mine")
    await take_over({"settings.yml": SETTINGS}, replace=True, password="other")
    there = await BiomeroDatabase.aload(NAME)
    assert (there.host, there.password.get_secret_value()) == ("database-biomero", "other")
