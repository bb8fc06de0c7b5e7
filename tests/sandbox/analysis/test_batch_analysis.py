"""Batches of analyses, night after night: what is new is analysed once, on the sandbox's Slurm."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from omero.model import DatasetI, DatasetImageLinkI, ImageI
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI
from prefect.client.orchestration import PrefectClient
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.analysis_rules import AnalysisRules
from blocks.mail_server import MailServer
from cli.batch_watch import read_analysis_batch_report
from contracts import namespaces
from contracts.analysis_run import AnalysisRun
from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import AnalysisBatchReport, ImageCounts, RuleReport, RunStanding
from contracts.deployment_names import NIGHTLY_ANALYSIS
from contracts.failures import FailureCategory
from flows.batch_analysis import batch_analysis
from sandbox.samples import write_samples
from tasks.report_mail import MAIL_BLOCK
from tasks.standing_rules import RULES_BLOCK
from tests.post_office import Kept, post_office
from tests.sandbox.analysis.conftest import GROUP, RunDesk
from tests.sandbox.import_order.conftest import prefect_of_the_site

__all__ = ["post_office", "prefect_of_the_site"]

pytestmark = pytest.mark.timeout(1800)

T = TypeVar("T")


class Nights:
    """A dataset of alice's that grows, and the batches that look into it."""

    def __init__(self, desk: RunDesk) -> None:
        self.desk = desk
        self.name = f"Nights {uuid.uuid4()}"
        samples = write_samples(desk.site.storage / GROUP / f"nights-{uuid.uuid4().hex[:8]}")
        self._files = [sample.path for sample in samples[:2]]
        self._given = 0
        self.id = -1

    def receive(self, count: int) -> tuple[int, ...]:
        """New images in the dataset: the sample images again and again, under names of their own."""
        files = []
        for _ in range(count):
            sample = self._files[self._given % len(self._files)]
            file = sample.with_name(f"{self._given}-{sample.name}")
            file.write_bytes(sample.read_bytes())
            files.append(Path(file))
            self._given += 1
        images = self.desk.import_files(self.name, files)
        if self.id < 0:
            found = self.desk.gateway.getObject("Image", images[0]).getParent()
            self.id = int(found.getId())
        return images

    def analyse(self, *words: str, code: int = 0) -> str:
        """`omero-flows batch analyse`, for alice; what it says."""
        done = self.desk.command("batch", "analyse", "nuclei", "--as", "alice", "--dataset", str(self.id), *words)
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout

    def night_by_command(self, *words: str) -> RuleReport:
        """A batch that a worker follows, to its end; the report of its one rule."""
        said = self.analyse("--param", "diameter=20", *words)
        found = re.search(r"Batch ([0-9a-f-]{36})", said)
        assert found is not None, said
        [report] = self.report(uuid.UUID(found.group(1))).rules
        return report

    def night(self, *, retry_failed: bool = False, **fields: Any) -> RuleReport:
        """The same within the test's own process, without a worker."""
        given = {"user": "alice", "group": GROUP, "workflow": {"name": "nuclei"}, "datasets": [self.id]}
        rule = AnalysisRule.model_validate({**given, "parameters": {"diameter": 20}, **fields})
        report = asyncio.run(_follow(rule, retry_failed=retry_failed))
        [of_rule] = report.rules
        return of_rule

    def report(self, batch: uuid.UUID) -> AnalysisBatchReport:
        report = self.ask(lambda client: read_analysis_batch_report(client, batch))
        assert report is not None
        return report

    def ask(self, question: Callable[[PrefectClient], Awaitable[T]]) -> T:
        async def ask() -> T:
            async with self.desk.client() as client:
                return await question(client)

        return asyncio.run(ask())

    def images_of(self, flow_run: uuid.UUID) -> tuple[int, ...]:
        """What a placed run takes."""
        found = self.ask(lambda client: client.read_flow_run(flow_run))
        return AnalysisRun.model_validate(found.parameters["run"]).inputs.images

    def content(self) -> set[int]:
        """Every image that the dataset holds."""
        rows = self.desk.gateway.c.sf.getQueryService().projection(
            "select l.child.id from DatasetImageLink l where l.parent.id = :id", ParametersI().addId(self.id)
        )
        return {row[0] for row in unwrap(rows)}

    def take_key_values(self, images: set[int]) -> None:
        """Take from result images what was written on them after they were imported."""
        gateway = self.desk.gateway
        links = [
            link.getId()
            for image in images
            for link in gateway.getAnnotationLinks("Image", parent_ids=[image])
            if link.getAnnotation().getNs() != namespaces.TOKEN
        ]
        assert len(links) >= len(images)
        gateway.deleteObjects("ImageAnnotationLink", links, wait=True)


