"""What can be analysed, to choose from: projects and datasets, screens and plates, images; as OMERO.web's tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from omeroweb.webclient import tree

from omero_ui.analyses.choice import InputKind

#: Children of one node that are shown; the reader is told to narrow the rest down.
MOST = 200
#: What opens into what.
PARENTS = ("Project", "Screen", "Dataset")


@dataclass(frozen=True)
class InputNode:
    """`children`: datasets, plates or images in it; a plate's are not counted."""

    kind: str
    id: int
    name: str
    children: int

    @property
    def opens(self) -> bool:
        return self.kind in PARENTS and self.children > 0

    @property
    def is_input(self) -> bool:
        return self.kind in set(InputKind)


class InputTree:
    """One group's objects, as OMERO shows them to the user of the connection. `owner` None: of all members."""

    def __init__(self, conn: Any, group: int, owner: int | None) -> None:
        self._conn = conn
        self._where = {
            "group_id": group,
            "experimenter_id": -1 if owner is None else owner,
            "page": 1,
            "limit": MOST,
        }

    def roots(self) -> tuple[InputNode, ...]:
        """Projects, datasets in no project, screens, plates in no screen."""
        return (
            *_nodes("Project", tree.marshal_projects(self._conn, **self._where)),
            *_nodes("Dataset", tree.marshal_datasets(self._conn, orphaned=True, **self._where)),
            *_nodes("Screen", tree.marshal_screens(self._conn, **self._where)),
            *_nodes("Plate", tree.marshal_plates(self._conn, orphaned=True, **self._where)),
        )

    def children(self, kind: str, id: int) -> tuple[InputNode, ...]:
        """Datasets of a project, plates of a screen, images of a dataset."""
        if kind == "Project":
            return _nodes("Dataset", tree.marshal_datasets(self._conn, project_id=id, **self._where))
        if kind == "Screen":
            return _nodes("Plate", tree.marshal_plates(self._conn, screen_id=id, **self._where))
        # Images of others lie in one's own datasets too.
        everybody = self._where | {"experimenter_id": -1}
        return _nodes("Image", tree.marshal_images(self._conn, dataset_id=id, **everybody))


def _nodes(kind: str, marshalled: Iterable[dict[str, Any]]) -> tuple[InputNode, ...]:
    return tuple(InputNode(kind, one["id"], one["name"], one.get("childCount", 0)) for one in marshalled)
