"""Addresses below `/flows/forms/`. A form's name may hold any character, so it is asked for as `?form=`."""

from __future__ import annotations

from django.urls import path

from omero_ui.forms import design_views, views

urlpatterns = [
    path("", views.show_forms, name="forms"),
    path("object/", views.find_object, name="find_object"),
    path("<str:object_type>/<int:object_id>/", views.show_object, name="object_forms"),
    path("<str:object_type>/<int:object_id>/fill-in/", views.fill_in, name="fill_in"),
    path("design/", design_views.design, name="design_form"),
    path("design/check/", design_views.check, name="check_form"),
    path("assign/", design_views.assign, name="assign_form"),
]
