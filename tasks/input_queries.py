"""What OMERO knows of a run's inputs: one query of each kind, however many images there are.

All queries look into every group that the user may read, so that an object of another group can be told from one
that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import omero.clients  # noqa: F401  omero.sys has no ParametersI before
from omero.rtypes import unwrap
from omero.sys import ParametersI

from blocks.omero_session import OmeroSession


@dataclass(frozen=True)
class Seen:
    """An object that the user can see, and its group."""

    id: int
    name: str
    group: int
    group_name: str


@dataclass(frozen=True)
class SeenImage(Seen):
    """An image. `pixels` is None when it has none; lengths are OMERO's maps of value and unit, or None."""

    acquired_ms: int | None
    fileset: int | None
    pixels: int | None
    sizes: tuple[int, int, int, int, int]
    type: str | None
    lengths: tuple[Any, Any, Any]


@dataclass(frozen=True)
class SeenAttachment(Seen):
    """A file annotation. `file` is its OriginalFile, None when the user may not read it; `size` in bytes."""

    file: int | None
    size: int


@dataclass(frozen=True, order=True)
class WellField:
    """Where an image lies in a plate; ordered as people count: by row, column, then field."""

    row: int
    column: int
    field: int
    image: int
    plate: int


@dataclass(frozen=True)
class SeenChannel:
    """A channel of some Pixels, as OMERO has it."""

    name: str | None
    colour: tuple[int | None, int | None, int | None, int | None]
    emission: Any
    excitation: Any


@dataclass(frozen=True)
class ImportedFile:
    """The one file of a fileset with one image. `folder` and `name` place it in the managed repository."""

    folder: str
    name: str
    size: int | None


#: Of ExternalInfo that names an OME-Zarr (github.com/glencoesoftware/omero-zarr-pixel-buffer).
ZARR_ENTITY = "com.glencoesoftware.ngff:multiscales"


@dataclass(frozen=True)
class RegisteredStore:
    """Where OMERO reads the pixels of a registered OME-Zarr. `series`: the image's number in it, if OMERO has one."""

    address: str
    series: int | None


_CHILDREN = "select l.child.id from {} l where l.parent.id in (:ids)"


