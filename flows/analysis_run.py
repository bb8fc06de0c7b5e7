"""An analysis run: plan, stage, sbatch, wait without a process, retrieve, into OMERO, tidy; then report.

The process ends when Slurm has the job. The cluster's watcher resumes the run when the job has ended: the flow then
begins anew, its finished steps are remembered, and it goes on behind the wait. So it does when somebody it needs has
been away. It may be killed at any moment and started again; every step first asks OMERO, the cluster or the image
storage whether it is done.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from blocks.omero_failures import failure_of
from contracts.analysis_report import AnalysisReport
from contracts.analysis_run import AnalysisRun
from contracts.brought_back import BroughtBack
from contracts.failures import Failure, FailureError
from contracts.run_plan import RunPlan
from contracts.waiting_job import WaitingJob
from tasks.analysis_work import AnalysisWork, begin_run
from tasks.cancel_job import cancel_job
from tasks.crash_limit import check_crashes
from tasks.earlier_attempts import end_steps_of_earlier_attempts
from tasks.outage import wait_out
from tasks.plan_run import plan_run
from tasks.prefect_client import crash_when_away, is_away
from tasks.results import import_results
from tasks.retrieve_results import retrieve_results
from tasks.run_account import account_for, facts_of
from tasks.run_clock import read_history
from tasks.run_report import keep_report, publish_run_report
from tasks.stage_inputs import stage_inputs
from tasks.submit_job import submit_job
from tasks.tidy_scratch import tidy_scratch
from tasks.wait_for_job import wait_for_job


def _run_name() -> str:
    run = runtime.flow_run.parameters["run"]
    return run.title if isinstance(run, AnalysisRun) else AnalysisRun.model_validate(run).title


@flow(name="analysis-run", flow_run_name=_run_name, persist_result=True, result_serializer="json")
async def analysis_run(run: AnalysisRun) -> State[Any]:
    """Analyse images of OMERO on the cluster, and bring every result back, exactly once.

    Args:
        run: who applies which workflow to which objects, with what, and what becomes of the results.
    """
    with crash_when_away():
        try:
            async with begin_run(run) as work:
                report = await _carry_out(work)
        except FailureError as error:
            # It has not begun: the site's settings are not there. Its page tells that as it tells every other failure.
            report = AnalysisReport(uuid=run.uuid, workflow=run.workflow, failure=error.failure)
            await keep_report(report)
    if report.succeeded:
        return Completed(message=report.summary, data=report)
    return Failed(message=report.summary, data=report)


async def _carry_out(work: AnalysisWork) -> AnalysisReport:
    report = AnalysisReport(uuid=work.run.uuid, workflow=work.run.workflow)
    try:
        await check_crashes()
        plan = await plan_run(work)
        work.keep_to(plan)
        async with work.alone():
            await end_steps_of_earlier_attempts()
            brought = await _run_jobs(work, plan)
            report = await _bring_into_omero(work, plan, brought)
            if report.succeeded:
                await tidy_scratch(work)
    except asyncio.CancelledError:
        await cancel_job(work)
        raise
    except FailureError as error:
        report = report.model_copy(update={"failure": error.failure})
    if report.awaited is not None:
        await wait_out(report.awaited)
    await publish_run_report(work, report)
    return report


async def _run_jobs(work: AnalysisWork, plan: RunPlan) -> list[BroughtBack]:
    """One attempt; and when a person retries the run after it, one more, of the tasks that had failed.

    Suspends the run where a job has not ended: then it does not come back here.
    """
    history = await read_history()
    brought: list[BroughtBack] = []
    tasks = plan.tasks
    for attempt in itertools.count(1):
        await stage_inputs(work, plan, attempt)
        job = await submit_job(work, plan, attempt, tasks)
        if job is None:
            continue
        ended = WaitingJob(job=job) if work.has_just_submitted(job) else await retrieve_results(work, job)
        if isinstance(ended, WaitingJob):
            work.log_out()
            await wait_for_job(ended)
            raise RuntimeError("a run that waits for its job was not suspended")
        brought.append(ended)
        tasks = ended.failed_tasks
        if not tasks or not history.asks_for_another(job.submitted, ended.judged):
            break
    return brought


async def _bring_into_omero(work: AnalysisWork, plan: RunPlan, brought: list[BroughtBack]) -> AnalysisReport:
    """Every good file into OMERO, each on its own; what failed is in the report."""
    report = account_for(work.run, plan, brought)
    files = [file for attempt in brought for file in attempt.files]
    failure: Failure | None = None
    try:
        results = await import_results(work.results(facts_of(plan, brought), plan.inputs), files)
    except FailureError as error:
        failure = error.failure
    except Exception as error:
        if is_away(error):
            raise
        # The run is reported with all that it knows, whatever befell it.
        failure = failure_of(error, "bring the results into OMERO")
    if failure is not None:
        return report.model_copy(update={"failure": failure})
    return report.model_copy(update={"results": results.results, "failed": results.failed})
