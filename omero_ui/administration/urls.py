"""Addresses below `/flows/admin/`."""

from __future__ import annotations

from django.urls import path

from omero_ui.administration import admission, views

urlpatterns = [
    path("", views.show_prefect, name="admin"),
    path("prefect/", views.show_prefect, name="prefect"),
    path("prefect/admission/", admission.admit, name="prefect_admission"),
]
