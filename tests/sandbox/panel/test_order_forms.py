"""Forms filled in with an import order, over HTTP: what the server takes, and what stands in OMERO afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile
from omero.gateway import BlitzGateway

from contracts.forms.record import FormRecord, RecordPlace
from contracts.forms.storage import key_value_namespace, read_records, record_namespace
from contracts.import_order import ImportOrder
from contracts.run_tags import order_tags
from omero_ui.forms.annotations import Holder
from sandbox.site import Site
from sandbox.site.accounts import FORM_MASTER
from sandbox.site.service import PROJECT
from tests.sandbox.panel.test_forms import read_field
from tests.sandbox.panel.test_import_page import List, item, made
from tests.sandbox.panel.web_visitor import WebVisitor

FORM = "siRNA sample"
VALUES = {"cell_line": "HeLa", "target_gene": "PLK1", "control": "knock-down"}
PATIENCE = 240


@pytest.fixture(scope="module")
def file(site: Site) -> str:
    folder = site.storage / "lab-a" / f"order-forms-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "a.tif", np.random.default_rng(1).integers(0, 255, (48, 64), dtype=np.uint8))
    return f"{folder.name}/a.tif"


@pytest.fixture(scope="module")
def master(site: Site) -> Iterator[BlitzGateway]:
    name = FORM_MASTER.name
    gateway = BlitzGateway(name, site.password(name), host=site.omero_host, port=site.omero_port, secure=True)
    assert gateway.connect()
    gateway.c.enableKeepAlive(30)
    yield gateway
    gateway.close()


def make_list(alice: WebVisitor, file: str) -> tuple[List, int]:
    """A list with one file and a dataset of its own."""
    dataset = made(alice, "Dataset", f"Order forms {uuid.uuid4()}")
    orders = List(alice)
    orders.change("direct", target=f"Dataset:{dataset}")
    assert orders.change("add", item=item(file)).status_code == 200
    return orders, dataset


def place(orders: List, dataset: int, values: Any, **fields: str) -> httpx.Response:
    sent = {"draft": orders.draft, "place": f"Dataset:{dataset}", "form": FORM, "values": json.dumps(values), **fields}
    return orders.visitor.post("/flows/import/order/", sent)


def version_of(alice: WebVisitor, dataset: int) -> str:
    address = f"/flows/import/forms/fields/?target=Dataset:{dataset}&form={FORM}&fill={FORM}"
    return read_field(alice.get(address).text, "version")


def records(master: BlitzGateway, dataset: int) -> tuple[FormRecord, ...]:
    namespace = record_namespace(RecordPlace(object_type="Dataset", object_id=dataset, form=FORM))
    holder = Holder(master.c, "Experimenter", master.getUserId())
    return read_records([found.rows for found in holder.find(namespace)])


def where(answer: httpx.Response) -> str:
    found = re.search(r'data-where="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


def wait_for_the_end(alice: WebVisitor, run: str) -> str:
    """The run's page once it has ended."""
    deadline = time.monotonic() + PATIENCE
    while "/now/" in (page := alice.get(run).text):
        assert time.monotonic() < deadline, page
        time.sleep(1)
    return page


def test_what_was_filled_in_is_kept_once_and_told_on_the_dataset(
    alice: WebVisitor, bob: WebVisitor, master: BlitzGateway, file: str
) -> None:
    """A double click makes one record; another order with the same values is another record."""
    orders, dataset = make_list(alice, file)
    offered = alice.get(f"/flows/import/forms/?target=Dataset:{dataset}&token={uuid.uuid4()}").text
    assert FORM in offered and "not filled in yet" in offered
    version = version_of(alice, dataset)
    first, second = (place(orders, dataset, VALUES, version=version) for _ in range(2))
    assert where(first) == where(second)
    page = wait_for_the_end(alice, where(first))
    assert "1 of 1 files imported" in page and "target_gene = PLK1" in page
    (record,) = records(master, dataset)
    assert (record.values, record.version, record.token is not None) == (VALUES, version, True)
    shown = Holder(master.c, "Dataset", dataset).find(key_value_namespace(FORM))
    assert [found.rows for found in shown] == [tuple(VALUES.items())]
    assert "filled in <" in alice.get(f"/flows/import/forms/?target=Dataset:{dataset}").text
    assert "Filled in with an import" in bob.get(f"/flows/forms/Dataset/{dataset}/fill-in/?form={FORM}").text


