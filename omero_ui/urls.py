"""The panel's addresses, below `/flows/`. Each page's folder has its own."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from omero_ui import sessions

#: Names are asked for as `flows:runs`.
app_name = "flows"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="flows:runs"), name="index"),
    path("logged-in/", sessions.logged_in, name="logged_in"),
    path("import/", include("omero_ui.imports.urls")),
    path("analyse/", include("omero_ui.analyses.urls")),
    path("runs/", include("omero_ui.runs.urls")),
    path("lineage/", include("omero_ui.lineage.urls")),
    path("forms/", include("omero_ui.forms.urls")),
    path("admin/", include("omero_ui.administration.urls")),
]
