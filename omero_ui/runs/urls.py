"""Addresses below `/flows/runs/`."""

from __future__ import annotations

from django.urls import path

from omero_ui.runs import charts_view, views

urlpatterns = [
    path("", views.show_runs, name="runs"),
    path("changes/", views.show_changes, name="run_changes"),
    path("charts/", charts_view.show_charts, name="charts"),
    path("charts/storage/", charts_view.show_storage, name="chart_of_storage"),
    path("charts/use/", charts_view.show_use, name="chart_of_use"),
    path("<uuid:token>/", views.show_run, name="run"),
    path("<uuid:token>/now/", views.show_run_now, name="run_now"),
    path("<uuid:token>/log/", views.show_log, name="run_log"),
    path("<uuid:token>/log.txt", views.download_log, name="run_log_file"),
    path("<uuid:token>/cancel/", views.cancel_run, name="cancel_run"),
    path("<uuid:token>/retry/", views.retry_run, name="retry_run"),
    path("<uuid:token>/repeat/", views.repeat_run, name="repeat_run"),
]