def test_what_does_not_fit_is_refused_and_nothing_is_placed(alice: WebVisitor, bob: WebVisitor, file: str) -> None:
    orders, dataset = make_list(alice, file)
    version = version_of(alice, dataset)
    for values, told in (({}, "It is missing."), ([1], "It is no JSON object.")):
        answer = place(orders, dataset, values, version=version)
        assert answer.status_code == 422 and told in answer.text and "data-where" not in answer.text
    stale = place(orders, dataset, VALUES, version="2001-01-01T00:00:00")
    assert stale.status_code == 409 and "newer version" in stale.text
    torn = place(orders, dataset, VALUES)
    assert torn.is_client_error and "did not come whole" in torn.text
    unknown = place(orders, dataset, VALUES, version=version, form="<b>none</b>")
    assert unknown.status_code == 409 and "&lt;b&gt;none" in unknown.text
    elsewhere = place(orders, dataset + 1, VALUES, version=version)
    assert elsewhere.status_code == 400 and "to which nothing of the list goes" in elsewhere.text
    private = made(alice, "Dataset", f"Order forms {uuid.uuid4()}", "lab-b")
    for address in ("forms/?", f"forms/fields/?fill=1&form={FORM}&"):
        assert bob.get(f"/flows/import/{address}target=Dataset:{private}").status_code == 404
        assert bob.get(f"/flows/import/{address}target=Experimenter:0").status_code == 404
    assert alice.get(f"/flows/import/forms/fields/?target=Dataset:{dataset}&form=none&fill=1").status_code == 404


def test_each_place_of_a_list_has_its_own_forms(alice: WebVisitor, master: BlitzGateway, file: str, site: Site) -> None:
    """Two orders come of such a list, and each keeps what was filled in for its place."""
    orders, first = make_list(alice, file)
    second = made(alice, "Dataset", f"Order forms {uuid.uuid4()}")
    other = f"{file.rpartition('/')[0]}/b.tif"
    tifffile.imwrite(site.storage / "lab-a" / other, np.full((48, 64), 7, np.uint8))
    assert orders.change("add", item=item(other)).status_code == 200
    shown = orders.change("send", item=json.dumps([other, None, ""]), target=f"Dataset:{second}").text
    for dataset in (first, second):
        assert f"/flows/import/forms/?target=Dataset%3A{dataset}&amp;" in shown
    version = version_of(alice, first)
    values = [VALUES, VALUES | {"target_gene": "INCENP"}]
    sent = {
        "draft": orders.draft, "place": [f"Dataset:{first}", f"Dataset:{second}"], "form": [FORM, FORM],
        "version": [version, version], "values": [json.dumps(one) for one in values],
    }  # fmt: skip
    broken = alice.post("/flows/import/order/", sent | {"values": [json.dumps(VALUES), "{}"]})
    assert broken.status_code == 422 and f"fields-Dataset-{second}-" in broken.text
    answer = alice.post("/flows/import/order/", sent)
    assert where(answer) == "/flows/runs/", answer.text
    deadline = time.monotonic() + PATIENCE
    while not all(records(master, dataset) for dataset in (first, second)):
        assert time.monotonic() < deadline, "the records have not come"
        time.sleep(1)
    assert [records(master, dataset)[0].values for dataset in (first, second)] == values


def test_a_form_is_filled_in_on_the_command_line(
    master: BlitzGateway, alice: WebVisitor, site: Site, file: str
) -> None:
    """What does not fit is refused before there is an order."""
    dataset = made(alice, "Dataset", f"Order forms {uuid.uuid4()}")

    def place_order(*fields: str) -> subprocess.CompletedProcess[str]:
        words = ["--as", "alice", "--group", "lab-a", "--dataset", f"id:{dataset}", "--form", FORM, *fields, file]
        return subprocess.run(
            [sys.executable, "-m", "cli.main", "import", *words],
            cwd=PROJECT, env=site.environment() | {"COLUMNS": "200"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400, check=False,
        )  # fmt: skip

    refused = place_order("--field", "cell_line=HeLa")
    assert refused.returncode == 1 and "does not fit the form" in refused.stdout, refused.stdout
    assert "Order " not in refused.stdout and records(master, dataset) == ()
    done = place_order(*(word for name, value in VALUES.items() for word in ("--field", f"{name}={value}")))
    assert done.returncode == 0, done.stdout
    (record,) = records(master, dataset)
    assert record.values == VALUES


def test_the_flow_believes_no_panel(alice: WebVisitor, master: BlitzGateway, site: Site, file: str) -> None:
    """An order that comes to Prefect by another way is judged again, before anything is imported."""
    orders, dataset = make_list(alice, file)
    token = str(uuid.uuid4())
    order = {
        "uuid": token,
        "user": "alice",
        "group": "lab-a",
        "destination": {"type": "Dataset", "id": dataset},
        "files": [{"path": file}],
        "forms": [{"form": FORM, "values": {"concentration": -1}}],
    }
    user, _, password = site.prefect_auth.partition(":")
    with httpx.Client(base_url=site.prefect_api, auth=(user, password), timeout=60) as prefect:
        deployment = prefect.get("/deployments/name/import-order/import-order").json()["id"]
        tags = order_tags(ImportOrder.model_validate(order))
        body = {"parameters": {"order": order}, "idempotency_key": token, "tags": tags}
        assert prefect.post(f"/deployments/{deployment}/create_flow_run", json=body).status_code == 201
    page = wait_for_the_end(alice, f"/flows/runs/{token}/")
    assert "does not fit the form" in page and "It is missing." in page
    assert records(master, dataset) == ()
    assert (
        master.getQueryService().findAllByQuery(
            f"select l from DatasetImageLink l where l.parent.id = {dataset}", None, {"omero.group": "-1"}
        )
        == []
    )
