"""Analysis runs on the sandbox's Slurm: images of OMERO there and back, and a wait that costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from omero.rtypes import unwrap
from omero.sys import ParametersI

from contracts.failures import FailureCategory
from contracts.run_results import ResultKind
from contracts.slurm_job import Outcome
from contracts.workflow_entry import WorkflowEntry, WorkflowMode
from sandbox.cluster.machine import Machine
from sandbox.site.settings_file import DESCRIPTORS
from tests.chaos.site_blocks import workflow_added
from tests.chaos.waiting import wait_for
from tests.sandbox.analysis.conftest import RunDesk

pytestmark = pytest.mark.timeout(900)


def test_nuclei_come_back_as_images_rois_and_tables(desk: RunDesk) -> None:
    run = desk.make_run(batch_size=1, results={"rois": "polygons"})
    placed = desk.place(run)
    desk.wait_for_state(placed, "Suspended")
    wait_for("the waiting run to have no process", lambda: not _has_process(str(placed)), seconds=30)
    desk.wait_for_state(placed, "Completed", "Failed")
    report = desk.report(run)
    assert report.succeeded, report
    assert [verdict.outcome for verdict in report.verdicts] == [Outcome.SUCCEEDED] * 2
    kinds = sorted(result.kind for result in report.results)
    assert kinds == sorted([ResultKind.IMAGE, ResultKind.ROIS, ResultKind.TABLE] * 2)
    assert {result.input for result in report.results} == set(desk.images)
    for result in report.results:
        if result.kind is ResultKind.ROIS:
            found = desk.gateway.getQueryService().projection(
                "select count(r.id) from Roi r where r.image.id = :id",
                ParametersI().addId(result.input),
                desk.gateway.SERVICE_OPTS,
            )
            assert unwrap(found)[0][0] == result.count > 10
        if result.kind is ResultKind.IMAGE:
            image = desk.gateway.getObject("Image", result.object_id)
            assert image.getParent().getName().startswith("Cells ")
    shown = desk.command("show", str(run.uuid))
    assert shown.returncode == 0
    assert "2 of 2 tasks succeeded, 6 results in OMERO" in shown.stdout


def test_a_cancelled_run_leaves_no_job(desk: RunDesk) -> None:
    run = desk.make_run(resources={"partition": "low"})
    machine = Machine(desk.site.home)
    machine.ask("scontrol", "update", "PartitionName=low", "State=DOWN")
    try:
        placed = desk.place(run)
        desk.wait_for_state(placed, "Suspended")
        assert desk.queue(run)
        done = desk.command("cancel", str(run.uuid))
        assert done.returncode == 0, done.stdout
        desk.wait_for_state(placed, "Cancelled")
        wait_for("the job to be ended by the watcher", lambda: not desk.queue(run))
    finally:
        machine.ask("scontrol", "update", "PartitionName=low", "State=UP")


def test_a_job_that_fails_is_reported_with_its_log(desk: RunDesk) -> None:
    run = desk.make_run(parameters={"diameter": 20, "channel": 99})
    placed = desk.place(run)
    desk.wait_for_state(placed, "Failed", "Completed")
    report = desk.report(run)
    (verdict,) = report.verdicts
    assert verdict.failure is not None
    assert verdict.failure.category is FailureCategory.JOB_FAILED
    assert "channel" in verdict.log
    assert not report.results


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nuclie", "--image", "{image}"), "Is 'nuclei' meant?"),
        (("nuclei",), "name at least one image, dataset or plate"),
        (("nuclei", "--image", "999999"), "999999"),
        (("nuclei", "--image", "{image}", "--param", "diameter=wide"), "diameter"),
        (("nuclei", "--image", "{image}", "--param", "color=red"), "color"),
        (("nuclei", "--image", "{image}", "--param", "diameter=-5"), "-5 is less than 1"),
        (("nuclei", "--image", "{image}", "--minutes", "100000"), "100000 minutes"),
        (("nuclei", "--image", "{image}", "--group", "lab-b"), "belongs to group 'lab-a', not to 'lab-b'"),
    ],
)
def test_bad_input_is_refused_before_there_is_a_run(desk: RunDesk, words: tuple[str, ...], said: str) -> None:
    given = [word.format(image=desk.images[0]) for word in words]
    done = desk.command("analyse", *given, "--as", "alice")
    assert done.returncode == 1, done.stdout
    assert said in done.stdout
    assert "Traceback" not in done.stdout
    assert "Run " not in done.stdout


def test_a_workflow_for_plates_gets_no_images(desk: RunDesk) -> None:
    nuclei = WorkflowEntry(path=str(DESCRIPTORS / "nuclei" / "descriptor.json"), mode=WorkflowMode.PLATES)
    with workflow_added(desk.site, "plates-alone", nuclei):
        done = desk.command(
            "analyse", "plates-alone", "--image", str(desk.images[0]), "--as", "alice", "--group", "lab-a"
        )
    assert done.returncode == 1
    assert "takes whole plates, and no images or datasets" in done.stdout, done.stdout
    assert "Run " not in done.stdout


def _has_process(flow_run: str) -> bool:
    """Whether any process on this machine works for the flow run."""
    mark = f"PREFECT__FLOW_RUN_ID={flow_run}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    return True
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return False
