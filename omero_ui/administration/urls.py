"""Addresses below `/flows/admin/`."""

from __future__ import annotations

from django.urls import path

from omero_ui.administration import admission, schedule_views, views

_SCHEDULE = "schedules/<uuid:deployment>/<uuid:schedule>/"

urlpatterns = [
    path("", views.show_health, name="admin"),
    path("look/<str:what>/", views.look, name="admin_look"),
    path("workflows/", views.show_workflows, name="admin_workflows"),
    path("workflows/add/", views.add_workflow, name="admin_add_workflow"),
    path("workflows/remove/<str:name>/", views.remove_workflow, name="admin_remove_workflow"),
    path("imports/", views.show_imports, name="admin_imports"),
    path("imports/change/", views.change_imports, name="admin_change_imports"),
    path("schedules/", schedule_views.show_schedules, name="admin_schedules"),
    path("schedules/preview/", schedule_views.preview, name="admin_preview_schedule"),
    path(f"{_SCHEDULE}change/", schedule_views.change, name="admin_change_schedule"),
    path(f"{_SCHEDULE}turn/<str:how>/", schedule_views.turn, name="admin_turn_schedule"),
    path(f"{_SCHEDULE}start/", schedule_views.start, name="admin_start_schedule"),
    path("prefect/", views.show_prefect, name="prefect"),
    path("prefect/admission/", admission.admit, name="prefect_admission"),
    path("prefect/refused/", admission.refuse, name="prefect_refused"),
]
