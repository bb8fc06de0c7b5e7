"""Admin › Schedules over HTTP: what admins may change, what is refused, that Prefect has it, and a deploy leaves it."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from contracts.deployment_names import NIGHTLY_IMPORT
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.chaos.waiting import wait_for
from tests.sandbox.panel.web_visitor import WebVisitor

SCHEDULES = "/flows/admin/schedules/"


@dataclass(frozen=True)
class Deployments:
    """The site's deployments, as Prefect has them."""

    prefect: httpx.Client

    def schedule(self, name: str) -> tuple[str, dict[str, Any]]:
        """The address of a deployment's one schedule, and the schedule."""
        deployment = self.prefect.get(f"/deployments/name/{name}").json()
        [schedule] = deployment["schedules"]
        return f"{SCHEDULES}{deployment['id']}/{schedule['id']}/", schedule

    def runs(self, name: str) -> list[dict[str, Any]]:
        wanted = {"deployments": {"name": {"any_": [name.rpartition("/")[2]]}}, "sort": "START_TIME_DESC"}
        return list(self.prefect.post("/flow_runs/filter", json=wanted).json())


@pytest.fixture(scope="module")
def deployments(site: Site) -> Iterator[Deployments]:
    """nightly-import is as it was when the tests are done."""
    user, _, password = site.prefect_auth.partition(":")
    with httpx.Client(base_url=site.prefect_api, auth=(user, password), timeout=60, trust_env=False) as prefect:
        found = Deployments(prefect)
        address, before = found.schedule(NIGHTLY_IMPORT)
        yield found
        body = {name: before[name] for name in ("schedule", "active", "parameters")}
        prefect.patch(f"/deployments/{address.removeprefix(SCHEDULES).replace('/', '/schedules/', 1)[:-1]}", json=body)


def test_nobody_else_learns_of_them_or_changes_anything(
    deployments: Deployments, alice: WebVisitor, stranger: WebVisitor, admin: WebVisitor
) -> None:
    address, before = deployments.schedule(NIGHTLY_IMPORT)
    asked = {"cron": "0 2 * * *", "timezone": "UTC", "token": str(uuid.uuid4())}
    runs = len(deployments.runs(NIGHTLY_IMPORT))
    for what in ("change/", "turn/on/", "start/"):
        assert alice.post(address + what, asked).status_code == 404
        assert stranger.post(address + what, asked).status_code in (302, 403)
        assert admin.post(address + what, asked, csrf=False).status_code == 403
        assert admin.get(address + what).status_code == 405
    for page in (SCHEDULES, SCHEDULES + "preview/?cron=0+1+*+*+*&timezone=UTC"):
        assert alice.get(page).status_code == 404
        assert stranger.get(page).status_code == 302
    assert deployments.schedule(NIGHTLY_IMPORT) == (address, before)
    assert len(deployments.runs(NIGHTLY_IMPORT)) == runs


def test_every_schedule_of_the_site_is_told(deployments: Deployments, admin: WebVisitor) -> None:
    page = admin.get(SCHEDULES).text
    wanted = {"deployments": {"tags": {"any_": ["omero-flows", "omero-flows-housekeeping"]}}}
    found = deployments.prefect.post("/deployments/filter", json=wanted).json()
    for deployment in found:
        title = deployment["name"].replace("-", " ").capitalize()
        assert (f"{title}</h2>" in page or f"<td>{title} " in page) == bool(deployment["schedules"]), title
    assert "every day at 01:00" in page and "every day at 03:17" in page and "every 5 minutes" in page


@pytest.mark.parametrize(
    ("cron", "timezone", "said"),
    [
        ("0 25 * * *", "UTC", "hour: 25 is not between 0 and 23"),
        ("0 1 * *", "UTC", "five fields are needed"),
        ("0 1 * * *", "Europe/Atlantis", "there is no &#x27;Europe/Atlantis&#x27;"),
        ("0 1 * * <b>", "../../etc/localtime", "day of the week: &#x27;&lt;b&gt;&#x27;"),
        ("", "", "Time zone: there is no"),
        ("0 1 31 2 *", "UTC", "no month that is named has such a day"),
    ],
)
def test_what_cannot_be_is_refused_and_told_by_field(
    deployments: Deployments, admin: WebVisitor, cron: str, timezone: str, said: str
) -> None:
    address, before = deployments.schedule(NIGHTLY_IMPORT)
    fields = {"cron": cron, "timezone": timezone}
    answer = admin.post(address + "change/", fields)
    assert answer.status_code == 400 and said in answer.text
    preview = admin.client.get(SCHEDULES + "preview/", params=fields)
    assert preview.status_code == 200 and said in preview.text
    assert deployments.schedule(NIGHTLY_IMPORT) == (address, before)


