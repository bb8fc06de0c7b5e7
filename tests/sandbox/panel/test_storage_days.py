"""Storage in and out, summed up over all artifacts of the days, and over those of visible runs alone."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from contracts.deployment_names import IMPORT_ORDER
from contracts.run_tags import ORDERED, user_tag
from contracts.storage_use import STORAGE_USE, StorageUse
from omero_ui.prefect_api.connection import PAGE, PrefectApi
from omero_ui.runs.storage_days import DAY, read_storage
from omero_ui.visitor import Visitor
from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor

#: More than Prefect gives at once.
ARTIFACTS = PAGE + 5


def test_every_artifact_of_a_day_is_counted_once(site: Site) -> None:
    user, _, password = site.prefect_auth.partition(":")
    prefect = PrefectApi(site.prefect_api, (user, password))
    name, now = f"storage-{uuid.uuid4().hex[:8]}", datetime.now(UTC)
    place_moved(prefect, name, ARTIFACTS)
    place_moved(prefect, f"other-{name}", 1)
    visitor = Visitor(id=1, name=name, full_name=name, is_admin=False, groups=())
    rounds = 0
    # As it is asked two days later.
    while (found := read_storage(prefect, visitor, 5, now + 2 * DAY)).left:
        rounds += 1
        assert rounds <= 6, "each question comes a page further"
    moved = (3 * ARTIFACTS, ARTIFACTS)
    assert [(day.taken_in, day.sent_out) for day in found.days] == [(0, 0), (0, 0), moved, (0, 0), (0, 0)]


def test_the_part_comes_again_until_it_is_whole(alice: WebVisitor) -> None:
    for _ in range(20):
        part = alice.get("/flows/runs/charts/storage/?days=7").text
        assert ("still to come" in part) == ("hx-get=" in part)
        if "still to come" not in part:
            return
    raise AssertionError(part)


def place_moved(prefect: PrefectApi, user: str, artifacts: int) -> None:
    """A run that has ended, and what it says that it moved."""
    deployment = prefect.get(f"/deployments/name/{IMPORT_ORDER}")["id"]
    body = {"parameters": {"order": {}}, "enforce_parameter_schema": False, "tags": [ORDERED, user_tag(user)],
            "state": {"type": "COMPLETED", "name": "Completed"}}  # fmt: skip
    run = prefect.post(f"/deployments/{deployment}/create_flow_run", body)
    use = StorageUse(taken_in=3, sent_out=1).model_dump(mode="json")
    for _ in range(artifacts):
        artifact = {"type": STORAGE_USE, "key": f"moved-{uuid.uuid4()}", "data": use, "flow_run_id": run["id"]}
        prefect.post("/artifacts/", artifact)
