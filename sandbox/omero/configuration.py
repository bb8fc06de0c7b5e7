"""OMERO.server's settings as clients may ask for them (`IConfig`): the defaults, and what an admin changed.

Source of names and defaults: OMERO's published configuration glossary. Only settings that OMERO's clients ask for
are listed; one that is not listed and was not set is the empty string, as on OMERO.server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.omero.store import Store

#: The version of OMERO.server whose behaviour is followed; OMERO.web compares the major part with its own.
OMERO_VERSION = "5.6.14"

#: Settings that clients may read without being told the server's own ones.
_FOR_CLIENTS = "omero.client."

DEFAULTS: Mapping[str, str] = {
    "omero.version": OMERO_VERSION,
    "omero.upgrades.url": "",  # nothing of a test server is reported anywhere
    "omero.mail.config": "false",
    "omero.fs.repo.path": "%user%_%userId%//%year%-%month%/%day%/%time%",
    "omero.pixeldata.max_plane_width": "3192",
    "omero.pixeldata.max_plane_height": "3192",
    "omero.pixeldata.max_projection_bytes": "268435456",
    "omero.qa.feedback": "",
    "omero.sessions.timeout": "600000",
    "omero.security.password_required": "true",
    "omero.client.browser.thumb_default_size": "96",
    "omero.client.download_as.max_size": "144000000",
    "omero.client.scripts_to_ignore": "",
    "omero.client.ui.menu.dropdown.colleagues.enabled": "true",
    "omero.client.ui.menu.dropdown.colleagues.label": "Members",
    "omero.client.ui.menu.dropdown.everyone.enabled": "true",
    "omero.client.ui.menu.dropdown.everyone.label": "All Members",
    "omero.client.ui.menu.dropdown.leaders.enabled": "true",
    "omero.client.ui.menu.dropdown.leaders.label": "Owners",
    "omero.client.ui.tree.orphans.description": "This is a virtual container with orphaned images. These images are "
    "not linked anywhere. Just drag them to the selected container.",
    "omero.client.ui.tree.orphans.enabled": "true",
    "omero.client.ui.tree.orphans.name": "Orphaned Images",
    "omero.client.ui.tree.type_order": "tagset,tag,project,dataset,screen,plate,acquisition,image",
    "omero.client.viewer.initial_zoom_level": "0",
    "omero.client.viewer.interpolate_pixels": "true",
    "omero.client.viewer.roi_limit": "2000",
    "omero.client.web.host": "",
}


class Configuration:
    """The settings of one server; changes are kept in its store."""

    def __init__(self, store: Store, own: Mapping[str, str]) -> None:
        """`own` are the settings that follow from how this server was started (its ports)."""
        self._store = store
        self._defaults = {**DEFAULTS, **own}

    def get(self, name: str) -> str:
        """The setting's value; '' where there is none."""
        changed = self._store.setting("config:" + name)
        return self._defaults.get(name, "") if changed is None else str(changed)

    def set(self, name: str, value: str) -> None:
        self._store.remember("config:" + name, value)

    def matching(self, pattern: str) -> dict[str, str]:
        """Every default setting whose name the regular expression matches from its start."""
        expression = re.compile(pattern)
        return {name: self.get(name) for name in self._defaults if expression.match(name)}

    def for_clients(self) -> dict[str, str]:
        return {name: self.get(name) for name in self._defaults if name.startswith(_FOR_CLIENTS)}

    def defaults(self, prefix: str = "") -> dict[str, str]:
        return {name: value for name, value in self._defaults.items() if name.startswith(prefix)}
