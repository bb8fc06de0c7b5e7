"""What a rule watches in OMERO: projects and screens as they are by then, and never what an analysis has made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from omero.model import (
    DatasetI,
    PlateI,
    ProjectDatasetLinkI,
    ProjectI,
    ScreenI,
    ScreenPlateLinkI,
)
from omero.rtypes import rstring

from blocks.omero_session import OmeroSession
from contracts import namespaces
from contracts.batch.analysis_rule import AnalysisRule
from contracts.failures import FailureCategory
from sandbox.samples.plate import write_plate
from tasks.annotation_links import link_to
from tasks.key_values import map_annotation
from tasks.rule_evidence import find_results, find_taken
from tasks.rule_inputs import Piece, Watched, find_watched
from tests.sandbox.staging.staging_ground import Ground

#: An id that no database of a test has come to.
NEVER = 1 << 40


@dataclass(frozen=True)
class Shelves:
    """`images` lie in the datasets of the project, `fields` in the plate of the screen."""

    project: int
    datasets: tuple[int, int]
    images: tuple[int, ...]
    screen: int
    plate: int
    fields: tuple[int, ...]


@pytest.fixture(scope="module")
def shelves(ground: Ground) -> Shelves:
    mark = uuid.uuid4().hex[:8]
    datasets = (ground.dataset(f"A {mark}"), ground.dataset(f"B {mark}"))
    small = np.zeros((1, 1, 1, 4, 4), np.uint8)
    images = tuple(ground.pixel_image(f"{number}.tif", small, datasets[number % 2]) for number in range(4))
    name = f"plate {mark}"
    htd = write_plate(ground.folder / name, name)
    fields = tuple(ground.import_files(htd, *sorted((ground.folder / name).rglob("*.TIF"))))
    plate = int(ground.alice.getObject("Image", fields[0]).getParent().getParent().getParent().getId())
    project, screen = ProjectI(), ScreenI()
    for made in (project, screen):
        made.setName(rstring(f"shelf {mark}"))
    links: list[Any] = [ProjectDatasetLinkI(), ScreenPlateLinkI()]
    for link, parent, child in zip(
        links, (project, screen), (DatasetI(datasets[0], False), PlateI(plate, False)), strict=True
    ):
        link.setParent(parent)
        link.setChild(child)
    project, screen = ground.alice.getUpdateService().saveAndReturnArray(links)
    return Shelves(
        int(project.getParent().getId().getValue()),
        datasets,
        images,
        int(screen.getParent().getId().getValue()),
        plate,
        fields,
    )


def watch(session: OmeroSession, *, whole_plates: bool = False, **watched: Any) -> Watched:
    rule = AnalysisRule.model_validate(
        {"user": session.user, "group": session.group, "workflow": {"name": "nuclei"}, **watched}
    )
    return find_watched(session, rule, whole_plates=whole_plates)


def images_of(watched: Watched) -> list[int]:
    return [image for piece in watched.pieces for image in piece.images]


def test_projects_and_datasets(session: OmeroSession, shelves: Shelves) -> None:
    of_project = [image for number, image in enumerate(shelves.images) if number % 2 == 0]
    assert images_of(watch(session, projects=[shelves.project])) == of_project
    both = watch(session, projects=[shelves.project], datasets=shelves.datasets)
    assert (images_of(both), both.problems) == (list(shelves.images), ())


def test_plates_by_image_or_whole(session: OmeroSession, shelves: Shelves) -> None:
    fields = sorted(shelves.fields)
    for watched in ({"screens": [shelves.screen]}, {"plates": [shelves.plate]}):
        assert watch(session, **watched).pieces == tuple(Piece((field,)) for field in fields)
        assert watch(session, whole_plates=True, **watched).pieces == (Piece(tuple(fields), shelves.plate),)


def test_what_is_not_there_is_a_problem_of_its_own(ground: Ground, session: OmeroSession, shelves: Shelves) -> None:
    elsewhere = ground.dataset("of lab-b", group="lab-b")
    found = watch(
        session, datasets=[NEVER, shelves.datasets[0], elsewhere], projects=[NEVER], plates=[NEVER], screens=[NEVER]
    )
    assert images_of(found) == [image for number, image in enumerate(shelves.images) if number % 2 == 0]
    assert [problem.where for problem in found.problems] == [
        f"Dataset {NEVER}",
        f"Dataset {elsewhere}",
        f"Project {NEVER}",
        f"Plate {NEVER}",
        f"Screen {NEVER}",
    ]
    assert {problem.failure.category for problem in found.problems} == {FailureCategory.UNKNOWN_INPUT}


def test_what_analyses_made_and_what_a_rule_has_taken(ground: Ground, session: OmeroSession, shelves: Shelves) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    ours, biomeros, arriving, imported = shelves.images

    def annotate(kind: str, id: int, namespace: str, *pairs: tuple[str, str]) -> None:
        ground.alice.getUpdateService().saveObject(link_to(kind, id, map_annotation(namespace, pairs)))

    annotate("Image", ours, namespaces.RESULT, ("Result", "x"))
    annotate("Image", biomeros, namespaces.WORKFLOW, ("Workflow_ID", "x"))
    annotate("Image", arriving, namespaces.TOKEN, ("Order", "x"), ("Path", ".analyzed/x/0/a.tif"))
    annotate("Image", imported, namespaces.TOKEN, ("Order", "x"), ("Path", "day 1/a.tif"))
    annotate("Image", imported, namespaces.ANALYSIS, ("UUID", "x"), ("Rule", str(one)))
    annotate("Plate", shelves.plate, namespaces.RESULT, ("Result", "y"))
    everything = [*shelves.images, *shelves.fields]
    assert find_results(session.gateway, everything) == {ours, biomeros, arriving, *shelves.fields}
    assert find_taken(session.gateway, one, everything) == {imported}
    assert find_taken(session.gateway, other, everything) == set()
    assert find_results(session.gateway, []) == find_taken(session.gateway, one, []) == set()
