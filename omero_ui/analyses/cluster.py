"""What the panel knows of the cluster: its admin's limits, and what was found there when somebody looked last."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from contracts.cluster_limits import ClusterLimits
from contracts.failures import FailureCategory, fail
from contracts.finding import Finding, cluster_check, cluster_set_up, findings_key
from contracts.waiting_job import CLUSTER_TAG
from omero_ui.prefect_api.answers import Artifact
from omero_ui.prefect_api.artifacts import as_json, read_latest
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
    return _read_findings(prefect, [about]).get(about)


def _read_findings(prefect: PrefectApi, abouts: Sequence[str]) -> dict[str, tuple[Artifact, tuple[Finding, ...]]]:
    """As `read_findings`, with one question for several."""
    artifacts = read_latest(prefect, [findings_key(about) for about in abouts])
    found = {}
    for about in abouts:
        if (artifact := artifacts.get(findings_key(about))) is not None:
            # Made by another version of this software: as if nobody had looked.
            with suppress(ValidationError):
                found[about] = (artifact, _FINDINGS.validate_json(as_json(artifact)))
    return found


def installed_workflows(prefect: PrefectApi) -> dict[str, str]:
    """Name of each workflow that was seen on the cluster by whoever looked last, and what was seen."""
    looked = _read_findings(prefect, [cluster_check(BLOCK_NAME), cluster_set_up(BLOCK_NAME)])
    if not looked:
        return {}
    _, findings = max(looked.values(), key=lambda found: found[0].updated)
    seen = {finding.subject.partition(" "): finding for finding in findings if finding.failure is None}
    return {name: finding.found for (kind, _, name), finding in seen.items() if kind == "workflow"}
