"""Placing an order or an analysis: the same token again gives the run that is there."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from contracts.analysis_run import AnalysisRun
from contracts.deployment_names import ANALYSIS_RUN, IMPORT_ORDER
from contracts.failures import FailureCategory, fail
from contracts.import_order import ImportOrder
from contracts.run_tags import analysis_tags, order_tags
from omero_ui.prefect_api.answers import Deployment, FlowRun
from omero_ui.prefect_api.blocks import BLOCK_NAME
from omero_ui.prefect_api.connection import PrefectApi


def place_order(prefect: PrefectApi, order: ImportOrder) -> FlowRun:
    """
    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    parameters = {"order": order.model_dump(mode="json")}
    return make_flow_run(prefect, IMPORT_ORDER, parameters, name=order.title, token=order.uuid, tags=order_tags(order))


def place_analysis(prefect: PrefectApi, run: AnalysisRun) -> FlowRun:
    """
    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    parameters = {"run": run.model_dump(mode="json")}
    return make_flow_run(
        prefect, ANALYSIS_RUN, parameters, name=run.title, token=run.uuid, tags=analysis_tags(run, BLOCK_NAME)
    )


def make_flow_run(
    prefect: PrefectApi,
    name_of_deployment: str,
    parameters: Mapping[str, object],
    *,
    name: str,
    token: UUID,
    tags: list[str],
) -> FlowRun:
    """A flow run of a deployment, found again by its token.

    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    found = prefect.get(f"/deployments/name/{name_of_deployment}")
    if found is None:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"The workflow engine has no deployment {name_of_deployment}.",
            next_step="An administrator has to run `omero-flows deploy`.",
        )
    deployment = Deployment.model_validate(found)
    body = {"parameters": parameters, "name": name, "idempotency_key": str(token), "tags": tags}
    return FlowRun.model_validate(prefect.post(f"/deployments/{deployment.id}/create_flow_run", body))


def start_deployment(prefect: PrefectApi, deployment: UUID, parameters: Mapping[str, object], token: UUID) -> None:
    """A run of a deployment as its schedule starts it, with the deployment's own tags; once for each token.

    Raises:
        FailureError: NOT_CONFIGURED when the deployment is gone.
    """
    body = {"parameters": parameters, "idempotency_key": str(token)}
    if prefect.post(f"/deployments/{deployment}/create_flow_run", body) is None:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The workflow engine no longer has this deployment.",
            next_step="Load the page again. If it is missing there, run `omero-flows deploy`.",
        )
