"""What became of a batch: who got what, and what went wrong by its cause."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from contracts.batch.causes import Cause
from contracts.batch.report import BatchPart, BatchReport, batch_report_key
from contracts.batch.rule_report import AnalysisBatchReport, RuleReport, rule_report_key
from contracts.failures import Failure
from omero_ui.prefect_api.artifacts import as_json, read_latest
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.runs.outcome import FailureGroup, Outcome, ShownPart, ShownRule

#: Lines of a table, and runs of a line; the rest is counted.
MOST_PARTS = 200
MOST_RUNS = 20


def read_batch_outcome(prefect: PrefectApi, flow_run: UUID) -> Outcome | None:
    """By the latest report of a batch of imports, or of analyses; None before it has one."""
    imports, analyses = batch_report_key(flow_run), rule_report_key(flow_run)
    found = read_latest(prefect, [imports, analyses])
    if imports in found:
        return outcome_of_imports(BatchReport.model_validate_json(as_json(found[imports])))
    if analyses in found:
        return outcome_of_analyses(AnalysisBatchReport.model_validate_json(as_json(found[analyses])))
    return None


def outcome_of_imports(report: BatchReport) -> Outcome:
    # What needs somebody comes first.
    parts = sorted(report.parts, key=lambda part: not part.failed)
    return Outcome(
        summary=report.summary,
        results=(),
        more_results=0,
        failures=_failures(report.causes()),
        parts=tuple(_part(part) for part in parts[:MOST_PARTS]),
        more_parts=max(0, len(parts) - MOST_PARTS),
    )


def outcome_of_analyses(report: AnalysisBatchReport) -> Outcome:
    return Outcome(
        summary=report.summary,
        results=(),
        more_results=0,
        failures=_failures(report.causes()),
        rules=tuple(_rule(rule) for rule in report.rules[:MOST_PARTS]),
        more_parts=max(0, len(report.rules) - MOST_PARTS),
    )


def _failures(causes: Iterable[Cause]) -> tuple[FailureGroup, ...]:
    return tuple(
        FailureGroup(
            failure=Failure(category=cause.category, summary=cause.examples[0][1], next_step=cause.next_step),
            affected=tuple(where for where, _ in cause.examples),
            more=max(0, cause.count - len(cause.examples)),
        )
        for cause in causes
    )


def _part(part: BatchPart) -> ShownPart:
    destination = part.report.destination
    show = f"{destination.type.value.lower()}-{destination.id}" if destination.id is not None else None
    if show is None:  # found or made by its name: an image that came shows where
        came = (item for file in part.report.files for item in file.objects)
        show = next((f"{item.type.lower()}-{item.id}" for item in came), None)
    return ShownPart(
        user=part.user,
        group=part.group,
        where=f"{destination.project} / {destination}" if destination.project else str(destination),
        show=show,
        imported=part.imported,
        there=part.there,
        failed=part.failed,
    )


def _rule(rule: RuleReport) -> ShownRule:
    runs = tuple((run.uuid, run.title) for run in (*rule.placed, *rule.retried))
    return ShownRule(
        user=rule.user,
        group=rule.group,
        title=rule.title,
        new=rule.images.new,
        under_way=rule.images.under_way,
        done=rule.images.done,
        failed=rule.images.failed,
        runs=runs[:MOST_RUNS],
        more_runs=max(0, len(runs) - MOST_RUNS),
    )
