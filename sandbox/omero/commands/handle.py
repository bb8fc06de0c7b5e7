"""The handle of a request that goes on after it was submitted: its progress, its response, its callbacks."""

from __future__ import annotations

import logging
import threading
import traceback
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import Ice
import omero
import omero.cmd

from sandbox.omero.calls import Call
from sandbox.omero.servant import StatefulService, servant

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session

log = logging.getLogger("sandbox.omero.commands")

#: The work of a request: reports progress through the handle and returns the response (omero.cmd.ERR for a failure).
Work = Callable[["Handle"], Any]


@servant(omero.cmd.Handle)
class Handle(StatefulService):
    """One submitted request. The response stays readable until the client closes the handle or the session ends."""

    def __init__(self, server: EmbeddedOmero, session: Session, request: Any, call: Call) -> None:
        super().__init__(server, session)
        self.request = request
        self.call = call
        self._lock = threading.Lock()
        self._response: Any = None
        self._status: Any = omero.cmd.Status(steps=1, currentStep=0, startTime=0, stopTime=0, flags=[])
        self._callbacks: list[Any] = []

    # ---- for the client; names are OMERO's

    def addCallback(self, callback: Any, call: Call) -> None:  # noqa: N802
        """Call back when a step is done and when all is. A request that is done already calls back at once."""
        if callback is None:
            return
        # The client has no endpoint of its own: it is reached over the connection that it opened.
        back = call.connection.createProxy(callback.ice_getIdentity())
        proxy = omero.cmd.CmdCallbackPrx.uncheckedCast(back)
        with self._lock:
            self._callbacks.append(proxy)
            response, status = self._response, self._status
        if response is not None:
            self._tell_finished(proxy, response, status)

    def removeCallback(self, callback: Any, call: Call) -> None:  # noqa: N802
        with self._lock:
            self._callbacks = [p for p in self._callbacks if p.ice_getIdentity() != callback.ice_getIdentity()]

    def getRequest(self, call: Call) -> Any:  # noqa: N802
        return self.request

    def getResponse(self, call: Call) -> Any:  # noqa: N802
        """The response, or None while the work goes on."""
        return self._response

    def getStatus(self, call: Call) -> Any:  # noqa: N802
        return self._status

    def cancel(self, call: Call) -> bool:
        """False: a request is one transaction, which is never stopped half-way."""
        return False

    # ---- for the work

    def step(self, done: int, total: int) -> None:
        """Tell the clients that wait how far the work is."""
        with self._lock:
            self._status.currentStep, self._status.steps = done, total
            callbacks = list(self._callbacks)
        for proxy in callbacks:
            try:
                proxy.begin_step(done, total)
            except Ice.Exception:  # a client that went away misses a step and nothing else
                log.debug("a client does not hear about step %d", done, exc_info=True)

    def run(self, work: Work) -> None:
        """Do the work and publish its response. Never raises: a failure is a response of type omero.cmd.ERR."""
        try:
            response = work(self)
        except omero.ServerError as refused:
            response = error_response(self.request, type(refused).__name__, message=refused.message)
        except Exception as error:
            log.exception("%s failed", self.request.ice_id())
            self.server.counts.failed("cmd", type(self.request).__name__, repr(error))
            response = error_response(
                self.request, type(error).__name__, message=str(error), stacktrace=traceback.format_exc()
            )
        self._publish(response)

    def _publish(self, response: Any) -> None:
        failed = isinstance(response, omero.cmd.ERR)
        outcome = omero.cmd.State.FAILURE if failed else omero.cmd.State.SUCCESS
        with self._lock:
            self._status.currentStep = self._status.steps
            self._status.flags = [omero.cmd.State.ALL, outcome]
            self._response = response
            callbacks, status = list(self._callbacks), self._status
        for proxy in callbacks:
            self._tell_finished(proxy, response, status)

    def _tell_finished(self, proxy: Any, response: Any, status: Any) -> None:
        try:
            proxy.begin_finished(response, status)
        except Ice.Exception:
            log.debug("a client does not hear that %s is done", type(self.request).__name__, exc_info=True)


def error_response(request: Any, name: str, **parameters: str) -> Any:
    """An omero.cmd.ERR as OMERO.server answers it: the request's type, the kind of failure, what is known of it."""
    return omero.cmd.ERR(category=request.ice_id(), name=name, parameters=parameters)


def start(server: EmbeddedOmero, session: Session, call: Call, request: Any, work: Work) -> Any:
    """Run `work` in the background and return the proxy of its handle (omero.cmd.HandlePrx) at once."""
    handle = Handle(server, session, request, call.in_background())
    name = f"{uuid.uuid4()}omero.cmd.Handle"
    session.add_service(name, handle)
    server.run_in_background(lambda: handle.run(work))
    return omero.cmd.HandlePrx.uncheckedCast(server.proxy(session.uuid, name))
