"""Reports: one outcome per file, and a sentence for the person who placed the order."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import ValidationError

from contracts.destination import Destination, DestinationType
from contracts.failures import Failure, FailureCategory
from contracts.import_report import FileOutcome, FileState, ImportedObject, ImportReport

FAILURE = Failure(category=FailureCategory.BROKEN_FILE, summary="b.tif ends early", next_step="copy it again")
IMAGE = ImportedObject(type="Image", id=7, name="a.tif")


def test_the_summary_counts_files_and_objects() -> None:
    report = ImportReport(
        uuid=uuid4(),
        destination=Destination(type=DestinationType.DATASET, id=3),
        files=(
            FileOutcome(path="a.tif", state=FileState.IMPORTED, objects=(IMAGE, IMAGE)),
            FileOutcome(path="b.tif", state=FileState.FAILED, failure=FAILURE),
        ),
    )
    assert report.summary == "1 of 2 files imported as 2 objects, 1 failed"
    assert [file.path for file in report.failed] == ["b.tif"]
    assert ImportReport.model_validate_json(report.model_dump_json()) == report


def test_states_and_their_evidence_go_together() -> None:
    with pytest.raises(ValidationError, match="has objects"):
        FileOutcome(path="a", state=FileState.IMPORTED)
    with pytest.raises(ValidationError, match="has objects and no failure"):
        FileOutcome(path="a", state=FileState.IMPORTED, objects=(IMAGE,), failure=FAILURE)
    with pytest.raises(ValidationError, match="says why"):
        FileOutcome(path="a", state=FileState.FAILED)
    with pytest.raises(ValidationError, match="pattern"):
        ImportedObject(type="Well", id=1, name="A1")
