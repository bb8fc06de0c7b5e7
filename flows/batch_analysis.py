"""A batch of analyses: look what is new to each rule, place it as runs, and report.

The runs go on without this one; how they ended is told by the report of the next batch. It may be killed at any moment
and started again, or be started twice: which images are new is asked of Prefect and OMERO, under a lock of the rule's.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

from prefect import flow, get_run_logger, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from blocks.omero_failures import failure_of
from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import AnalysisBatchReport, RuleProblem, RuleReport
from contracts.failures import Failure, FailureError
from tasks.analysis_work import AnalysisSite, load_site
from tasks.crash_limit import check_crashes
from tasks.earlier_attempts import end_steps_of_earlier_attempts
from tasks.follow_rule import follow_rule
from tasks.prefect_client import crash_when_away, is_away
from tasks.report_mail import send_report
from tasks.rule_report_mail import as_mail
from tasks.rule_report_page import publish_analysis_batch_report
from tasks.rule_runs import say_looked_after
from tasks.standing_rules import read_standing_rules


@flow(name="batch-analysis", flow_run_name="{title}", persist_result=True, result_serializer="json")
async def batch_analysis(
    title: str = "Nightly analysis",
    rules: tuple[AnalysisRule, ...] = (),
    standing: bool = False,
    retry_failed: bool = False,
) -> State[Any]:
    """Analyse all images that no run of their rule has taken yet, each once.

    Args:
        title: How people see this batch.
        rules: Which workflow is applied to the new images of what, and for whom.
        standing: Whether the rules of the block AnalysisRules are followed too.
        retry_failed: Whether runs of these rules that have failed are tried again, this once.
    """
    began, batch = datetime.now(UTC), uuid.UUID(str(runtime.flow_run.id))
    reports: list[RuleReport] = []
    problems: list[RuleProblem] = []

    def report() -> AnalysisBatchReport:
        return AnalysisBatchReport(
            batch=batch,
            title=title,
            began=began,
            ended=datetime.now(UTC),
            rules=tuple(reports),
            problems=tuple(problems),
        )

    with crash_when_away():
        await check_crashes()
        await end_steps_of_earlier_attempts()
        site = await load_site()
        followed = list(rules)
        if standing:
            try:
                followed += await read_standing_rules()
            except FailureError as error:
                problems.append(RuleProblem(where="the block AnalysisRules", failure=error.failure))
        try:
            for rule in followed:
                reports.append(await _follow(site, rule, batch, retry_failed=retry_failed))
        except asyncio.CancelledError:
            await publish_analysis_batch_report(report())
            raise
        done = report()
        address = site.server.run_link(batch) or runtime.flow_run.ui_url
        mail = await send_report(as_mail(done, address), is_complete=done.is_complete)
        done = done.model_copy(update={"mail": mail})
        await publish_analysis_batch_report(done)
        async with get_client() as client:
            await say_looked_after(client, batch, [rule.token for rule in followed])
    if not done.is_complete:
        return Failed(message=done.summary, data=done)
    return Completed(message=done.summary, data=done)


async def _follow(site: AnalysisSite, rule: AnalysisRule, batch: uuid.UUID, *, retry_failed: bool) -> RuleReport:
    """One rule's report; what befalls a rule is a problem of the batch, not its end."""
    try:
        return await follow_rule(site, rule, batch, retry_failed=retry_failed)
    except Exception as error:
        if is_away(error):
            raise
        failure: Failure = failure_of(error, f"follow the rule {rule.title!r}")
    get_run_logger().error("%s: %s", rule.title, FailureError(failure))
    problem = RuleProblem(where="the whole rule", failure=failure)
    return RuleReport(rule=rule.token, title=rule.title, user=rule.user, group=rule.group, problems=(problem,))
