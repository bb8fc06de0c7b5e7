"""Placing a flow run of a deployment: the same token again gives the run that is there."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from contracts.analysis_run import AnalysisRun
from contracts.batch.analysis_rule import AnalysisRule
from contracts.deployment_names import ANALYSIS_RUN, BATCH_ANALYSIS, BATCH_IMPORT, IMPORT_ORDER
from contracts.failures import FailureCategory, fail
from contracts.import_order import ImportOrder
from contracts.run_tags import HOUSEKEEPING, analysis_tags, batch_tag, order_tags
from tasks.analysis_work import CLUSTER_BLOCK


async def place_order(client: PrefectClient, order: ImportOrder) -> FlowRun:
    """Make the order's flow run.

    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    return await place_flow_run(
        client,
        IMPORT_ORDER,
        {"order": order.model_dump(mode="json")},
        name=order.title,
        token=order.uuid,
        tags=order_tags(order),
    )


async def place_run(client: PrefectClient, run: AnalysisRun, batch: UUID | None = None) -> FlowRun:
    """Make an analysis run's flow run. `batch`: the flow run of the batch that places it.

    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    return await place_flow_run(
        client,
        ANALYSIS_RUN,
        {"run": run.model_dump(mode="json")},
        name=run.title,
        token=run.uuid,
        tags=analysis_tags(run, CLUSTER_BLOCK) + ([] if batch is None else [batch_tag(batch)]),
    )


async def place_flow_run(
    client: PrefectClient,
    deployment: str,
    parameters: dict[str, object],
    *,
    name: str,
    token: UUID,
    tags: list[str],
) -> FlowRun:
    """A flow run of a deployment.

    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    try:
        found = await client.read_deployment_by_name(deployment)
    except ObjectNotFound as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"Prefect has no deployment {deployment}.",
            next_step="Run `omero-flows deploy --settings site.toml`.",
        ) from error
    return await client.create_flow_run_from_deployment(
        found.id, parameters=parameters, name=name, idempotency_key=str(token), tags=tags
    )


async def place_batch(client: PrefectClient, token: UUID, title: str, orders: tuple[ImportOrder, ...]) -> FlowRun:
    """Make the flow run of a batch of orders.

    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    parameters: dict[str, object] = {"title": title, "orders": [order.model_dump(mode="json") for order in orders]}
    return await place_flow_run(
        client, BATCH_IMPORT, parameters, name=title, token=token, tags=[HOUSEKEEPING, str(token)]
    )


async def place_analyses(
    client: PrefectClient, token: UUID, title: str, rule: AnalysisRule, *, retry_failed: bool
) -> FlowRun:
    """Make the flow run of a batch that follows one rule.

    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    parameters: dict[str, object] = {
        "title": title,
        "rules": [rule.model_dump(mode="json")],
        "retry_failed": retry_failed,
    }
    return await place_flow_run(
        client, BATCH_ANALYSIS, parameters, name=title, token=token, tags=[HOUSEKEEPING, str(token)]
    )
