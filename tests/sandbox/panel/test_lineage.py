"""Which runs made an object and which used it, by OMERO's annotations and only as far as the visitor may see."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from omero.gateway import BlitzGateway, DatasetWrapper, MapAnnotationWrapper
from omero.model import DatasetI

from contracts import namespaces
from contracts.destination import Destination, DestinationType
from contracts.import_order import ImportOrder
from contracts.source_file import SourceFile
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.placing import place_order
from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor


@pytest.fixture(scope="module")
def lineage(site: Site) -> Iterator[tuple[int, int, str, str]]:
    """alice's image in the private lab-b, its dataset, the order that made it, an analysis that nobody knows."""
    user, _, password = site.prefect_auth.partition(":")
    prefect = PrefectApi(site.prefect_api, (user, password))
    order = ImportOrder(
        uuid=uuid.uuid4(),
        user="alice",
        group="lab-b",
        destination=Destination(type=DestinationType.DATASET, name="lineage"),
        files=(SourceFile(path="not-there/a.tif"),),
    )
    run: FlowRun = place_order(prefect, order)
    ended = {"state": {"type": "CANCELLED", "name": "Cancelled"}, "force": True}
    prefect.post(f"/flow_runs/{run.id}/set_state", ended)
    gone = str(uuid.uuid4())
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_tcp, group="lab-b")
    assert gateway.connect()
    try:
        dataset = DatasetWrapper(gateway, DatasetI())
        dataset.setName("lineage")
        dataset.save()
        plane = np.zeros((16, 16), dtype=np.uint8)
        image = gateway.createImageFromNumpySeq(iter([plane]), "made", dataset=dataset._obj)
        for namespace, pairs in (
            (namespaces.TOKEN, [["Order", str(order.uuid)], ["Path", "a.tif"]]),
            (namespaces.ANALYSIS, [["UUID", gone], ["Workflow", "nuclei"]]),
            (namespaces.RESULT, [["UUID", "no UUID <b>"]]),
        ):
            annotation = MapAnnotationWrapper(gateway)
            annotation.setNs(namespace)
            annotation.setValue(pairs)
            annotation.save()
            image.linkAnnotation(annotation)
        yield image.getId(), dataset.getId(), str(order.uuid), gone
    finally:
        gateway.close()


@pytest.mark.parametrize("kind", ["image", "dataset"])
def test_an_object_names_the_run_that_made_it(lineage: tuple[int, int, str, str], alice: WebVisitor, kind: str) -> None:
    image, dataset, order, gone = lineage
    page = alice.get(f"/flows/lineage/{kind}/{image if kind == 'image' else dataset}/")
    assert page.status_code == 200
    made, used = page.text.split("Used by")
    assert f"/flows/runs/{order}/" in made
    assert order not in used
    # The analysis is known to OMERO and to nobody else: it is counted and not named.
    assert gone not in page.text
    assert "1 more is not shown here" in used


def test_an_object_of_others_is_not_there(
    lineage: tuple[int, int, str, str], bob: WebVisitor, alice: WebVisitor
) -> None:
    image, dataset, *_ = lineage
    for path in (f"image/{image}/", f"dataset/{dataset}/", "image/999999999/", "screen/1000000/"):
        assert bob.get(f"/flows/lineage/{path}").status_code == 404
    for path in ("image/-1/", "project/1/", f"image/{image}%20or%201=1/", f"image/{image}x/"):
        assert alice.get(f"/flows/lineage/{path}").status_code == 404
