"""Addresses below `/flows/analyse/`."""

from __future__ import annotations

from django.urls import path

from omero_ui.analyses import input_views, run_views, views

urlpatterns = [
    path("", views.show_cards, name="analyse"),
    path("tree/", input_views.show_tree, name="analyse_tree"),
    path("tree/<str:kind>/<int:id>/", input_views.show_children, name="analyse_children"),
    path("choice/", input_views.change, name="analyse_choice"),
    path("again/<uuid:token>/", views.begin_again, name="analyse_again"),
    path("workflows/<str:name>/", views.show_dialog, name="analyse_dialog"),
    path("workflows/<str:name>/parameters/", views.show_parameters, name="analyse_parameters"),
    path("workflows/<str:name>/check/", run_views.check, name="analyse_check"),
    path("workflows/<str:name>/run/", run_views.place, name="analyse_run"),
]
