"""Addresses below `/flows/lineage/`."""

from __future__ import annotations

from django.urls import re_path

from omero_ui.lineage import views

urlpatterns = [
    re_path(r"^(?P<kind>image|dataset|plate|screen)/(?P<object_id>[0-9]{1,18})/$", views.show_lineage, name="lineage"),
]
