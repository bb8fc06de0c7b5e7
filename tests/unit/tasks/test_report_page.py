"""The report's page stays readable however many files an order has."""

from __future__ import annotations

import uuid

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from contracts.destination import Destination, DestinationType
from contracts.failures import Failure, FailureCategory
from contracts.import_order import ImportOrder
from contracts.import_report import FileOutcome, FileState, ImportedObject, ImportReport
from contracts.source_file import SourceFile
from tasks.order_run import OrderRun
from tasks.report import MOST_ROWS, as_markdown


def test_ten_thousand_files() -> None:
    there = Destination(type=DestinationType.DATASET, name="all")
    files = tuple(SourceFile(path=f"day/image | {number}.tif") for number in range(10_000))
    order = ImportOrder(uuid=uuid.uuid4(), user="alice", group="lab-a", destination=there, files=files)
    server = OmeroServer(
        host="omero.example.org",
        sudo_user="importer",
        password="x",  # type: ignore[arg-type]
        web_url="https://omero.example.org/",
    )
    failure = Failure(category=FailureCategory.BROKEN_FILE, summary="It is broken.", next_step="Copy it again.")
    outcomes = [
        FileOutcome(
            path=file.path, state=FileState.IMPORTED, objects=(ImportedObject(type="Image", id=number, name=file.name),)
        )
        for number, file in enumerate(files)
    ]
    outcomes[9_999] = FileOutcome(path=files[9_999].path, state=FileState.FAILED, failure=failure)
    run = OrderRun(order, server, server.as_user("alice", "lab-a").__enter__(), ImageStorage(root="/images"), None)
    page = as_markdown(run, ImportReport(uuid=order.uuid, destination=there, files=tuple(outcomes)), {})
    rows = [line for line in page.splitlines() if line.startswith("| ") and ".tif" in line]
    assert len(rows) == MOST_ROWS
    assert "It is broken. Copy it again." in rows[0]
    assert "](https://omero.example.org/webclient/?show=image-0)" in rows[1]
    assert f"and {10_000 - MOST_ROWS} more files" in page
    assert len(page.encode()) < 200_000
