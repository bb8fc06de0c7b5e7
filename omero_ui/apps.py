"""Django's name for this app."""

from __future__ import annotations

from django.apps import AppConfig


class OmeroUi(AppConfig):  # type: ignore[misc]  # Django is not typed
    """`omero_ui` in `omero.web.apps`; OMERO.web takes the label as the prefix of its addresses: `/flows/`."""

    name = "omero_ui"
    label = "flows"
    verbose_name = "Flows"
