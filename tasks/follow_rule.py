"""Following one rule: look what is new, place it, try again what failed if that is asked for; then report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from prefect import get_run_logger, task
from prefect.client.orchestration import PrefectClient, get_client

from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisRun
from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import RuleProblem, RuleReport, RuleRun, RunStanding
from contracts.failures import FailureError
from tasks.analysis_work import AnalysisSite
from tasks.placing import place_run
from tasks.retries import DELAYS, is_retryable
from tasks.retry_run import retry_run
from tasks.rule_look import RuleLook, look_at_rule
from tasks.rule_planning import RulePlanning
from tasks.rule_runs import PlacedByRule, describe_run, read_last_batch
from tasks.user_work import UserWork


@task(
    name="follow-rule",
    task_run_name="{rule.title}",
    persist_result=False,
    retries=len(DELAYS),
    retry_delay_seconds=DELAYS,
    retry_condition_fn=is_retryable,
)
async def follow_rule(site: AnalysisSite, rule: AnalysisRule, batch: UUID, *, retry_failed: bool) -> RuleReport:
    """Place all new images of a rule, each in one run, whoever else follows the same rule.

    Raises:
        FailureError: what concerns the rule as a whole: user, group, workflow, parameters, storage.
    """
    with site.server.as_user(rule.user, rule.group) as session:
        # Whoever else follows it waits, and then finds what was placed.
        async with UserWork(rule.token, site.server, session, site.storage).alone(), get_client() as client:
            return await _Following(site, session, client, rule, batch).follow(retry_failed=retry_failed)


class _Following:
    def __init__(
        self, site: AnalysisSite, session: OmeroSession, client: PrefectClient, rule: AnalysisRule, batch: UUID
    ) -> None:
        self._site = site
        self._session = session
        self._client = client
        self._rule = rule
        self._batch = batch

    async def follow(self, *, retry_failed: bool) -> RuleReport:
        rule, client = self._rule, self._client
        look = await look_at_rule(self._site, self._session, client, rule, self._batch)
        since = await read_last_batch(client, rule.token, self._batch)
        again = await self._again(look) if retry_failed or rule.retry_failed else []
        retried, refused = await self._retry(again)
        planning = RulePlanning(self._site, self._session, rule)
        placed = [await self._place(run, images) async for run, images in planning.runs(look.new)]
        concerned = [run for run in look.runs if look.concerns(run) and run not in again]
        ours = [await describe_run(client, run, since) for run in concerned if run.is_of(self._batch)]
        others = [run for run in concerned if not run.is_of(self._batch)]
        earlier = [await describe_run(client, run, since) for run in others if _is_told(run, since)]
        report = RuleReport(
            rule=rule.token,
            title=rule.title,
            user=rule.user,
            group=rule.group,
            images=look.images,
            placed=(*ours, *placed),
            retried=tuple(retried),
            earlier=tuple(earlier),
            problems=(*look.problems, *refused, *planning.problems),
        )
        get_run_logger().info(
            "%s: %s new images in %s runs, %s problems",
            rule.title,
            look.images.new,
            len(report.placed),
            len(report.problems),
        )
        return report

    async def _place(self, run: AnalysisRun, images: int) -> RuleRun:
        placed = await place_run(self._client, run, self._batch)
        return _under_way(run, placed.id, images)

    async def _again(self, look: RuleLook) -> list[PlacedByRule]:
        """Runs that failed before this batch began; one that it has tried again and that failed anew waits."""
        began = (await self._client.read_flow_run(self._batch)).start_time
        return [
            run
            for run in look.runs
            if run.standing is RunStanding.FAILED
            and look.concerns(run)
            and run.ended is not None
            and (began is None or run.ended < began)
        ]

    async def _retry(self, runs: Sequence[PlacedByRule]) -> tuple[list[RuleRun], list[RuleProblem]]:
        """Start them again; those that Prefect does not let go on are problems."""
        retried, refused = [], []
        for run in runs:
            try:
                await retry_run(self._client, run.flow_run.id, "Retried by a batch")
            except FailureError as error:
                refused.append(RuleProblem(where=run.run.title, failure=error.failure, images=len(run.keys)))
            else:
                retried.append(_under_way(run.run, run.flow_run.id, len(run.keys)))
        return retried, refused


def _under_way(run: AnalysisRun, flow_run: UUID, images: int) -> RuleRun:
    return RuleRun(uuid=run.uuid, flow_run=flow_run, title=run.title, images=images, standing=RunStanding.UNDER_WAY)


def _is_told(run: PlacedByRule, since: datetime | None) -> bool:
    """What succeeded is told once; what has not ended or not succeeded every time."""
    if run.standing is not RunStanding.SUCCEEDED:
        return True
    return since is None or run.ended is None or run.ended >= since
