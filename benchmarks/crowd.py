"""100 users order at once, and one of them a single file: how long it waits, in one batch and in orders of their own.

The small order comes last, behind those of all others.
"""

from __future__ import annotations

import csv
import statistics
import time
import uuid
from collections.abc import Sequence

from omero.gateway import BlitzGateway
from omero.model import ExperimenterGroupI, ExperimenterI
from omero.rtypes import rbool, rstring
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from benchmarks.batch import start_batch
from benchmarks.figure import Figure
from benchmarks.import_order import GROUP, write_images
from contracts.deployment_names import IMPORT_ORDER
from contracts.destination import Destination, DestinationType
from contracts.import_order import ImportOrder
from contracts.run_tags import order_tags
from contracts.source_file import SourceFile
from sandbox.site import Site

USERS = 100
#: Files of each of the others.
FILES = 20


def measure(site: Site) -> list[Figure]:
    people = make_people(site)
    return [*measure_batch(site, people), *measure_orders(site, people)]


def make_people(site: Site) -> list[str]:
    """`USERS` accounts in the group."""
    with BlitzGateway("root", site.password("root"), host=site.omero_tcp, secure=False) as gateway:
        gateway.connect()
        service = gateway.getAdminService()
        group = ExperimenterGroupI(service.lookupGroup(GROUP).id.val, False)
        everybody = ExperimenterGroupI(service.getSecurityRoles().userGroupId, False)
        people = [f"person{number:03}" for number in range(USERS)]
        for name in people:
            person = ExperimenterI()
            for name_it in (person.setOmeName, person.setFirstName, person.setLastName):
                name_it(rstring(name))
            person.setLdap(rbool(False))
            service.createExperimenterWithPassword(person, rstring(uuid.uuid4().hex), group, [group, everybody])
    return people


def measure_batch(site: Site, people: Sequence[str]) -> list[Figure]:
    """The moment at which an image was made is OMERO's; the smallest order's is asked for while the batch runs."""
    names = write_images(site.storage / GROUP, "crowd", USERS * FILES)
    *others, small = people
    rows = [(name, others[number // FILES], "crowd") for number, name in enumerate(names[: len(others) * FILES])]
    manifest = site.storage.parent / "crowd.csv"
    with manifest.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([("path", "user", "dataset"), *rows, (names[-1], small, "crowd")])
    with SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        token = start_batch(site, manifest)
        waited = wait_for_image(site, small)
        run = client.read_flow_run(token)
        while run.state is None or not run.state.is_final():
            time.sleep(1.0)
            run = client.read_flow_run(token)
    if run.start_time is None or run.end_time is None or not run.state.is_completed():
        raise RuntimeError(f"the batch ended otherwise: {run.state}")
    took, waited = (run.end_time - run.start_time).total_seconds(), waited - run.start_time.timestamp()
    return [
        Figure(f"a batch of {USERS} users, {len(rows) + 1:,} files", (len(rows) + 1) / took, "files/s"),
        Figure("until the single file of the last of them is an image", waited, "s",
               f"{waited / took:.2f} of the batch's time; without turns 1.00"),
    ]  # fmt: skip


def wait_for_image(site: Site, person: str) -> float:
    """When the person has an image, in seconds since 1970."""
    with BlitzGateway("root", site.password("root"), host=site.omero_tcp, secure=False) as gateway:
        gateway.connect()
        query = gateway.getQueryService()
        statement = f"select i.id from Image i where i.details.owner.omeName = '{person}'"
        while not query.projection(statement, None, {"omero.group": "-1"}):
            time.sleep(0.5)
        return time.time()


def measure_orders(site: Site, people: Sequence[str]) -> list[Figure]:
    """Each is a flow run with a process of its own, of which the worker has a few at once."""
    with SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        deployment = client.read_deployment_by_name(IMPORT_ORDER).id
        runs = []
        for person in people:
            files = write_images(site.storage / GROUP, f"orders-{person}", 1 if person == people[-1] else FILES)
            order = ImportOrder(
                uuid=uuid.uuid4(),
                user=person,
                group=GROUP,
                destination=Destination(type=DestinationType.DATASET, name="orders"),
                files=tuple(SourceFile(path=file) for file in files),
            )
            runs.append((order, files))
        placed = [
            client.create_flow_run_from_deployment(
                deployment,
                name=order.title,
                parameters={"order": order.model_dump(mode="json")},
                idempotency_key=str(order.uuid),
                tags=order_tags(order),
            )
            for order, _ in runs
        ]
        ended = wait_for_runs(client, placed)
    waits = [seconds_between(run) for run in ended]
    last = waits[-1]
    return [
        Figure(f"orders of {USERS} users at once, each with a process of its own, median until it has ended",
               statistics.median(waits), "s"),
        Figure("the smallest and last of them, until it has ended", last, "s",
               f"{last / max(waits):.2f} of the time of all; without turns 1.00"),
    ]  # fmt: skip


def wait_for_runs(client: SyncPrefectClient, placed: Sequence[FlowRun]) -> list[FlowRun]:
    """The runs in the sequence given, all completed."""
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in placed]))
    while True:
        found = {
            run.id: run for run in client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=200)
        }
        runs = [found[run.id] for run in placed]
        if all(run.state is not None and run.state.is_final() for run in runs):
            break
        time.sleep(3.0)
    if other := [run.state for run in runs if run.state is None or not run.state.is_completed()]:
        raise RuntimeError(f"orders ended otherwise: {other}")
    return runs


def seconds_between(run: FlowRun) -> float:
    """From placing to the end."""
    if run.created is None or run.end_time is None:
        raise RuntimeError(f"{run.name} has no times")
    return (run.end_time - run.created).total_seconds()