async def _follow(rule: AnalysisRule, *, retry_failed: bool) -> AnalysisBatchReport:
    state = await batch_analysis(title="Night", rules=(rule,), retry_failed=retry_failed, return_state=True)
    report = await state.aresult(raise_on_failure=False)
    assert isinstance(report, AnalysisBatchReport), report
    assert state.is_completed() == report.is_complete
    return report


@pytest.fixture
def nights(desk: RunDesk) -> Nights:
    return Nights(desk)


def test_every_image_is_analysed_once(nights: Nights) -> None:
    first = nights.receive(2)
    said = nights.analyse("--param", "diameter=20", "--dry-run")
    assert "would be placed: nuclei on 2 images" in said
    assert "Batch" not in said

    one = nights.night_by_command("--rois", "polygons")
    [run] = one.placed
    assert (one.images, nights.images_of(run.flow_run)) == (ImageCounts(new=2), tuple(sorted(first)))
    # It is started twice: the run is under way, or has just ended.
    again = nights.night_by_command()
    assert (again.placed, again.images.new) == ((), 0)
    nights.desk.wait_for_state(run.flow_run, "Completed", "Failed")

    # The label images lie beside their inputs now, and are no inputs.
    results = nights.content() - set(first)
    assert len(results) == 2
    next_night = nights.night()
    assert (next_night.placed, next_night.images) == ((), ImageCounts(results=2, done=2))
    [earlier] = next_night.earlier
    assert (earlier.uuid, earlier.standing, earlier.is_news) == (run.uuid, RunStanding.SUCCEEDED, True)

    [late] = nights.receive(1)
    last = nights.night()
    [alone] = last.placed
    assert (last.images, nights.images_of(alone.flow_run)) == (ImageCounts(results=2, done=2, new=1), (late,))
    assert last.earlier == ()
    nights.desk.wait_for_state(alone.flow_run, "Completed", "Failed")

    # Prefect's history is cleared: the images say themselves which rule has taken them. And a result that has come this
    # moment has no key-values yet: the annotation of its import tells it.
    nights.take_key_values(results)
    for gone in (run, alone):
        nights.ask(lambda client, id=gone.flow_run: client.delete_flow_run(id))  # type: ignore[misc]
    cleared = nights.night()
    assert (cleared.placed, cleared.images) == ((), ImageCounts(results=3, done=3))
    # With another parameter it is another analysis.
    assert "would be placed: nuclei on 3 images" in nights.analyse("--param", "diameter=21", "--dry-run")


def test_a_broken_image_keeps_no_other_from_being_placed(nights: Nights) -> None:
    """Both would be in one run, which is refused; its halves are tried."""
    nights.receive(1)
    broken, link = ImageI(), DatasetImageLinkI()
    broken.setName(rstring("broken"))
    link.setParent(DatasetI(nights.id, False))
    link.setChild(broken)
    nights.desk.gateway.getUpdateService().saveObject(link)
    said = nights.analyse("--param", "diameter=20", "--dry-run", code=1)
    assert "('broken') has no pixels" in said
    assert "would be placed: nuclei on 1 image, 1 image" in said


def test_what_failed_is_told_and_tried_again_on_request_alone(nights: Nights) -> None:
    nights.receive(1)
    broken = {"diameter": 20, "channel": 99}
    [run] = nights.night(parameters=broken).placed
    nights.desk.wait_for_state(run.flow_run, "Failed", "Completed")
    told = nights.night(parameters=broken)
    assert (told.placed, told.images, told.is_complete) == ((), ImageCounts(failed=1), False)
    [earlier] = told.earlier
    assert (earlier.standing, earlier.is_news) == (RunStanding.FAILED, True)
    assert earlier.failure is not None and earlier.failure.category is FailureCategory.JOB_FAILED
    # It has been told: it stays in the report, and does not make every night a bad one.
    old = nights.night(parameters=broken)
    assert old.is_complete
    assert [(run.standing, run.is_news) for run in old.earlier] == [(RunStanding.FAILED, False)]
    asked = nights.night(parameters=broken, retry_failed=True)
    assert ([run.uuid for run in asked.retried], asked.placed) == ([run.uuid], ())
    nights.desk.wait_for_state(run.flow_run, "Failed", "Completed")
    assert nights.ask(lambda client: client.read_flow_run(run.flow_run)).run_count > 1


