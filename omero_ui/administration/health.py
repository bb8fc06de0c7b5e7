"""Health: what was found when the site and its cluster were looked at last, and looking again."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from contracts.finding import SITE_CHECK, Finding, cluster_check, cluster_set_up
from omero_ui.analyses.catalogue import HOUSEKEEPING
from omero_ui.analyses.cluster import read_findings
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.prefect_api.blocks import BLOCK_NAME
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.placing import make_flow_run
from omero_ui.runs.standing import Standing, standing_of


class Look(StrEnum):
    """What an admin may have looked at, or set up."""

    SITE = "site"
    CLUSTER = "cluster"
    SET_UP = "set-up"


#: Title, deployment, and what its findings are published under.
_LOOKS = {
    Look.SITE: ("This site", "check-site/check-site", SITE_CHECK),
    Look.CLUSTER: ("The cluster", "check-cluster/check-cluster", cluster_check(BLOCK_NAME)),
    Look.SET_UP: ("Installing on the cluster", "set-up-cluster/set-up-cluster", cluster_set_up(BLOCK_NAME)),
}


class Report(BaseModel):
    """`findings`: what is to be mended first. `standing`: of the flow run that was ordered last, None when there is
    none; while it is not final the page asks again.
    """

    model_config = ConfigDict(frozen=True)

    look: Look
    title: str
    findings: tuple[Finding, ...] = ()
    seen: datetime | None = None
    standing: Standing | None = None
    flow_run: uuid.UUID | None = None

    @property
    def is_under_way(self) -> bool:
        return self.standing is not None and not self.standing.is_final

    @property
    def wrong(self) -> int:
        return sum(finding.failure is not None for finding in self.findings)


def read_report(prefect: PrefectApi, look: Look) -> Report:
    title, deployment, about = _LOOKS[look]
    found, run = read_findings(prefect, about), _last_run(prefect, deployment)
    findings = () if found is None else found[1]
    return Report(
        look=look,
        title=title,
        findings=tuple(sorted(findings, key=lambda finding: finding.failure is None)),
        seen=None if found is None else found[0].updated,
        standing=None if run is None else standing_of(run.state),
        flow_run=None if run is None else run.id,
    )


def order_look(prefect: PrefectApi, look: Look, token: uuid.UUID) -> None:
    """Once for each `token`, which a page has.

    Raises:
        FailureError: NOT_CONFIGURED when there is no such deployment.
    """
    title, deployment, _ = _LOOKS[look]
    make_flow_run(prefect, deployment, {}, name=title.lower(), token=token, tags=[HOUSEKEEPING])


def _last_run(prefect: PrefectApi, deployment: str) -> FlowRun | None:
    body = {
        "deployments": {"name": {"any_": [deployment.partition("/")[2]]}},
        "sort": "EXPECTED_START_TIME_DESC",
        "limit": 1,
    }
    found = prefect.post("/flow_runs/filter", body) or []
    return FlowRun.model_validate(found[0]) if found else None
