"""The user's projects, datasets and screens, to choose from and to add to; read as OMERO.web's own tree reads them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import omero
from omero.model import DatasetI, ProjectDatasetLinkI, ProjectI, ScreenI
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI
from omeroweb.webclient import tree

from contracts.destination import DestinationType
from contracts.failures import FailureCategory, FailureError, fail

#: Children of one node, and finds of one search, that are shown; the reader is told to search for the rest.
MOST = 200
LONGEST_NAME = 255


class Kind(StrEnum):
    PROJECT = "Project"
    DATASET = "Dataset"
    SCREEN = "Screen"


_NEW = {Kind.PROJECT: ProjectI, Kind.DATASET: DatasetI, Kind.SCREEN: ScreenI}


@dataclass(frozen=True)
class Node:
    """`children`: datasets of a project, images of a dataset, plates of a screen. `may_link`: it takes new ones."""

    kind: Kind
    id: int
    name: str
    children: int
    may_link: bool

    @property
    def destination(self) -> DestinationType | None:
        """What an order calls it; None for a project, which holds no images itself."""
        return None if self.kind is Kind.PROJECT else DestinationType(self.kind.value)


class DestinationTree:
    """One group's objects, as OMERO shows them to the user of the connection."""

    def __init__(self, conn: Any, group: int, owner: int | None) -> None:
        """
        Args:
            conn: the user's BlitzGateway.
            group: id of the group.
            owner: only what this user owns; None for everything that may be seen.
        """
        self._conn = conn
        self._group = group
        self._owner = -1 if owner is None else owner

    def roots(self) -> tuple[Node, ...]:
        """Projects, then datasets in no project, then screens."""
        where = self._where()
        return (
            *_nodes(Kind.PROJECT, tree.marshal_projects(self._conn, **where)),
            *_nodes(Kind.DATASET, tree.marshal_datasets(self._conn, orphaned=True, **where)),
            *_nodes(Kind.SCREEN, tree.marshal_screens(self._conn, **where)),
        )

    def datasets(self, project: int) -> tuple[Node, ...]:
        """The datasets of a project."""
        return _nodes(Kind.DATASET, tree.marshal_datasets(self._conn, project_id=project, **self._where()))

    def search(self, text: str) -> tuple[Node, ...]:
        """Datasets and screens with the text anywhere in their names, capitals or not; at most `MOST` of each."""
        return (*self._search(Kind.DATASET, text), *self._search(Kind.SCREEN, text))

    def find(self, kind: Kind, id: int) -> Node | None:
        """The object of that id, if it is in the group and the user sees it."""
        service = self._in_group()
        found = self._conn.getQueryService().findByQuery(
            f"select o from {kind.value} o where o.id = :id", ParametersI().addId(id), service
        )
        if found is None:
            return None
        return Node(kind, id, unwrap(found.name), 0, bool(found.details.permissions.canLink()))

    def create(self, kind: Kind, name: str, project: int | None = None) -> Node:
        """Make a project, a dataset (in a project, if one is given) or a screen of the user's own.

        The user's own one of that name, in that place, is taken if there is one: a second click makes no second.

        Raises:
            FailureError: BAD_REQUEST for a name that cannot be, UNKNOWN_DESTINATION for a project that is not there,
                DESTINATION_NOT_WRITABLE, OMERO_REFUSED.
        """
        name = _check_name(name)
        if project is not None and kind is not Kind.DATASET:
            raise fail(FailureCategory.BAD_REQUEST, "Only a dataset lies in a project.", next_step="Choose another.")
        if project is not None:
            self._check_project(project)
        there = self._own(kind, name, project)
        if there is not None:
            return Node(kind, there, name, 0, True)
        made = _NEW[kind]()
        made.setName(rstring(name))
        try:
            update = self._conn.getUpdateService()
            if project is None:
                return Node(kind, update.saveAndReturnObject(made, self._in_group()).id.val, name, 0, True)
            link = ProjectDatasetLinkI()
            link.setParent(ProjectI(project, False))
            link.setChild(made)
            return Node(kind, update.saveAndReturnObject(link, self._in_group()).child.id.val, name, 0, True)
        except omero.ServerError as error:
            raise _refused(name, error) from error

    def _where(self) -> dict[str, int]:
        return {"group_id": self._group, "experimenter_id": self._owner, "page": 1, "limit": MOST}

    def _in_group(self) -> Any:
        service = deepcopy(self._conn.SERVICE_OPTS)
        service.setOmeroGroup(self._group)
        return service

    def _search(self, kind: Kind, text: str) -> tuple[Node, ...]:
        parameters = ParametersI().addString("text", f"%{_escape(text.lower())}%")
        parameters.page(0, MOST)
        owned = ""
        if self._owner != -1:
            parameters.addLong("owner", self._owner)
            owned = "and o.details.owner.id = :owner "
        found = self._conn.getQueryService().findAllByQuery(
            f"select o from {kind.value} o where lower(o.name) like :text escape '!' {owned}"
            "order by lower(o.name), o.id",
            parameters,
            self._in_group(),
        )
        return tuple(
            Node(kind, one.id.val, unwrap(one.name), 0, bool(one.details.permissions.canLink())) for one in found
        )

    def _check_project(self, project: int) -> None:
        node = self.find(Kind.PROJECT, project)
        if node is None:
            raise fail(
                FailureCategory.UNKNOWN_DESTINATION,
                f"There is no project {project} in this group.",
                next_step="Look at the tree again; somebody may have deleted it.",
            )
        if not node.may_link:
            raise fail(
                FailureCategory.DESTINATION_NOT_WRITABLE,
                f"You may not put datasets into project {node.name!r}.",
                next_step="Choose a project of your own, or ask its owner.",
            )

    def _own(self, kind: Kind, name: str, project: int | None) -> int | None:
        parameters = ParametersI().addString("name", name)
        parameters.addLong("user", self._conn.getUserId())
        inside = ""
        if project is not None:
            parameters.addLong("project", project)
            inside = "join o.projectLinks l where l.parent.id = :project and"
        rows = self._conn.getQueryService().projection(
            f"select o.id from {kind.value} o {inside or 'where'} o.name = :name and o.details.owner.id = :user "
            "order by o.id",
            parameters,
            self._in_group(),
        )
        return int(unwrap(rows[0][0])) if rows else None


def _nodes(kind: Kind, marshalled: Iterable[dict[str, Any]]) -> tuple[Node, ...]:
    return tuple(
        Node(kind, one["id"], one["name"], one["childCount"], "canLink" in one["permsCss"].split())
        for one in marshalled
    )


def _check_name(name: str) -> str:
    stripped = name.strip()
    if not stripped or len(stripped) > LONGEST_NAME or not stripped.isprintable():
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"A name has 1 to {LONGEST_NAME} printable characters.",
            next_step="Give another name.",
        )
    return stripped


def _escape(text: str) -> str:
    """`%` and `_` stand for themselves in what a person types."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _refused(name: str, error: Exception) -> FailureError:
    return fail(
        FailureCategory.OMERO_REFUSED,
        f"OMERO did not make {name!r}.",
        detail=str(getattr(error, "message", "") or type(error).__name__),
        next_step="You may not have the right to add to this group; ask its owner.",
    )