def test_a_night_is_moved_switched_on_and_off_and_a_deploy_leaves_it(
    deployments: Deployments, admin: WebVisitor, site: Site
) -> None:
    address, before = deployments.schedule(NIGHTLY_IMPORT)
    fields = {"cron": " 30  22 * * mon-fri ", "timezone": "Europe/Berlin"}
    told = admin.client.get(SCHEDULES + "preview/", params=fields).text
    assert "on Monday to Friday at 22:30" in told and told.count("<time ") == 3
    assert admin.post(address + "change/", fields).status_code == 204
    for _ in range(2):  # the button pressed twice
        assert admin.post(address + "turn/on/").status_code == 204
    _, changed = deployments.schedule(NIGHTLY_IMPORT)
    assert (changed["schedule"]["cron"], changed["schedule"]["timezone"]) == ("30 22 * * mon-fri", "Europe/Berlin")
    # What its runs get is as it was: without them nothing would be imported.
    assert (changed["active"], changed["parameters"]) == (True, before["parameters"])
    card = card_of(admin, changed["id"])
    assert "on Monday to Friday at 22:30" in card and "Europe/Berlin" in card and "Switch off" in card
    moments = re.findall(r'<time datetime="([^"]+)"', card.partition("<dt>Next</dt>")[2].partition("</dd>")[0])
    planned = wait_for("Prefect to plan the nights", lambda: planned_runs(deployments))
    assert [moment.replace("+00:00", "Z") for moment in moments] == planned[:3]
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "deploy"], cwd=PROJECT, env=site.environment() | {"COLUMNS": "200"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "schedules" in done.stdout, done.stdout
    _, after = deployments.schedule(NIGHTLY_IMPORT)
    assert (after["schedule"], after["active"]) == (changed["schedule"], True)
    address, _ = deployments.schedule(NIGHTLY_IMPORT)
    assert admin.post(address + "turn/off/").status_code == 204
    assert not deployments.schedule(NIGHTLY_IMPORT)[1]["active"]
    assert admin.post(address + "turn/sideways/").status_code == 404


def test_one_is_started_now_once_and_its_end_is_told(deployments: Deployments, admin: WebVisitor) -> None:
    address, schedule = deployments.schedule(NIGHTLY_IMPORT)
    token = str(uuid.uuid4())
    assert admin.post(address + "start/", {"token": "x"}).status_code == 400
    assert admin.post(address + "start/", {"token": token}).status_code == 204
    again = admin.post(address + "start/", {"token": str(uuid.uuid4())})
    assert again.status_code == 400 and "at work already" in again.text
    [run] = [run for run in deployments.runs(NIGHTLY_IMPORT) if run["idempotency_key"] == token]
    assert run["parameters"] == schedule["parameters"]
    assert set(run["tags"]) == {"omero-flows-housekeeping", "kind:batch"}
    wait_for("the batch to end", lambda: "Start now" in (card := card_of(admin, schedule["id"])) and "Done" in card)
    card = card_of(admin, schedule["id"])
    assert f"/prefect/runs/flow-run/{run['id']}" in card and "0 files imported" in card


def test_watchers_are_shown_and_not_changed(deployments: Deployments, admin: WebVisitor) -> None:
    address, before = deployments.schedule("watch-cluster/watch-cluster")
    asked = {"cron": "0 1 * * *", "timezone": "UTC", "token": str(uuid.uuid4())}
    for what in ("change/", "turn/off/", "start/"):
        answer = admin.post(address + what, asked)
        assert answer.status_code == 400 and "is not changed here" in answer.text
    assert deployments.schedule("watch-cluster/watch-cluster") == (address, before)
    _, other = deployments.schedule(NIGHTLY_IMPORT)
    for wrong in (f"{uuid.uuid4()}/{uuid.uuid4()}", f"{address.removeprefix(SCHEDULES)[:36]}/{other['id']}"):
        assert admin.post(f"{SCHEDULES}{wrong}/turn/off/").status_code == 404


def card_of(admin: WebVisitor, schedule: str) -> str:
    page = admin.get(SCHEDULES).text
    return page.partition(f'id="schedule-{schedule}"')[2].partition("</section>")[0]


def planned_runs(deployments: Deployments) -> list[str]:
    runs = deployments.runs(NIGHTLY_IMPORT)
    return sorted(run["expected_start_time"][:19] + "Z" for run in runs if run["state_type"] == "SCHEDULED")
