"""Which services there are, by the names under which clients ask for them. The one place that imports them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import omero.api
import omero.grid

from sandbox.omero.servant import Service, StatefulService


@dataclass(frozen=True)
class Entry:
    """A service and how to cast the untyped proxy of one."""

    service_class: type[Service]
    proxy_class: Any


def _entries(places: Mapping[str, str]) -> dict[str, Entry]:
    found = {}
    for name, place in places.items():
        module_name, _, class_name = place.partition(":")
        service_class = getattr(import_module(f"sandbox.omero.{module_name}"), class_name)
        package = omero.grid if name.startswith("omero.grid.") else omero.api
        found[name] = Entry(service_class, getattr(package, name.rpartition(".")[2] + "Prx"))
    return found


#: One object a session.
STATELESS: Mapping[str, Entry] = _entries(
    {
        "omero.api.ServiceFactory": "services.service_factory:ServiceFactory",
        "omero.api.IAdmin": "services.admin:Admin",
        "omero.api.IConfig": "services.config:Config",
        "omero.api.IContainer": "services.container:Container",
        "omero.api.ILdap": "services.ldap:Ldap",
        "omero.api.IMetadata": "services.metadata:Metadata",
        "omero.api.IPixels": "pixels_service:PixelsService",
        "omero.api.IQuery": "services.query:Query",
        "omero.api.IRenderingSettings": "rendering_settings_service:RenderingSettingsService",
        "omero.api.IRepositoryInfo": "services.repository_info:RepositoryInfo",
        "omero.api.IRoi": "services.roi:Roi",
        "omero.api.IScript": "services.script:Script",
        "omero.api.ISession": "services.session:SessionService",
        "omero.api.IShare": "services.share:Share",
        "omero.api.ITimeline": "services.timeline:Timeline",
        "omero.api.ITypes": "services.types:Types",
        "omero.api.IUpdate": "services.update:Update",
        "omero.grid.SharedResources": "shared_resources:SharedResources",
        "omero.grid.ManagedRepository": "repository:ManagedRepository",
    }
)

#: A new object for every `createByName`; made with (server, session).
STATEFUL: Mapping[str, Entry] = _entries(
    {
        "omero.api.Search": "services.search:Search",
        "omero.api.RawFileStore": "raw_files:RawFileStore",
        "omero.api.RawPixelsStore": "raw_pixels:RawPixelsStore",
        "omero.api.RenderingEngine": "rendering_engine:RenderingEngine",
        "omero.api.ThumbnailStore": "thumbnails:ThumbnailStore",
    }
)

assert all(not issubclass(entry.service_class, StatefulService) for entry in STATELESS.values())
assert all(issubclass(entry.service_class, StatefulService) for entry in STATEFUL.values())
