"""Names that look strange and are honest: they are imported, and come out right in OMERO."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass

import pytest

from contracts.import_report import FileState, ImportReport
from tests.sandbox.bad_input.bad_ground import Ground

NAMES = (
    "two words.tif",
    " begins and ends .tif",
    'it\'s "quoted".tif',
    "back\\slash.tif",
    "percent %20.tif",
    "star*question?.tif",
    "colon:semi;pipe|.tif",
    "dollar $HOME `id` $(id).tif",
    "<b>&amp;.tif",
    "[bold red]rich.tif",
    "--dataset.tif",
    "...dots..tif",
    "naïve µm.tif",
    "nai\u0308ve decomposed.tif",
    "細胞 分裂.tif",
    "🔬.tif",
    "é" * 125 + "a.tif",
    "n" * 251 + ".tif",
)


@dataclass
class Imported:
    """One order of all the names, as the command placed it, and the same file name in two folders, converted."""

    report: ImportReport
    converted_report: ImportReport


@pytest.fixture(scope="module")
def imported(ground: Ground) -> Imported:
    folder = ground.site.storage / "lab-a" / "honest names"
    for name in NAMES:
        ground.write_tiff(name, folder)
    for place in ("left", "right"):
        ground.write_tiff("same.tif", folder / place)
    tokens = [uuid.uuid4(), uuid.uuid4()]
    head = [
        ["--as", "alice", "--group", "lab-a", "--dataset", "Honest 'names' \"µ\"", "--uuid", str(token)]
        for token in tokens
    ]
    answers = ground.commands(
        {
            "names": [*head[0], "--", *(f"honest names/{name}" for name in NAMES)],
            "same": [*head[1], "--convert", "ometiff", "honest names/left/same.tif", "honest names/right/same.tif"],
        }
    )
    assert {answer.code for answer in answers.values()} == {0}, answers
    return Imported(*(ground.report(token) for token in tokens))


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_name_comes_out_right(ground: Ground, imported: Imported, name: str) -> None:
    [outcome] = [outcome for outcome in imported.report.files if outcome.path == f"honest names/{name}"]
    assert outcome.state is FileState.IMPORTED, outcome.failure
    image = ground.alice.getObject("Image", outcome.objects[0].id)
    assert image.getName() == name
    [file] = list(image.getImportedImageFiles())
    link = ground.site.home.omero / "ManagedRepository" / file.getPath() / file.getName()
    assert os.readlink(link) == str(ground.site.storage / "lab-a" / "honest names" / name)


def test_two_sources_of_one_name_are_both_converted(ground: Ground, imported: Imported) -> None:
    """Their outputs have one name too, and lie beside their sources."""
    left, right = imported.converted_report.files
    assert left.state is right.state is FileState.IMPORTED
    assert left.filesets != right.filesets
    links = []
    for outcome in (left, right):
        [file] = list(ground.alice.getObject("Image", outcome.objects[0].id).getImportedImageFiles())
        links.append(os.readlink(ground.site.home.omero / "ManagedRepository" / file.getPath() / file.getName()))
    assert ["left" in links[0], "right" in links[1]] == [True, True]
    assert all(os.path.isfile(link) for link in links)  # noqa: PTH113
