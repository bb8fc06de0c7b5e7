"""Addresses below `/flows/runs/`."""

from __future__ import annotations

from django.urls import path

from omero_ui.runs import views

urlpatterns = [
    path("", views.show_runs, name="runs"),
    path("<uuid:token>/", views.show_run, name="run"),
]
