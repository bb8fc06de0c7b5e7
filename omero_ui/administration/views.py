"""The Admin tab: health, workflows, imports; and the Prefect UI in a frame. For OMERO's admins alone."""

from __future__ import annotations

import uuid
from typing import Any

from contracts.failures import FailureCategory, fail
from omero_ui import settings
from omero_ui.administration.catalogue_changes import add_entry, make_entry, read_entries, remove_entry
from omero_ui.administration.health import Look, order_look, read_report
from omero_ui.administration.pages import go_to, read_token
from omero_ui.administration.site_settings import (
    read_folders,
    save_extensions,
    save_folder,
    save_uploads,
)
from omero_ui.analyses.card import make_card
from omero_ui.analyses.catalogue import read_shelf
from omero_ui.analyses.cluster import installed_workflows
from omero_ui.imports.desk import read_import_settings
from omero_ui.page import NotThere, Request, Response, omero_of, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.visitor import Visitor

#: Every account is in these; nobody imports into them.
_NO_PLACES = {"user", "system", "guest"}


@page("admin", admins_only=True)
def show_health(request: Request, visitor: Visitor) -> Response:
    """What was found when somebody looked last, each with a button to look again."""
    reports = [read_report(prefect(), look) for look in Look]
    context = {"reports": reports, "token": uuid.uuid4(), "part": "health"}
    return show(request, visitor, "omero_ui/administration/health.html", context)


@page("admin", methods=("POST",), admins_only=True)
def look(request: Request, visitor: Visitor, what: str) -> Response:
    """Have it looked at, or set up, by a worker; the page shows what comes of it."""
    if what not in set(Look):
        raise NotThere
    order_look(prefect(), Look(what), read_token(request))
    return go_to("flows:admin")


@page("admin", admins_only=True)
def show_workflows(request: Request, visitor: Visitor) -> Response:
    shelf, installed = read_shelf(prefect()), installed_workflows(prefect())
    entries = read_entries(prefect())
    listed = {} if shelf.listing is None else {one.name: one for one in shelf.listing.workflows}
    rows = [
        {
            "name": name,
            "entry": entry,
            "card": make_card(listed[name], installed.get(name)) if name in listed else None,
        }
        for name, entry in entries.items()
    ]
    context = {
        "rows": rows,
        "shelf": shelf,
        "hosts": settings.DESCRIPTOR_HOSTS,
        "token": uuid.uuid4(),
        "part": "workflows",
        "here": request.get_full_path(),
    }
    return show(request, visitor, "omero_ui/administration/workflows.html", context)


@page("admin", methods=("POST",), admins_only=True)
def add_workflow(request: Request, visitor: Visitor) -> Response:
    name, entry = make_entry(request.POST, settings.DESCRIPTOR_HOSTS)
    if name in read_entries(prefect()) and request.POST.get("replace") != "1":
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"There is a workflow {name!r} already.",
            next_step="Give another name, or tick that it is to be replaced.",
        )
    add_entry(prefect(), name, entry)
    return go_to("flows:admin_workflows")


@page("admin", methods=("POST",), admins_only=True)
def remove_workflow(request: Request, visitor: Visitor, name: str) -> Response:
    """Its runs stay; it cannot be run any more."""
    remove_entry(prefect(), name)
    return go_to("flows:admin_workflows")


@page("admin", admins_only=True)
def show_imports(request: Request, visitor: Visitor) -> Response:
    root, folders = read_folders(prefect())
    groups = _groups(omero_of(request))
    context = {
        "root": root,
        "folders": folders,
        "groups": [(name, folders.get(name, "")) for name in groups],
        "gone": {name: folder for name, folder in folders.items() if name not in groups},
        "imports": read_import_settings(prefect()),
        "part": "imports",
    }
    return show(request, visitor, "omero_ui/administration/imports.html", context)


@page("admin", methods=("POST",), admins_only=True)
def change_imports(request: Request, visitor: Visitor) -> Response:
    """One form of the page: `group` and `folder`, or `converter` and `extensions`, or the fields of uploads."""
    asked = request.POST
    if "group" in asked:
        save_folder(prefect(), _groups(omero_of(request)), asked["group"], asked.get("folder", "").strip())
    elif "converter" in asked:
        save_extensions(prefect(), asked["converter"], asked.get("extensions", ""))
    else:
        save_uploads(prefect(), asked)
    return go_to("flows:admin_imports")


@page("admin", admins_only=True)
def show_prefect(request: Request, visitor: Visitor) -> Response:
    """The Prefect UI at full height. What is in the frame comes from nginx, which asks `admission` first."""
    if not settings.PREFECT_UI:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The Prefect UI is not shown here.",
            next_step="Let the web server show it and set omero.web.flows.prefect_ui (docs/admin.md, The panel).",
        )
    return show(request, visitor, "omero_ui/administration/prefect.html", {"part": "prefect"})


def _groups(conn: Any) -> list[str]:
    names = (str(group.getName()) for group in conn.getObjects("ExperimenterGroup"))
    return sorted(name for name in names if name not in _NO_PLACES)
