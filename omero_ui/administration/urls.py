"""Addresses below `/flows/admin/`."""

from __future__ import annotations

from django.urls import path

from omero_ui.administration import admission, views

urlpatterns = [
    path("", views.show_health, name="admin"),
    path("look/<str:what>/", views.look, name="admin_look"),
    path("workflows/", views.show_workflows, name="admin_workflows"),
    path("workflows/add/", views.add_workflow, name="admin_add_workflow"),
    path("workflows/remove/<str:name>/", views.remove_workflow, name="admin_remove_workflow"),
    path("imports/", views.show_imports, name="admin_imports"),
    path("imports/change/", views.change_imports, name="admin_change_imports"),
    path("prefect/", views.show_prefect, name="prefect"),
    path("prefect/admission/", admission.admit, name="prefect_admission"),
]
