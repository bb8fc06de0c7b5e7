"""The runs that a rule has placed, as Prefect knows them: what each took, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from contracts.analysis_report import AnalysisReport, analysis_report_key
from contracts.analysis_run import AnalysisRun
from contracts.batch.rule_report import RuleRun, RunStanding
from contracts.deployment_names import ANALYSIS_RUN, BATCH_ANALYSIS, flow_of
from contracts.failures import Failure, FailureCategory, fail
from contracts.run_tags import batch_tag, rule_tag
from tasks.artifact_pages import PAGE
from tasks.crash_limit import MOST_RUNS
from tasks.crashed_runs import LONG_AGO
from tasks.latest_artifact import read_latest
from tasks.rule_inputs import Key

_FLOW = flow_of(ANALYSIS_RUN)
_BATCH_FLOW = flow_of(BATCH_ANALYSIS)
_STANDINGS = {
    StateType.COMPLETED: RunStanding.SUCCEEDED,
    StateType.FAILED: RunStanding.FAILED,
    StateType.CANCELLED: RunStanding.CANCELLED,
}


@dataclass(frozen=True)
class PlacedByRule:
    """A run of a rule."""

    flow_run: FlowRun
    run: AnalysisRun
    standing: RunStanding

    @property
    def keys(self) -> frozenset[Key]:
        """Kind and id of all that it took."""
        inputs = self.run.inputs
        kinds = (("Image", inputs.images), ("Plate", inputs.plates))
        return frozenset((kind, id) for kind, ids in kinds for id in ids)

    @property
    def ended(self) -> datetime | None:
        """When it came to its end; None: it has not."""
        state = self.flow_run.state
        return None if state is None or self.standing is RunStanding.UNDER_WAY else state.timestamp

    def is_of(self, batch: UUID) -> bool:
        return batch_tag(batch) in self.flow_run.tags


async def read_rule_runs(client: PrefectClient, rule: UUID) -> list[PlacedByRule]:
    """All runs of the rule that are in Prefect's history."""
    found: list[FlowRun] = []
    while True:
        page = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[_FLOW])),
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[rule_tag(rule)])),
            sort=FlowRunSort.ID_DESC,  # runs that are started again keep their place while the pages are read
            limit=PAGE,
            offset=len(found),
        )
        found += page
        if len(page) < PAGE:
            break
    return [PlacedByRule(run, AnalysisRun.model_validate(run.parameters["run"]), standing_of(run)) for run in found]


def standing_of(run: FlowRun) -> RunStanding:
    """What waits, for a worker, in Slurm's queue or for somebody who is away, is under way. So is what crashed and is
    started again by itself.
    """
    if run.state is None:
        return RunStanding.UNDER_WAY
    if run.state.type is StateType.CRASHED:
        is_left = run.run_count >= MOST_RUNS or run.state.timestamp < datetime.now(UTC) - LONG_AGO
        return RunStanding.FAILED if is_left else RunStanding.UNDER_WAY
    return _STANDINGS.get(run.state.type, RunStanding.UNDER_WAY)


async def read_last_batch(client: PrefectClient, rule: UUID, batch: UUID) -> datetime | None:
    """When the batch before this one began that looked after the rule to its end; None: there was none."""
    found = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[_BATCH_FLOW])),
        flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[rule_tag(rule)])),
        sort=FlowRunSort.START_TIME_DESC,
        limit=2,
    )
    return next((run.start_time for run in found if run.id != batch), None)


async def say_looked_after(client: PrefectClient, batch: UUID, rules: list[UUID]) -> None:
    """Let the batch's flow run say which rules it has looked after, once its report is there."""
    run = await client.read_flow_run(batch)
    await client.update_flow_run(batch, tags=sorted({*run.tags, *(rule_tag(rule) for rule in rules)}))


async def describe_run(client: PrefectClient, placed: PlacedByRule, since: datetime | None) -> RuleRun:
    """For the report. `since`: when the last batch began; what ended earlier is no news."""
    state = placed.flow_run.state
    failure = None
    if placed.standing in (RunStanding.FAILED, RunStanding.CANCELLED):
        failure = await _reason(client, placed)
    ended = placed.ended
    return RuleRun(
        uuid=placed.run.uuid,
        flow_run=placed.flow_run.id,
        title=placed.run.title,
        images=len(placed.keys),
        standing=placed.standing,
        said=(state.message or "") if state is not None else "",
        is_news=ended is None or since is None or ended >= since,
        failure=failure,
    )


async def _reason(client: PrefectClient, placed: PlacedByRule) -> Failure:
    """Why it has not succeeded, as its own report has it; one that was ended before it could report has none."""
    said = await read_latest(client, analysis_report_key(placed.run.uuid))
    reason = None if said is None else AnalysisReport.model_validate_json(said).reason
    if placed.standing is RunStanding.FAILED and reason is not None:
        return reason
    cancelled = placed.standing is RunStanding.CANCELLED
    state = placed.flow_run.state
    return fail(
        FailureCategory.CANCELLED if cancelled else FailureCategory.UNKNOWN,
        "The run was cancelled." if cancelled else "The run ended without a report.",
        detail=(state.message or "") if state is not None else "",
        next_step=f"`omero-flows retry {placed.run.uuid}` tries it again.",
    ).failure
