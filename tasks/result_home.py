"""The object that carries a table, an attachment or ROIs: the input image, else what stands for the run as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import omero
from omero.gateway import BlitzGateway
from omero.rtypes import unwrap
from omero.sys import ParametersI

from contracts.failures import FailureCategory, fail
from contracts.staged_input import StagedInput
from tasks.result_run import ResultRun

#: Inputs asked about in one query.
AT_ONCE = 1000


@dataclass(frozen=True)
class Home:
    """An Image, Plate, Dataset or Screen, by id."""

    kind: str
    id: int


def find_homes(run: ResultRun, input: StagedInput | None, log: Any) -> tuple[Home, ...]:
    """Where something is attached: the input; else the run's destination; else the datasets of all inputs.

    An input in no dataset stands for itself, or by its plate if it is in one.

    Raises:
        FailureError: INPUT_GONE, DESTINATION_NOT_WRITABLE; what making a destination by name raises.
    """
    gateway = run.session.gateway
    if input is not None:
        homes = [Home("Image", input.image)]
    elif (destination := run.run.results.destination) is not None:
        target = run.importer(destination).find_target(log)
        homes = [Home(destination.type.value, target.id.val)]
    else:
        homes = _homes_of_inputs(gateway, run.staged)
    there = [home for home in homes if _is_there(run, gateway, home)]
    if not there:
        named = ", ".join(f"{home.kind} {home.id}" for home in homes[:5])
        raise fail(
            FailureCategory.INPUT_GONE,
            f"{named} is not in OMERO any more, or not to be seen by {run.session.user!r}.",
            next_step="If it was deleted on purpose, nothing; the result's file stays in the image storage.",
        )
    return tuple(there)


def _homes_of_inputs(gateway: BlitzGateway, staged: tuple[StagedInput, ...]) -> list[Home]:
    homes = dict.fromkeys(Home("Dataset", item.dataset) for item in staged if item.dataset is not None)
    alone = [item.image for item in staged if item.dataset is None]
    for begin in range(0, len(alone), AT_ONCE):
        images = alone[begin : begin + AT_ONCE]
        rows = unwrap(
            gateway.c.sf.getQueryService().projection(
                "select s.image.id, p.id from Plate p join p.wells w join w.wellSamples s where s.image.id in (:ids)",
                ParametersI().addIds(images),
            )
        )
        plates = dict(rows)
        homes |= dict.fromkeys(
            Home("Plate", plates[image]) if image in plates else Home("Image", image) for image in images
        )
    return list(homes)


def _is_there(run: ResultRun, gateway: BlitzGateway, home: Home) -> bool:
    try:
        found = gateway.c.sf.getQueryService().find(home.kind, home.id)
    except omero.SecurityViolation:
        return False  # moved to another group meanwhile: for this user it is gone
    if found is None:
        return False
    if not found.details.permissions.canAnnotate():
        raise fail(
            FailureCategory.DESTINATION_NOT_WRITABLE,
            f"{run.session.user!r} may not annotate {home.kind} {home.id}.",
            next_step="Order the run with a destination of the user's own, or ask the owner of the group.",
        )
    return True
