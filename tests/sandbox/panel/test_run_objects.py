"""A run's page names the objects it speaks of, as OMERO names them to the visitor, and says what is gone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from omero.gateway import BlitzGateway, DatasetWrapper
from omero.model import DatasetI

from contracts.analysis_run import AnalysisInputs, AnalysisRun, Workflow
from contracts.destination import Destination, DestinationType
from contracts.import_order import ImportOrder
from contracts.import_report import FileOutcome, FileState, ImportedObject, ImportReport, report_key
from contracts.source_file import SourceFile
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.placing import place_analysis, place_order
from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor

NAME = 'cells <img src=x onerror="alert(1)">'
ESCAPED = "cells &lt;img src=x onerror=&quot;alert(1)&quot;&gt;"
GONE = 999_999_999


@dataclass(frozen=True)
class Ground:
    """alice's image in her dataset, an analysis of it and an import of it; each names an image too that is gone."""

    image: int
    dataset: int
    analysis: uuid.UUID
    order: uuid.UUID


@pytest.fixture(scope="module")
def ground(site: Site) -> Iterator[Ground]:
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_tcp, group="lab-a")
    assert gateway.connect()
    try:
        dataset = DatasetWrapper(gateway, DatasetI())
        dataset.setName(NAME)
        dataset.save()
        plane = np.zeros((16, 16), dtype=np.uint8)
        image = gateway.createImageFromNumpySeq(iter([plane]), NAME, dataset=dataset._obj).getId()
        run = AnalysisRun(
            uuid=uuid.uuid4(),
            user="alice",
            group="lab-a",
            workflow=Workflow(name="nuclei"),
            inputs=AnalysisInputs(images=(image, GONE), datasets=(dataset.getId(),), attachments={"model": (GONE,)}),
        )
        order = ImportOrder(
            uuid=uuid.uuid4(),
            user="alice",
            group="lab-a",
            destination=Destination(type=DestinationType.DATASET, id=dataset.getId()),
            files=(SourceFile(path="not-there/a.tif"),),
        )
        objects = tuple(ImportedObject(type="Image", id=one, name=f"was {one}") for one in (image, GONE))
        outcome = FileOutcome(path="not-there/a.tif", state=FileState.IMPORTED, objects=objects)
        report = ImportReport(uuid=order.uuid, destination=order.destination, files=(outcome,))
        user, _, password = site.prefect_auth.partition(":")
        prefect = PrefectApi(site.prefect_api, (user, password))
        imported = place_order(prefect, order)
        for placed in (place_analysis(prefect, run), imported):
            end(prefect, placed)
        prefect.post(
            "/artifacts/",
            {
                "type": "import-report",
                "key": report_key(order.uuid),
                "data": report.model_dump(mode="json"),
                "flow_run_id": str(imported.id),
            },
        )
        yield Ground(image, dataset.getId(), run.uuid, order.uuid)
    finally:
        gateway.close()


def end(prefect: PrefectApi, run: FlowRun) -> None:
    body = {"state": {"type": "CANCELLED", "name": "Cancelled"}, "force": True}
    prefect.post(f"/flow_runs/{run.id}/set_state", body)


def test_inputs_are_named_and_what_is_gone_is_said(ground: Ground, alice: WebVisitor, bob: WebVisitor) -> None:
    for visitor in (alice, bob):
        page = visitor.get(f"/flows/runs/{ground.analysis}/").text
        for show, title in ((f"image-{ground.image}", "Image"), (f"dataset-{ground.dataset}", "Dataset")):
            number = show.partition("-")[2]
            assert f'<a href="/webclient/?show={show}" title="{title} {number}">{ESCAPED}</a>' in page
        assert f"Image {GONE} (deleted)" in page
        assert f"Attachment {GONE} (deleted)" in page
        assert f"show=image-{GONE}" not in page


def test_a_destination_is_named_and_deleted_results_are_no_links(ground: Ground, alice: WebVisitor) -> None:
    page = alice.get(f"/flows/runs/{ground.order}/").text
    assert f'title="Dataset {ground.dataset}">{ESCAPED}</a>' in page
    assert f'<a href="/webclient/?show=image-{ground.image}">was {ground.image}</a>' in page
    assert f"was {GONE} (deleted)" in page
    assert f"show=image-{GONE}" not in page
    assert f"render_thumbnail/{GONE}" not in page