@contextmanager
def _standing(nights: Nights, rules: dict[str, AnalysisRule], port: int) -> Iterator[None]:
    """The site's rules, and a mail server, for a moment."""
    site = nights.desk.site
    mail = MailServer(
        host="127.0.0.1", port=port, security="none", sender="flows@example.org", recipients=["admin@example.org"]
    )
    with temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}):
        before = AnalysisRules.load(RULES_BLOCK)
        AnalysisRules(rules=rules).save(RULES_BLOCK, overwrite=True)
        mail.save(MAIL_BLOCK, overwrite=True)
    try:
        yield
    finally:
        with temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}):
            before.save(RULES_BLOCK, overwrite=True)
            MailServer.delete(MAIL_BLOCK)


def test_a_night_with_rules_that_cannot_be_followed(nights: Nights, post_office: tuple[Kept, int]) -> None:
    """A deleted dataset and users without rights are problems of the report; the other rules are followed."""
    kept, port = post_office
    images = nights.receive(1)
    deleted = 999_999

    def rule(**fields: Any) -> AnalysisRule:
        given = {"user": "alice", "group": GROUP, "workflow": {"name": "nuclei"}, "datasets": [nights.id]}
        return AnalysisRule.model_validate({**given, "parameters": {"diameter": 22}, **fields})

    rules = {
        "a good one": rule(datasets=[deleted, nights.id]),
        "may not write": rule(user="bob"),
        "nobody": rule(user="nobody"),
        "not in the group": rule(user="bob", group="lab-b"),
        "out of range": rule(parameters={"diameter": -5}),
        "unknown": rule(workflow={"name": "nuclie"}),
    }
    with _standing(nights, rules, port):
        looked = nights.desk.command("batch", "rules")
        assert looked.returncode == 1, looked.stdout
        for said in (f"no Dataset {deleted}", "no user 'nobody'", "Is 'nuclei' meant?", "-5 is less than 1"):
            assert said in looked.stdout, looked.stdout
        batch = nights.ask(_start_night)
        nights.desk.wait_for_state(batch, "Failed", "Completed", "Crashed")
    report = nights.report(batch)
    good, *bad = report.rules
    [run] = good.placed
    assert nights.images_of(run.flow_run) == tuple(sorted(images))
    assert [(item.where, item.failure.category) for item in good.problems] == [
        (f"Dataset {deleted}", FailureCategory.UNKNOWN_INPUT)
    ]
    assert [[item.failure.category for item in rule.problems] for rule in bad] == [
        [FailureCategory.DESTINATION_NOT_WRITABLE],
        [FailureCategory.UNKNOWN_USER],
        [FailureCategory.NOT_A_MEMBER],
        [FailureCategory.BAD_REQUEST],
        [FailureCategory.UNKNOWN_WORKFLOW],
    ]
    assert not any(rule.placed for rule in bad)
    assert not report.is_complete
    [message] = kept.messages
    assert report.summary in " ".join(str(message["Subject"]).split())
    shown = nights.desk.command("batch", "show", str(batch))
    assert "unknown-workflow" in shown.stdout, shown.stdout
    nights.desk.wait_for_state(run.flow_run, "Completed", "Failed")


async def _start_night(client: PrefectClient) -> uuid.UUID:
    deployment = await client.read_deployment_by_name(NIGHTLY_ANALYSIS)
    [schedule] = deployment.schedules
    assert (schedule.active, schedule.parameters) == (False, {"standing": True})
    run = await client.create_flow_run_from_deployment(deployment.id, parameters=schedule.parameters)
    return run.id


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nuclie", "--dataset", "1"), "Is 'nuclei' meant?"),
        (("nuclei",), "Give --dataset, --project, --plate or --screen."),
        (("nuclei", "--dataset", "999999"), "There is no Dataset 999999."),
        (("nuclei", "--dataset", "999999", "--group", "lab-a"), "There is no Dataset 999999 that 'alice' can see."),
        (("nuclei", "--screen", "999999", "--group", "lab-a", "--param", "diameter=-5"), "-5 is less than 1"),
        (("nuclei", "--screen", "9", "--group", "lab-a", "--minutes", "100000"), "100000 minutes"),
        (("nuclei", "--screen", "9", "--group", "lab-a", "--images-per-run", "0"), "images_per_run"),
    ],
)
def test_bad_input_is_refused_before_anything_is_placed(desk: RunDesk, words: tuple[str, ...], said: str) -> None:
    done = desk.command("batch", "analyse", *words, "--as", "alice")
    assert done.returncode == 1, done.stdout
    assert said in done.stdout
    assert "Traceback" not in done.stdout
    assert "Batch" not in done.stdout
