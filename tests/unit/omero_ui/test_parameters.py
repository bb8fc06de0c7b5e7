"""What was ordered, in words."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from contracts.run_tags import RunKind
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.runs.named import ObjectKey
from omero_ui.runs.parameters import MOST_OBJECTS, Line, describe_order

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def described(kind: RunKind, order: dict[str, Any]) -> dict[str, Line]:
    """By the lines' names; OMERO has the objects whose ids are even."""

    def find_names(wanted: Collection[ObjectKey]) -> dict[ObjectKey, str]:
        return {(kind, id): f"{kind.lower()} no. {id}" for kind, id in wanted if id % 2 == 0}

    parameter = "order" if kind is RunKind.IMPORT else "run"
    run = FlowRun(id=uuid.uuid4(), name="a run", created=NOW, updated=NOW, parameters={parameter: order})
    return {line.name: line for line in describe_order(run, kind, find_names)}


def test_objects_have_names_and_what_is_gone_keeps_its_number() -> None:
    lines = described(RunKind.ANALYSIS, {
        "inputs": {"images": [2, 3], "datasets": [4], "plates": [], "attachments": {"model": [6]}},
        "parameters": {"diameter": 20},
        "results": {"rois": "polygons", "destination": {"type": "Dataset", "id": 8}},
    })  # fmt: skip
    assert [(one.name, one.show, one.words) for one in lines["Images"].objects] == [
        ("image no. 2", "image-2", "Image 2"),
        (None, None, "Image 3"),
    ]
    assert [one.show for one in lines["Datasets"].objects] == ["dataset-4"]
    (attachment,) = lines["Files: model"].objects
    assert (attachment.name, attachment.show) == ("fileannotation no. 6", None)
    assert lines["Destination"].objects[0].name == "dataset no. 8"
    assert (lines["diameter"].text, lines["Results: rois"].text) == ("20", "polygons")
    assert "Plates" not in lines


def test_many_objects_are_counted() -> None:
    lines = described(RunKind.ANALYSIS, {"inputs": {"images": list(range(MOST_OBJECTS + 7))}})
    assert (len(lines["Images"].objects), lines["Images"].more) == (MOST_OBJECTS, 7)


def test_a_destination_by_name_is_words() -> None:
    target = {"type": "Dataset", "id": None, "name": "siRNA 7", "project": "siRNA"}
    line = described(RunKind.IMPORT, {"destination": target})["Destination"]
    assert (line.text, line.objects) == ("Dataset siRNA 7 in project siRNA", ())
