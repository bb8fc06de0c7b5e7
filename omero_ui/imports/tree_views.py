"""Where to: the user's projects, datasets and screens, searched, opened and added to."""

from __future__ import annotations

from typing import Any

from contracts.failures import FailureCategory, fail
from omero_ui.imports.addresses import group_of, number
from omero_ui.imports.destination_tree import DestinationTree, Kind
from omero_ui.page import Request, Response, omero_of, page, show
from omero_ui.visitor import Visitor, VisitorGroup


@page("import")
def show_tree(request: Request, visitor: Visitor) -> Response:
    """The top of the tree, or what a search (`search`) finds."""
    group = group_of(visitor, request.GET.get("group"))
    context = tree_context(omero_of(request), visitor, group, request)
    return show(request, visitor, "omero_ui/imports/tree.html", {"group": group, **context})


@page("import")
def show_datasets(request: Request, visitor: Visitor, project: int) -> Response:
    """The datasets of a project."""
    group = group_of(visitor, request.GET.get("group"))
    tree = _tree(omero_of(request), visitor, group, request)
    return show(request, visitor, "omero_ui/imports/nodes.html", {"nodes": tree.datasets(project), "group": group})


@page("import", methods=("POST",))
def create(request: Request, visitor: Visitor) -> Response:
    """Make a project, dataset or screen: `kind`, `name`, `project`; answers with the tree, the new one in it."""
    group = group_of(visitor, request.POST.get("group"))
    conn = omero_of(request)
    kind = request.POST.get("kind", "")
    if kind not in set(Kind):
        raise fail(FailureCategory.BAD_REQUEST, "Say what to make.", next_step="Choose Dataset, Screen or Project.")
    project = number(request.POST.get("project")) or None
    tree = DestinationTree(conn, group.id, visitor.id)
    made = tree.create(Kind(kind), request.POST.get("name", ""), project if kind == Kind.DATASET else None)
    context = tree_context(conn, visitor, group, request)
    if project is not None and made.kind is Kind.DATASET:
        context |= {"opened": project, "opened_nodes": tree.datasets(project)}
    return show(request, visitor, "omero_ui/imports/tree.html", {"group": group, "made": made, **context})


def tree_context(conn: Any, visitor: Visitor, group: VisitorGroup, request: Request) -> dict[str, Any]:
    search = request.GET.get("search", "").strip()[:255]
    tree = _tree(conn, visitor, group, request)
    nodes = tree.search(search) if search else tree.roots()
    return {
        "nodes": nodes,
        "projects": [node for node in nodes if node.kind is Kind.PROJECT and node.may_link],
        "search": search,
        "everyone": _everyone(request),
    }


def _tree(conn: Any, visitor: Visitor, group: VisitorGroup, request: Request) -> DestinationTree:
    return DestinationTree(conn, group.id, None if _everyone(request) else visitor.id)


def _everyone(request: Request) -> bool:
    return str(request.GET.get("everyone", request.POST.get("everyone", ""))) == "1"
