"""Addresses below `/flows/import/`."""

from __future__ import annotations

from django.urls import path

from omero_ui.imports import form_views, list_views, tree_views, upload_views, views

urlpatterns = [
    path("", views.show_page, name="import"),
    path("folder/", views.show_folder, name="import_folder"),
    path("contents/", views.show_contents, name="import_contents"),
    path("tree/", tree_views.show_tree, name="import_tree"),
    path("tree/projects/<int:project>/", tree_views.show_datasets, name="import_datasets"),
    path("tree/new/", tree_views.create, name="import_create"),
    path("forms/", form_views.show_forms, name="import_forms"),
    path("forms/fields/", form_views.show_fields, name="import_fields"),
    path("list/", list_views.change, name="import_list"),
    path("order/", list_views.place, name="import_place"),
    path("uploads/", upload_views.uploads, name="uploads"),
    path("uploads/<int:group>/<str:id>/", upload_views.upload, name="upload"),
]