class InputQueries:
    """Asks in the session of the user who analyses. `asked` counts the queries."""

    def __init__(self, session: OmeroSession) -> None:
        self._session = session
        self.asked = 0

    def containers(self, kind: str, ids: Iterable[int]) -> dict[int, Seen]:
        """Datasets, Plates, Projects or Screens by id."""
        rows = self._rows(
            f"select o.id, o.name, o.details.group.id, o.details.group.name from {kind} o where o.id in (:ids)", ids
        )
        return {row[0]: Seen(*row) for row in rows}

    def count_in_datasets(self, datasets: Iterable[int]) -> int:
        """Different images in all of them."""
        text = "select count(distinct l.child.id) from DatasetImageLink l where l.parent.id in (:ids)"
        return _one(self._rows(text, datasets))

    def count_in_plates(self, plates: Iterable[int]) -> int:
        """Different images in all of them."""
        text = "select count(distinct s.image.id) from WellSample s join s.well w join w.plate p where p.id in (:ids)"
        return _one(self._rows(text, plates))

    def links_of_datasets(self, datasets: Iterable[int]) -> list[tuple[int, int]]:
        """Dataset and image, for every image in them."""
        text = "select l.parent.id, l.child.id from DatasetImageLink l where l.parent.id in (:ids)"
        return [(row[0], row[1]) for row in self._rows(text, datasets)]

    def datasets_of_projects(self, projects: Iterable[int]) -> set[int]:
        """All datasets in them."""
        return {row[0] for row in self._rows(_CHILDREN.format("ProjectDatasetLink"), projects)}

    def plates_of_screens(self, screens: Iterable[int]) -> set[int]:
        """All plates in them."""
        return {row[0] for row in self._rows(_CHILDREN.format("ScreenPlateLink"), screens)}

    def datasets_of_images(self, images: Iterable[int]) -> dict[int, Seen]:
        """The first Dataset, by name and id, of each image that lies in one."""
        rows = self._rows(
            "select l.child.id, d.id, d.name, d.details.group.id, d.details.group.name "
            "from DatasetImageLink l join l.parent d where l.child.id in (:ids)",
            images,
        )
        found: dict[int, Seen] = {}
        for image, *dataset in sorted(rows, key=lambda row: (row[2], row[1])):
            found.setdefault(image, Seen(*dataset))
        return found

    def fields_of_plates(self, plates: Iterable[int]) -> list[WellField]:
        """Every field with an image; fields are counted by their ids."""
        rows = self._rows(
            "select w.row, w.column, s.id, s.image.id, p.id from WellSample s join s.well w join w.plate p "
            "where p.id in (:ids)",
            plates,
        )
        return [WellField(row[0] or 0, row[1] or 0, *row[2:]) for row in rows if row[3] is not None]

    def images(self, ids: Iterable[int]) -> dict[int, SeenImage]:
        """Images by id, with the first Pixels of each."""
        rows = self._rows(
            "select i.id, i.name, i.details.group.id, i.details.group.name, i.acquisitionDate, i.fileset.id, p.id, "
            "p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT, t.value, p.physicalSizeX, p.physicalSizeY, p.physicalSizeZ "
            "from Image i left outer join i.pixels p left outer join p.pixelsType t where i.id in (:ids)",
            ids,
        )
        found: dict[int, SeenImage] = {}
        for row in sorted(rows, key=lambda row: (row[0], row[6] or 0)):
            image = SeenImage(
                id=row[0],
                name=row[1],
                group=row[2],
                group_name=row[3],
                acquired_ms=row[4],
                fileset=row[5],
                pixels=row[6],
                sizes=tuple(row[7:12]),
                type=row[12],
                lengths=tuple(row[13:16]),
            )
            found.setdefault(image.id, image)
        return found

    def images_without_annotation_rights(self, images: Iterable[int]) -> list[int]:
        """Those that the user may not annotate."""
        rows = self._rows("select i.id, i.details.permissions from Image i where i.id in (:ids)", images)
        return sorted(row[0] for row in rows if not row[1]["canAnnotate"])

    def datasets_without_link_rights(self, datasets: Iterable[int]) -> list[int]:
        """Those that the user may not put images into."""
        rows = self._rows("select d.id, d.details.permissions from Dataset d where d.id in (:ids)", datasets)
        return sorted(row[0] for row in rows if not row[1]["canLink"])

    def attachments(self, annotations: Iterable[int]) -> dict[int, SeenAttachment]:
        """File annotations by id; other annotations are not among them."""
        rows = self._rows(
            "select a.id, f.name, a.details.group.id, a.details.group.name, f.id, f.size "
            "from FileAnnotation a left outer join a.file f where a.id in (:ids)",
            annotations,
        )
        return {
            row[0]: SeenAttachment(row[0], row[1] or "", row[2], row[3], file=row[4], size=row[5] or 0) for row in rows
        }

    def annotations(self, ids: Iterable[int]) -> set[int]:
        """Those ids that annotations of any kind have."""
        return {row[0] for row in self._rows("select a.id from Annotation a where a.id in (:ids)", ids)}

    def channels(self, pixels: Iterable[int]) -> dict[int, list[SeenChannel]]:
        """The channels of each Pixels, in their order."""
        rows = self._rows(
            "select p.id, index(c), l.name, c.red, c.green, c.blue, c.alpha, l.emissionWave, l.excitationWave "
            "from Pixels p join p.channels c left outer join c.logicalChannel l where p.id in (:ids)",
            pixels,
        )
        found: dict[int, list[SeenChannel]] = {}
        for row in sorted(rows, key=lambda row: (row[0], row[1])):
            found.setdefault(row[0], []).append(SeenChannel(row[2], tuple(row[3:7]), row[7], row[8]))
        return found

    def imported_files(self, filesets: Iterable[int]) -> dict[int, ImportedFile]:
        """The file of each fileset that has one file and one image; a plate's thousands of files are not listed."""
        counted = self._rows(
            "select f.id, (select count(i.id) from Image i where i.fileset.id = f.id), "
            "(select count(e.id) from FilesetEntry e where e.fileset.id = f.id) from Fileset f where f.id in (:ids)",
            filesets,
        )
        single = [fileset for fileset, images, files in counted if images == files == 1]
        rows = self._rows(
            "select e.fileset.id, o.path, o.name, o.size from FilesetEntry e join e.originalFile o "
            "where e.fileset.id in (:ids)",
            single,
        )
        return {row[0]: ImportedFile(*row[1:]) for row in rows}

    def registered_stores(self, images: Iterable[int]) -> dict[int, RegisteredStore]:
        """The OME-Zarr of each image that was registered and not imported."""
        rows = self._rows(
            "select i.id, e.lsid, e.entityType, i.series from Image i join i.details.externalInfo e "
            "where i.id in (:ids)",
            images,
        )
        return {row[0]: RegisteredStore(row[1], row[3]) for row in rows if row[2] == ZARR_ENTITY and row[1]}

    def _rows(self, text: str, ids: Iterable[int]) -> list[Any]:
        wanted = sorted(set(ids))
        if not wanted:
            return []
        self.asked += 1
        query = self._session.gateway.c.sf.getQueryService()
        rows: list[Any] = unwrap(query.projection(text, ParametersI().addIds(wanted), {"omero.group": "-1"}))
        return rows


def _one(rows: list[Any]) -> int:
    return int(rows[0][0]) if rows else 0
