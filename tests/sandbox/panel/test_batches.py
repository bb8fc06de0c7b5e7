"""Batches on the Runs page: an admin sees the night and its report, nobody else learns that there is one."""

from __future__ import annotations

import re
import uuid

import httpx
import numpy as np
import tifffile

from contracts.deployment_names import BATCH_IMPORT
from sandbox.site import Site
from tests.chaos.waiting import wait_for
from tests.sandbox.panel.web_visitor import WebVisitor

RUNS = "/flows/runs/"


def test_an_admin_reads_who_got_what_and_what_failed(
    site: Site, admin: WebVisitor, alice: WebVisitor, stranger: WebVisitor
) -> None:
    mark = uuid.uuid4().hex[:8]
    folder = site.storage / "lab-a" / f"batch-{mark}"
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "good.tif", np.random.default_rng(5).integers(0, 255, (32, 32), dtype=np.uint8))
    batch = place_batch(site, mark, f"<b>Night</b> {mark}", (f"{folder.name}/good.tif", f"{folder.name}/gone.tif"))
    address = f"{RUNS}{batch}/"
    wait_for("the batch to end", lambda: "Retry the rest" in admin.get(address).text)

    listed = admin.get(f"{RUNS}?kind=batch&text={mark}").text
    assert f'id="run-{batch}"' in listed and "1 file imported, 0 were there, 1 failed" in listed
    assert "<b>Night</b>" not in listed
    page = admin.get(address).text
    assert "Panel nights" in page and f"batch-{mark}/gone.tif" in page and "file-not-found" in page
    assert re.search(r"<td>alice</td><td>lab-a</td><td><a [^>]*show=", page), page
    assert "Run again" not in page
    for part in ("now/", "log/", "log.txt"):
        assert admin.get(address + part).status_code == 200

    assert 'value="batch"' in listed and 'value="batch"' not in alice.get(RUNS).text
    assert f'id="run-{batch}"' not in alice.get(f"{RUNS}?kind=batch&text={mark}").text
    for part in ("", "now/", "log/", "log.txt"):
        assert alice.get(address + part).status_code == 404
        assert stranger.get(address + part).status_code == 302
    for what in ("cancel/", "retry/", "repeat/"):
        assert alice.post(address + what, {"new_token": str(uuid.uuid4())}).status_code == 404
        assert admin.post(address + what, csrf=False).status_code == 403
    assert admin.post(f"{address}repeat/", {"new_token": str(uuid.uuid4())}).status_code == 403
    # Other housekeeping stays out of the list, and of reach.
    assert "restart what crashed" not in admin.get(f"{RUNS}?kind=batch&since=ever").text


def place_batch(site: Site, mark: str, title: str, paths: tuple[str, ...]) -> str:
    """The id of its flow run. `omero-flows batch run` would refuse the file that is not there."""
    order = {
        "uuid": str(uuid.uuid4()),
        "user": "alice",
        "group": "lab-a",
        "destination": {"type": "Dataset", "name": f"Night {mark}", "project": "Panel nights"},
        "files": [{"path": path} for path in paths],
    }
    user, _, password = site.prefect_auth.partition(":")
    with httpx.Client(base_url=site.prefect_api, auth=(user, password), timeout=60, trust_env=False) as prefect:
        deployment = prefect.get(f"/deployments/name/{BATCH_IMPORT}").json()["id"]
        answer = prefect.post(
            f"/deployments/{deployment}/create_flow_run", json={"parameters": {"title": title, "orders": [order]}}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])
