"""What became of a batch, as its page tells it."""

from __future__ import annotations

import uuid

from contracts.batch.report import BatchPart, BatchReport
from contracts.batch.rule_report import AnalysisBatchReport, ImageCounts, RuleProblem, RuleReport, RuleRun, RunStanding
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory
from contracts.import_report import FileOutcome, FileState, ImportedObject, ImportReport
from contracts.run_tags import RunKind
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.runs.batch_outcome import outcome_of_analyses, outcome_of_imports
from omero_ui.runs.parameters import describe_order
from tests.unit.omero_ui.test_outcome import broken
from tests.unit.omero_ui.test_steps import BEGAN


def part(user: str, *files: FileOutcome, failed: int = 0, imported: int = 0) -> BatchPart:
    destination = Destination(type=DestinationType.DATASET, name="Night", project="Nights")
    report = ImportReport(uuid=uuid.uuid4(), destination=destination, files=files)
    return BatchPart(user=user, group="lab-a", report=report, imported=imported, failed=failed)


def test_who_has_to_do_something_comes_first_and_causes_are_grouped() -> None:
    good = FileOutcome(
        path="good.tif", state=FileState.IMPORTED, objects=(ImportedObject(type="Image", id=7, name="good"),)
    )
    report = BatchReport(
        run=uuid.uuid4(),
        title="Night",
        began=BEGAN,
        ended=BEGAN,
        parts=(part("alice", good, imported=1), part("bob", *(broken(f"{n}.tif") for n in range(9)), failed=9)),
    )
    outcome = outcome_of_imports(report)
    assert [(one.user, one.where, one.show) for one in outcome.parts] == [
        ("bob", 'Nights / Dataset "Night"', None),
        ("alice", 'Nights / Dataset "Night"', "image-7"),
    ]
    [cause] = outcome.failures
    assert (cause.failure.category, cause.count, cause.affected[0]) == (FailureCategory.BROKEN_FILE, 9, "lab-a/0.tif")


def test_a_rule_names_the_runs_that_it_placed() -> None:
    run = RuleRun(
        uuid=uuid.uuid4(), flow_run=uuid.uuid4(), title="nuclei on 2 images", images=2, standing=RunStanding.UNDER_WAY
    )
    failure = broken("a").failure
    assert failure is not None
    rule = RuleReport(
        rule=uuid.uuid4(),
        title="nuclei of Dataset 12",
        user="alice",
        group="lab-a",
        images=ImageCounts(new=3, done=4),
        placed=(run,),
        problems=(RuleProblem(where="Image 9", failure=failure, images=1),),
    )
    report = AnalysisBatchReport(batch=uuid.uuid4(), title="Night", began=BEGAN, ended=BEGAN, rules=(rule,))
    outcome = outcome_of_analyses(report)
    [shown] = outcome.rules
    assert (shown.new, shown.done, shown.runs) == (3, 4, ((run.uuid, run.title),))
    assert outcome.failures[0].affected == ("nuclei of Dataset 12: Image 9",)


def test_what_a_batch_was_told_is_counted_where_it_is_long() -> None:
    order = {"files": [{"path": "a"}, {"path": "b"}]}
    manifest = {"group": "lab-a", "path": "night.csv", "user": None}
    told = {"title": "Night", "watched": True, "orders": [order, order], "manifests": [manifest], "rules": [{}, {}]}
    run = FlowRun(id=uuid.uuid4(), name="Night", created=BEGAN, updated=BEGAN, parameters=told)
    lines = describe_order(run, RunKind.BATCH, lambda keys: {})
    assert [(line.name, line.text) for line in lines] == [
        ("Watched", "yes"),
        ("Files listed", "4"),
        ("Manifests", "lab-a night.csv"),
        ("Rules", "2"),
    ]
