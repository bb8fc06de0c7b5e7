"""omero.api.ServiceFactory: a session as its client sees it, and the way to all other services."""

from __future__ import annotations

from typing import Any

import omero
import omero.api
import omero.cmd
import omero.grid

from sandbox.omero.calls import Call
from sandbox.omero.commands import handle, requests
from sandbox.omero.materialise import Materialiser
from sandbox.omero.servant import Service, refusal, servant
from sandbox.omero.services import registry


@servant(omero.api.ServiceFactory)
class ServiceFactory(Service):
    """Not in one transaction: it hands out proxies and starts work that makes its own."""

    transactional = False

    # ---- services

    def getByName(self, name: str, call: Call) -> Any:  # noqa: N802
        return omero.api.ServiceInterfacePrx.uncheckedCast(self._stateless(name))

    def createByName(self, name: str, call: Call) -> Any:  # noqa: N802
        return omero.api.StatefulServiceInterfacePrx.uncheckedCast(self._stateful(name))

    def sharedResources(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.grid.SharedResources")

    def _stateless(self, name: str) -> Any:
        if name not in registry.STATELESS:
            self.server.counts.refused("ServiceFactory", name)
            raise refusal(f"a service {name}")
        return self.server.proxy(self.session.uuid, name)

    def _stateful(self, name: str) -> Any:
        entry = registry.STATEFUL.get(name)
        if entry is None:
            self.server.counts.refused("ServiceFactory", name)
            raise refusal(f"a service {name}")
        service = entry.service_class(self.server, self.session)
        return self.server.add_stateful(self.session, service, name)  # type: ignore[arg-type]

    def _typed(self, name: str) -> Any:
        """The proxy of a service, cast to its own type."""
        if name in registry.STATEFUL:
            return registry.STATEFUL[name].proxy_class.uncheckedCast(self._stateful(name))
        proxy = self._stateless(name)
        return registry.STATELESS[name].proxy_class.uncheckedCast(proxy)

    def getAdminService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IAdmin")

    def getConfigService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IConfig")

    def getContainerService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IContainer")

    def getLdapService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.ILdap")

    def getMetadataService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IMetadata")

    def getPixelsService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IPixels")

    def getProjectionService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IProjection")

    def getQueryService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IQuery")

    def getRenderingSettingsService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IRenderingSettings")

    def getRepositoryInfoService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IRepositoryInfo")

    def getRoiService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IRoi")

    def getScriptService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IScript")

    def getSessionService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.ISession")

    def getShareService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IShare")

    def getTimelineService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.ITimeline")

    def getTypesService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.ITypes")

    def getUpdateService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.IUpdate")

    def createExporter(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.Exporter")

    def createJobHandle(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.JobHandle")

    def createRawFileStore(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.RawFileStore")

    def createRawPixelsStore(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.RawPixelsStore")

    def createRenderingEngine(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.RenderingEngine")

    def createSearchService(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.Search")

    def createThumbnailStore(self, call: Call) -> Any:  # noqa: N802
        return self._typed("omero.api.ThumbnailStore")

    # ---- the session's life

    def setCallback(self, callback: Any, call: Call) -> None:  # noqa: N802
        """Accepted and not used: the embedded OMERO asks no client for a heartbeat."""

    def closeOnDestroy(self, call: Call) -> None:  # noqa: N802
        self.server.connections.of(call.connection).detached = False

    def detachOnDestroy(self, call: Call) -> None:  # noqa: N802
        """The session keeps this client's reference when the client leaves."""
        self.server.connections.of(call.connection).detached = True

    def destroy(self, call: Call) -> None:
        """Part of Glacier2's session; clients leave through the router."""

    def activeServices(self, call: Call) -> list[str]:  # noqa: N802
        return self.session.service_names()

    def keepAlive(self, service: Any, call: Call) -> bool:  # noqa: N802
        """Whether the service is there; that the call arrived keeps the session itself alive."""
        return service is None or self._is_alive(service)

    def keepAllAlive(self, services: list[Any], call: Call) -> int:  # noqa: N802
        """A bit for each of the services that is gone, as OMERO.server answers; 0 is all well."""
        gone = 0
        for index, service in enumerate(services or []):
            if service is not None and not self._is_alive(service):
                gone |= 1 << index
        return gone

    def _is_alive(self, service: Any) -> bool:
        name = service.ice_getIdentity().name
        is_factory = name == self.session.uuid
        return is_factory or name in registry.STATELESS or self.session.service(name) is not None

    # ---- groups

    def getSecurityContexts(self, call: Call) -> list[Any]:  # noqa: N802
        """The groups that the session can work in."""
        with self.store.lock:
            materialiser = Materialiser(self.store, call.caller)
            groups = [membership.values["parent"] for membership in self.server.accounts.memberships(self.session.user)]
            for group in groups:
                materialiser.load(group)
            return [materialiser.ice(group) for group in groups]

    def setSecurityContext(self, target: Any, call: Call) -> Any:  # noqa: N802
        """Work in another group from now on; returns the group until now.

        Raises omero.SecurityViolation for a group that the user is no member of, and while stateful services are
        open, because they belong to the old group.
        """
        if not isinstance(target, omero.model.ExperimenterGroup):
            raise omero.ApiUsageException(None, None, "the only security contexts known are groups")
        open_services = self.session.service_names()
        if open_services:
            raise omero.SecurityViolation(None, None, f"stateful services are open: {', '.join(open_services)}")
        with self.store.lock:
            group = self.store.get("ExperimenterGroup", target.id.val)
            if group is None or not self.server.accounts.may_work_in(self.session.user, group):
                raise omero.SecurityViolation(None, None, f"no member of group {target.id.val}")
            materialiser = Materialiser(self.store, call.caller)
            before, self.session.group = self.session.group, group
            return materialiser.ice(before)

    def setSecurityPassword(self, password: str, call: Call) -> None:  # noqa: N802
        """Accept the user's own password, as OMERO.server does before it lets a session do more."""
        if self.server.accounts.authenticate(str(self.session.user.values["omeName"]), password) is None:
            raise omero.SecurityViolation(None, None, "Bad password")

    # ---- requests

    def submit(self, request: Any, call: Call) -> Any:
        """Start a request in the background and return its handle."""
        call.caller  # noqa: B018 - a context that the user may not use is refused before anything starts
        return handle.start(self.server, self.session, call, request, requests.work_of(request))
