"""The images behind a choice, as OMERO shows them to the visitor."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from omero.rtypes import unwrap
from omero.sys import ParametersI

from omero_ui.analyses.choice import Choice, InputKind

#: Ids in one query.
_AT_ONCE = 1000


@dataclass(frozen=True)
class ChosenImage:
    """`dataset`: where its results go if they go beside it; None: it lies in none. `left_out`: it was unselected."""

    id: int
    name: str
    dataset: int | None
    left_out: bool


@dataclass(frozen=True)
class ChosenContainer:
    """A dataset or plate; `images` of it are chosen, of `total`."""

    kind: InputKind
    id: int
    name: str
    images: int
    total: int


@dataclass(frozen=True)
class Chosen:
    """`alone`: images that were chosen by themselves. `missing`: what is not there, or not for the visitor, or of
    another group: `Image 12`. `members`: the images of each container.
    """

    choice: Choice
    containers: tuple[ChosenContainer, ...]
    images: tuple[ChosenImage, ...]
    missing: tuple[str, ...]
    members: dict[tuple[InputKind, int], tuple[int, ...]]

    @cached_property
    def selected(self) -> tuple[ChosenImage, ...]:
        return tuple(image for image in self.images if not image.left_out)

    def inputs(self) -> dict[str, list[int]]:
        """As AnalysisInputs has them: a container of which all is chosen by itself, else its images."""
        if len(self.selected) == len(self.images):
            choice = self.choice
            return {"images": list(choice.images), "datasets": list(choice.datasets), "plates": list(choice.plates)}
        whole = [container for container in self.containers if 0 < container.images == container.total]
        datasets = [one.id for one in whole if one.kind is InputKind.DATASET]
        plates = [one.id for one in whole if one.kind is InputKind.PLATE]
        inside = {image for container in whole for image in self.members[container.kind, container.id]}
        return {
            "images": [image.id for image in self.selected if image.id not in inside],
            "datasets": datasets,
            "plates": plates,
        }


class Lookup:
    """Asks in one group, as the visitor."""

    def __init__(self, conn: Any, group: int) -> None:
        self._service = conn.getQueryService()
        self._options = deepcopy(conn.SERVICE_OPTS)
        self._options.setOmeroGroup(group)
        self._group = group

    def look_up(self, choice: Choice) -> Chosen:
        """Datasets by name, then plates, then images that were chosen alone; each image once."""
        named: dict[tuple[InputKind, int], str] = {}
        for kind in (InputKind.DATASET, InputKind.PLATE):
            for id, name in self._named(kind, choice.ids(kind)).items():
                named[kind, id] = name
        members: dict[tuple[InputKind, int], list[int]] = {key: [] for key in named}
        for kind, links in (
            (InputKind.DATASET, self._dataset_links(choice.datasets)),
            (InputKind.PLATE, self._plate_fields(choice.plates)),
        ):
            for container, image in links:
                if (kind, container) in members:
                    members[kind, container].append(image)
        wanted = [*(image for images in members.values() for image in images), *choice.images]
        names = self._named(InputKind.IMAGE, dict.fromkeys(wanted))
        homes = self._homes(names)
        left_out = set(choice.without)
        images: dict[int, ChosenImage] = {}
        for key in sorted(members, key=lambda key: (key[0], named[key].lower(), key[1])):
            for id in sorted(members[key], key=lambda id: (names.get(id, ""), id)):
                if id in names:
                    home = key[1] if key[0] is InputKind.DATASET else None
                    images.setdefault(id, ChosenImage(id, names[id], home, id in left_out))
        for id in choice.images:
            if id in names:
                images.setdefault(id, ChosenImage(id, names[id], homes.get(id), id in left_out))
        missing = [f"{kind.value} {id}" for kind in (InputKind.DATASET, InputKind.PLATE) for id in choice.ids(kind)
                   if (kind, id) not in named]  # fmt: skip
        missing += [f"Image {id}" for id in choice.images if id not in names]
        containers = tuple(
            ChosenContainer(kind, id, name, sum(image not in left_out for image in members[kind, id]),
                            len(members[kind, id]))
            for (kind, id), name in named.items()
        )  # fmt: skip
        return Chosen(
            choice, containers, tuple(images.values()), tuple(missing),
            {key: tuple(ids) for key, ids in members.items()},
        )  # fmt: skip

    def attachments(self, ids: Iterable[int]) -> dict[int, str]:
        """File names of those file annotations that the visitor sees in the group."""
        rows = self._rows(
            "select a.id, f.name, a.details.group.id from FileAnnotation a join a.file f where a.id in (:ids)", ids
        )
        return {row[0]: row[1] for row in rows if row[2] == self._group}

    def unlinkable_datasets(self, datasets: Collection[int]) -> list[int]:
        """Those that the visitor may not put images into."""
        rows = self._rows("select d.id, d.details.permissions from Dataset d where d.id in (:ids)", datasets)
        return sorted(row[0] for row in rows if not row[1]["canLink"])

    def group_of(self, kind: InputKind, id: int) -> str | None:
        """The name of the group an object is in; None when the visitor does not see it. Ask in group -1."""
        rows = self._rows(f"select o.details.group.name from {kind.value} o where o.id in (:ids)", [id])
        return str(rows[0][0]) if rows else None

    def _named(self, kind: InputKind, ids: Iterable[int]) -> dict[int, str]:
        rows = self._rows(f"select o.id, o.name, o.details.group.id from {kind.value} o where o.id in (:ids)", ids)
        return {row[0]: row[1] or "" for row in rows if row[2] == self._group}

    def _dataset_links(self, datasets: Iterable[int]) -> list[tuple[int, int]]:
        rows = self._rows(
            "select l.parent.id, l.child.id from DatasetImageLink l where l.parent.id in (:ids)", datasets
        )
        return [(row[0], row[1]) for row in rows]

    def _plate_fields(self, plates: Iterable[int]) -> list[tuple[int, int]]:
        rows = self._rows(
            "select p.id, s.image.id from WellSample s join s.well w join w.plate p where p.id in (:ids)", plates
        )
        return [(row[0], row[1]) for row in rows if row[1] is not None]

    def _homes(self, images: Iterable[int]) -> dict[int, int]:
        rows = self._rows("select l.child.id, l.parent.id from DatasetImageLink l where l.child.id in (:ids)", images)
        return {row[0]: row[1] for row in sorted(rows, reverse=True)}

    def _rows(self, text: str, ids: Iterable[int]) -> list[list[Any]]:
        wanted, rows = list(ids), []
        for begin in range(0, len(wanted), _AT_ONCE):
            parameters = ParametersI().addIds(wanted[begin : begin + _AT_ONCE])
            found = self._service.projection(text, parameters, self._options)
            rows += [[unwrap(value) for value in row] for row in found]
        return rows
