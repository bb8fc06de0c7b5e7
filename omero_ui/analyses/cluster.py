"""What the panel knows of the cluster: its admin's limits, and what was found there when somebody looked last."""

from __future__ import annotations

import json

from pydantic import TypeAdapter, ValidationError

from contracts.cluster_limits import ClusterLimits
from contracts.failures import FailureCategory, fail
from contracts.finding import Finding, cluster_check, cluster_set_up, findings_key
from contracts.waiting_job import CLUSTER_TAG
from omero_ui.prefect_api.answers import Artifact
from omero_ui.prefect_api.blocks import BLOCK_NAME, SLURM_CLUSTER, read_block
from omero_ui.prefect_api.connection import PrefectApi

_FINDINGS = TypeAdapter(tuple[Finding, ...])


def read_limits(prefect: PrefectApi) -> ClusterLimits:
    """
    Raises:
        FailureError: NOT_CONFIGURED when the site has no cluster, or its block is from another version.
    """
    data = read_block(prefect, SLURM_CLUSTER).data
    try:
        return ClusterLimits.model_validate({name: data[name] for name in ClusterLimits.model_fields if name in data})
    except ValidationError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The limits of the cluster cannot be read.",
            detail=str(error)[:2000],
            next_step="An administrator has to run `omero-flows deploy`.",
        ) from error


def count_waiting(prefect: PrefectApi) -> int:
    """Runs of everybody that wait for the cluster just now."""
    body = {"flow_runs": {"tags": {"all_": [CLUSTER_TAG + BLOCK_NAME]}, "state": {"name": {"any_": ["Suspended"]}}}}
    return int(prefect.post("/flow_runs/count", body) or 0)


def read_findings(prefect: PrefectApi, about: str) -> tuple[Artifact, tuple[Finding, ...]] | None:
    """The newest findings about something, and the artifact that holds them; None when nobody ever looked."""
    found = prefect.get(f"/artifacts/{findings_key(about)}/latest")
    if found is None:
        return None
    artifact = Artifact.model_validate(found)
    data = artifact.data
    try:
        return artifact, _FINDINGS.validate_json(data if isinstance(data, str) else json.dumps(data))
    except ValidationError:
        return None  # made by another version of this software: as if nobody had looked


def installed_workflows(prefect: PrefectApi) -> dict[str, str]:
    """Name of each workflow that was seen on the cluster by whoever looked last, and what was seen."""
    looked = [
        found
        for about in (cluster_check(BLOCK_NAME), cluster_set_up(BLOCK_NAME))
        if (found := read_findings(prefect, about)) is not None
    ]
    if not looked:
        return {}
    _, findings = max(looked, key=lambda found: found[0].updated)
    seen = {finding.subject.partition(" "): finding for finding in findings if finding.failure is None}
    return {name: finding.found for (kind, _, name), finding in seen.items() if kind == "workflow"}
