"""What a run's attempts came to: one verdict for each task, and the facts that its results tell."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.analysis_report import AnalysisReport
from contracts.analysis_run import AnalysisRun
from contracts.brought_back import BroughtBack
from contracts.run_facts import RunFacts
from contracts.run_plan import RunPlan
from tasks.run_clock import ordered_at


def account_for(run: AnalysisRun, plan: RunPlan, brought: Sequence[BroughtBack]) -> AnalysisReport:
    """The run before its results are in OMERO. A task that was done twice counts as it ended last."""
    verdicts = {verdict.task: verdict for attempt in brought for verdict in attempt.verdicts}
    return AnalysisReport(
        uuid=run.uuid,
        workflow=run.workflow,
        version=plan.version,
        inputs=plan.inputs,
        job=brought[-1].job,
        verdicts=tuple(verdicts[task] for task in sorted(verdicts)),
        refused=tuple(refused for attempt in brought for refused in attempt.refused),
        sent=plan.staging.bytes_to_send * len(brought),
        brought=sum(file.size for attempt in brought for file in attempt.files),
    )


def facts_of(plan: RunPlan, brought: Sequence[BroughtBack]) -> RunFacts:
    """How the run was carried out; of a task that was done twice the job that did it last."""
    jobs: dict[int, str] = {}
    for attempt in brought:
        number, is_array = attempt.job.number, attempt.job.tasks != (0,)
        jobs |= {task: f"{number}_{task}" if is_array else str(number) for task in attempt.job.tasks}
    return RunFacts(
        version=plan.version,
        container=plan.container,
        jobs=tuple(jobs.get(task, "") for task in plan.tasks),
        begun=ordered_at(),
        ended=max(attempt.judged for attempt in brought),
    )
