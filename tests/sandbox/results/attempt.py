"""One attempt to bring a run's results into OMERO, in a process of its own that a test may kill anywhere.

The steps run one after the other, without Prefect and its stored results: what is done already is told by OMERO alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from contracts.analysis_run import AnalysisRun
from contracts.run_facts import RunFacts
from contracts.run_results import Result, ResultFile, RunResults
from contracts.staged_input import StagedInput
from tasks import label_rois
from tasks.attachments import attach_once
from tasks.in_place_import import import_once
from tasks.input_marks import mark_once
from tasks.label_rois import rois_once
from tasks.result_archive import archive_once
from tasks.result_images import annotate_once
from tasks.result_plan import plan_results
from tasks.result_run import ResultRun
from tasks.result_tables import table_once

LOG = logging.getLogger("attempt")


@dataclass(frozen=True)
class Attempt:
    """All that a fresh process needs; it travels as it is, so everything in it can be pickled."""

    run: AnalysisRun
    facts: RunFacts
    staged: tuple[StagedInput, ...]
    files: tuple[ResultFile, ...]
    server: dict[str, str | int]
    storage: str
    rois_at_once: int

    def make(self) -> RunResults:
        """Do all that is missing, each thing once."""
        label_rois.ROIS_AT_ONCE = self.rois_at_once
        server = OmeroServer.model_validate(self.server)
        with server.as_user(self.run.user, self.run.group) as session:
            work = ResultRun(self.run, self.facts, self.staged, server, session, ImageStorage(root=self.storage))
            plan = plan_results(work, self.files)
            results: list[Result] = []
            for image in plan.images:
                imported = import_once(work.importer(image.destination), image.source, LOG)
                results += annotate_once(work, image, imported)
            for labels in plan.labels:
                made = rois_once(work, labels, LOG)
                assert isinstance(made, Result)
                results.append(made)
            results += [table_once(work, table, LOG) for table in plan.tables]
            results += [attach_once(work, attachment, LOG) for attachment in plan.attachments]
            results.append(archive_once(work, self.files, LOG))
            return RunResults(uuid=self.run.uuid, results=tuple(results), failed=plan.failed, unmarked=mark_once(work))
