"""A deployment of prefect.yaml: as it is to be, as it is in Prefect, and what is different.

The keys are those of Prefect's own prefect.yaml, but `needs` of a schedule: the type of a block without which it rests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions, DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import Field, ValidationError, model_validator

from contracts.base import Contract
from contracts.failures import FailureCategory, fail
from contracts.wrong_fields import wrong_fields
from deployments.site_block import has_block

PREFECT_FILE = Path(__file__).parent.parent / "prefect.yaml"

#: What an admin changes in the Prefect UI, or in the panel; a deploy leaves it.
CHANGED_BY_PEOPLE = ("schedules", "concurrency")


class Schedule(Contract):
    """Either `cron`, five fields in `timezone`, or `interval`, in seconds."""

    cron: str | None = None
    interval: Annotated[int, Field(ge=1)] | None = None
    timezone: str = "UTC"
    active: bool = True
    needs: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.cron is None) == (self.interval is None):
            raise ValueError("name either cron or interval")
        return self


class WorkPool(Contract):
    name: str
    job_variables: dict[str, Any] = Field(default_factory=dict)


class FlowDeployment(Contract):
    """An entry. `concurrency_limit` must stand there: null says that as many run as the workers take."""

    name: str
    description: Annotated[str, Field(min_length=1)]
    entrypoint: str
    tags: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    parameters: dict[str, Any]
    concurrency_limit: Annotated[int, Field(ge=1)] | None
    collision_strategy: Annotated[ConcurrencyLimitStrategy, Field(strict=False)] | None = None
    schedules: Annotated[tuple[Schedule, ...], Field(strict=False)] = ()
    work_pool: WorkPool

    @model_validator(mode="after")
    def _limit_with_strategy(self) -> Self:
        if (self.concurrency_limit is None) != (self.collision_strategy is None):
            raise ValueError("concurrency_limit and collision_strategy belong together")
        return self

    def load_flow(self) -> Flow[..., Any]:
        return load_flow_from_entrypoint(self.entrypoint)


def read_deployments(path: Path = PREFECT_FILE) -> list[FlowDeployment]:
    """Every entry of prefect.yaml.

    Raises:
        FailureError: NOT_CONFIGURED, naming what is wrong in which entry.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"{path} cannot be read.",
            detail=str(error),
            next_step="Run this from a complete installation.",
        ) from error
    found = []
    for entry in content["deployments"]:
        try:
            found.append(FlowDeployment.model_validate(entry))
        except ValidationError as error:
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                f"The deployment {entry.get('name')!r} in {path} is not right.",
                detail="; ".join(wrong_fields(error, "deployment")),
                next_step="Correct it there.",
            ) from error
    return found


@dataclass(frozen=True)
class Wanted:
    """What is asked of Prefect, with what people changed there already in it."""

    flow: Flow[..., Any]
    schedules: tuple[DeploymentScheduleCreate, ...]
    concurrency_limit: int | None
    collision_strategy: ConcurrencyLimitStrategy | None


async def make_wanted(client: PrefectClient, entry: FlowDeployment) -> Wanted:
    """What the entry itself asks for. A schedule that would only fail without a block that the site lacks rests."""
    schedules = [
        DeploymentScheduleCreate(
            schedule=_when(item),
            active=item.active and (item.needs is None or await has_block(client, item.needs)),
            parameters=item.parameters,
        )
        for item in entry.schedules
    ]
    return Wanted(entry.load_flow(), tuple(schedules), entry.concurrency_limit, entry.collision_strategy)


def keep(wanted: Wanted, there: DeploymentResponse, names: Sequence[str]) -> Wanted:
    """`wanted`, but with what Prefect has of `names` (`CHANGED_BY_PEOPLE`)."""
    schedules, limit, strategy = wanted.schedules, wanted.concurrency_limit, wanted.collision_strategy
    if "schedules" in names:
        schedules = tuple(
            DeploymentScheduleCreate(schedule=item.schedule, active=item.active, parameters=item.parameters)
            for item in there.schedules
        )
    if "concurrency" in names:
        limit, strategy = _limit_of(there), _strategy_of(there)
    return Wanted(wanted.flow, schedules, limit, strategy)


def describe_wanted(entry: FlowDeployment, wanted: Wanted) -> dict[str, Any]:
    """Everything that is compared, as JSON has it."""
    return {
        "description": entry.description,
        "entrypoint": entry.entrypoint,
        "tags": sorted(entry.tags),
        "parameters": entry.parameters,
        "work pool": entry.work_pool.name,
        "job variables": entry.work_pool.job_variables,
        "schedules": _describe_schedules(wanted.schedules),
        "concurrency": _describe_limit(wanted.concurrency_limit, wanted.collision_strategy),
        "schema of the parameters": parameter_schema(wanted.flow).model_dump(mode="json"),
    }


def describe_there(there: DeploymentResponse) -> dict[str, Any]:
    """The same of what Prefect has."""
    return {
        "description": there.description,
        "entrypoint": there.entrypoint,
        "tags": sorted(there.tags),
        "parameters": there.parameters,
        "work pool": there.work_pool_name,
        "job variables": there.job_variables,
        "schedules": _describe_schedules(there.schedules),
        "concurrency": _describe_limit(_limit_of(there), _strategy_of(there)),
        "schema of the parameters": there.parameter_openapi_schema,
    }


async def save_deployment(client: PrefectClient, entry: FlowDeployment, wanted: Wanted) -> None:
    """Make the deployment, or change it. Its runs, and whether it is paused, stay."""
    await client.create_deployment(
        flow_id=await client.create_flow(wanted.flow),
        name=entry.name,
        entrypoint=entry.entrypoint,
        description=entry.description,
        tags=list(entry.tags),
        parameters=entry.parameters,
        work_pool_name=entry.work_pool.name,
        job_variables=entry.work_pool.job_variables,
        parameter_openapi_schema=parameter_schema(wanted.flow).model_dump(),
        enforce_parameter_schema=True,
        schedules=list(wanted.schedules),
        concurrency_limit=wanted.concurrency_limit,
        concurrency_options=(
            None
            if wanted.collision_strategy is None
            else ConcurrencyOptions(collision_strategy=wanted.collision_strategy)
        ),
        pull_steps=[],
    )


def _when(item: Schedule) -> CronSchedule | IntervalSchedule:
    if item.cron is not None:
        return CronSchedule(cron=item.cron, timezone=item.timezone)
    return IntervalSchedule(interval=timedelta(seconds=item.interval or 0), timezone=item.timezone)


def _describe_schedules(schedules: Sequence[DeploymentScheduleCreate | DeploymentSchedule]) -> list[Any]:
    """Without what Prefect adds by itself: when an interval was first counted from."""
    return [
        {
            **item.schedule.model_dump(mode="json", exclude={"anchor_date", "day_or"}),
            "active": item.active,
            **({"parameters": item.parameters} if item.parameters else {}),
        }
        for item in schedules
    ]


def _describe_limit(limit: int | None, strategy: ConcurrencyLimitStrategy | None) -> str:
    if limit is None:
        return "as many as the workers take"
    return f"{limit} at once, {strategy.value if strategy is not None else 'ENQUEUE'}"


def _limit_of(there: DeploymentResponse) -> int | None:
    return None if there.global_concurrency_limit is None else there.global_concurrency_limit.limit


def _strategy_of(there: DeploymentResponse) -> ConcurrencyLimitStrategy | None:
    return None if there.concurrency_options is None else there.concurrency_options.collision_strategy
