"""The Import page: the group's folder on it, and files opened into their images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contracts.file_contents import FileContents, SeriesContents
from omero_ui.imports import folder_page
from omero_ui.imports.addresses import group_of, number
from omero_ui.imports.desk import read_desk
from omero_ui.imports.draft import Draft
from omero_ui.imports.folder_files import ENDINGS
from omero_ui.imports.folder_page import Entry, FolderPage, Order, crumbs, list_folder
from omero_ui.imports.item_values import value_of
from omero_ui.imports.list_views import find_target, list_context
from omero_ui.imports.opened_file import PAGE, open_file
from omero_ui.imports.tree_views import tree_context
from omero_ui.page import Request, Response, omero_of, page, show
from omero_ui.visitor import Visitor


@page("import")
def show_page(request: Request, visitor: Visitor) -> Response:
    """The whole page; `group` and `path` in the address say what is open, `target` where to (`Dataset:7`)."""
    conn = omero_of(request)
    target, group = None, group_of(visitor, request.GET.get("group"), conn.getEventContext().groupId)
    if "target" in request.GET:
        target, group = find_target(conn, visitor, request.GET["target"])
    desk = read_desk()
    draft = Draft.empty(group.name)
    context = {
        "directed": request.GET["target"] if target is not None else "",
        "group": group,
        "uploads": desk.settings.uploads,
        **folder_context(request, group.name),
        **tree_context(conn, visitor, group, request),
        **list_context(draft if target is None else draft.direct(target), desk, conn, group),
    }
    return show(request, visitor, "omero_ui/imports/page.html", context)


@page("import")
def show_folder(request: Request, visitor: Visitor) -> Response:
    """A page of a folder: `path`, `order`, `backwards`, `filter`, `first`."""
    group = group_of(visitor, request.GET.get("group"))
    context = {"group": group, "uploads": read_desk().settings.uploads, **folder_context(request, group.name)}
    return show(request, visitor, "omero_ui/imports/folder.html", context)


@page("import")
def show_contents(request: Request, visitor: Visitor) -> Response:
    """A file's images: `path`, `first`."""
    group = group_of(visitor, request.GET.get("group"))
    path, first = request.GET.get("path", ""), number(request.GET.get("first"))
    desk = read_desk()
    contents = open_file(desk.folder(group.name), path, first)
    extracts = any(converter.takes_series for converter in desk.settings.converters.values())
    context = {
        "group": group,
        "path": path,
        "contents": contents,
        "images": [_image(path, one) for one in contents.series],
        "selectable": extracts and contents.series_count > 1 and contents.plate is None,
        "next": _next(contents, first),
    }
    return show(request, visitor, "omero_ui/imports/contents.html", context)


@dataclass(frozen=True)
class Row:
    """An entry as the page shows it. `value`: of its checkbox, None when it cannot be chosen."""

    entry: Entry
    value: str | None
    opens: bool


@dataclass(frozen=True)
class Image:
    """One image of a file as the page shows it."""

    series: SeriesContents
    value: str
    sizes: str


def folder_context(request: Request, group: str) -> dict[str, Any]:
    """
    Raises:
        FailureError: what `list_folder` raises.
    """
    asked = request.GET
    order = Order(asked["order"]) if asked.get("order") in set(Order) else Order.NAME
    listing = list_folder(
        read_desk().folder(group),
        asked.get("path", ""),
        order=order,
        backwards=asked.get("backwards") == "1",
        pattern=asked.get("filter", "")[:255],
        first=number(asked.get("first")),
    )
    return {
        "listing": listing,
        "rows": [_row(entry) for entry in listing.entries],
        "crumbs": crumbs(listing.path),
        "order": order.value,
        "backwards": asked.get("backwards") == "1",
        "filter": asked.get("filter", "")[:255],
        "columns": [(one.value, _heading(one)) for one in Order],
        "last": listing.first + len(listing.entries),
        "previous": _previous(listing),
    }


def _heading(order: Order) -> str:
    return {Order.NAME: "Name", Order.SIZE: "Size", Order.DATE: "Changed"}[order]


def _row(entry: Entry) -> Row:
    usable = entry.refusal is None
    opens = usable and not entry.is_folder and entry.name.lower().endswith(ENDINGS)
    return Row(entry, value_of(entry.path) if usable else None, opens)


def _image(path: str, series: SeriesContents) -> Image:
    parts = [f"{series.size_x} × {series.size_y}"]
    parts += [f"{series.size_c} ch"] if series.size_c > 1 else []
    parts += [f"{series.size_z} z"] if series.size_z > 1 else []
    parts += [f"{series.size_t} t"] if series.size_t > 1 else []
    identity = series.uuid if series.uuid else str(series.index)
    return Image(series, value_of(path, identity, series.name), " · ".join(parts))


def _next(contents: FileContents, first: int) -> int | None:
    after = first + PAGE
    return after if after < contents.series_count else None


def _previous(listing: FolderPage) -> int | None:
    return max(0, listing.first - folder_page.PAGE) if listing.first else None
