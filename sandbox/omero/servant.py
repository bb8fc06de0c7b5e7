"""Plain Python classes as Ice servants: `@servant(omero.api.IQuery) class Query(Service)`.

A service is written as ordinary methods that take the operation's arguments and a `Call`. The decorator reads which
operations the interface has from the generated Slice module itself and builds the Ice servant that stands in front
of the service object, whether the operation is dispatched asynchronously (AMD) or not. The servant

* runs the method in one transaction of the store unless the service says otherwise (`transactional = False`);
* turns a failure into the exception that OMERO.server's clients know;
* refuses by name, and counts, what the service does not implement. Nothing is answered by a guess.

Service and servant are two objects on purpose: the methods of a generated servant take Ice's own arguments and would
hide a service's methods of the same name.
"""

from __future__ import annotations

import ast
import functools
import keyword
import logging
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import Ice
import omero

from sandbox.omero.calls import Call
from sandbox.omero.hql import HqlError
from sandbox.omero.store import StoreError

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session
    from sandbox.omero.store import Store

log = logging.getLogger("sandbox.omero")


@dataclass(frozen=True)
class Operation:
    """One operation of a Slice interface, as its generated module declares it."""

    name: str
    asynchronous: bool
    returns: int
    """How many values the caller gets: the result, if there is one, and the out-parameters."""

    @property
    def python_name(self) -> str:
        """Slice's name; names that Python reserves (`and`, `not`) carry an underscore in generated code."""
        return f"_{self.name}" if keyword.iskeyword(self.name) else self.name


@functools.cache
def _declared_operations(path: str) -> Mapping[str, Mapping[str, Operation]]:
    """Interface name -> its own operations, from one generated module.

    `IcePy.Operation` objects tell nothing about themselves, so the declaration is read from the module's source:
    `IQuery._op_get = IcePy.Operation(name, mode, sendMode, amd, format, metadata, in, out, returns, exceptions)`.
    """
    with open(path, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    declared: dict[str, dict[str, Operation]] = {}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        target = node.targets[0]
        if not (isinstance(target, ast.Attribute) and target.attr.startswith("_op_")):
            continue
        name, _, _, amd, _, _, _, outputs, result = node.value.args[:9]
        assert isinstance(target.value, ast.Name) and isinstance(name, ast.Constant) and isinstance(amd, ast.Constant)
        assert isinstance(outputs, ast.Tuple)
        has_result = not (isinstance(result, ast.Constant) and result.value is None)
        operation = Operation(str(name.value), bool(amd.value), len(outputs.elts) + has_result)
        declared.setdefault(target.value.id, {})[operation.name] = operation
    return declared


@functools.cache
def operations(interface: type) -> Mapping[str, Operation]:
    """All operations of a generated interface, inherited ones included, by Slice name."""
    found: dict[str, Operation] = {}
    for ancestor in interface.__mro__:
        own = vars(ancestor).get("ice_id")
        if own is None or ancestor is Ice.Object:
            continue
        declared = _declared_operations(own.__code__.co_filename)
        for name, operation in declared.get(ancestor.__name__, {}).items():
            found.setdefault(name, operation)
    return found


class Service:
    """What a client's session can call. One object per session; `call` says who asks and in which group."""

    interface: ClassVar[Any] = None
    servant_class: ClassVar[Any] = None
    """The generated Ice servant of this service; `@servant` makes it."""
    transactional: ClassVar[bool] = True
    """Whether every call runs inside one store transaction (and so holds the store's lock)."""

    def __init__(self, server: EmbeddedOmero, session: Session) -> None:
        self.server = server
        self.session = session

    @property
    def store(self) -> Store:
        return self.server.store


class StatefulService(Service):
    """A service that remembers something between calls; it lives until `close` or the end of its session.

    Its calls are not wrapped in a transaction, because they read files and pixels: take
    `with self.store.transaction():` around what touches the store.
    """

    transactional: ClassVar[bool] = False

    def released(self) -> None:
        """Called once when the service is closed or its session ends; override to free what is held."""

    def activate(self, call: Call) -> None:
        """Part of OMERO's stateful interface; there is nothing to wake up here."""

    def passivate(self, call: Call) -> None:
        """Part of OMERO's stateful interface; nothing is swapped out here."""

    def close(self, call: Call) -> None:
        self.session.remove_service(call.identity_name)

    def getCurrentEventContext(self, call: Call) -> omero.sys.EventContext:  # noqa: N802 - the interface's own name
        return self.session.event_context(call.caller)


AnyService = TypeVar("AnyService", bound=Service)


def servant(interface: Any) -> Callable[[type[AnyService]], type[AnyService]]:
    """Class decorator: the service answers the operations of the generated `interface`.

    Raises TypeError for a public method in OMERO's spelling (camelCase) that is no operation of the interface: a
    misspelt operation would otherwise be refused at run time as unknown.
    """
    known = {operation.python_name for operation in operations(interface).values()}
    if not known:
        raise TypeError(f"{interface.__name__} is no Slice interface with operations")

    def decorate(service_class: type[AnyService]) -> type[AnyService]:
        for name, member in vars(service_class).items():
            if callable(member) and not name.startswith("_") and name.lower() != name and name not in known:
                raise TypeError(f"{service_class.__name__}.{name} is no operation of {interface.__name__}")
        service_class.interface = interface
        service_class.servant_class = _servant_class(service_class)
        return service_class

    return decorate


def ice_servant(service: Service) -> Any:
    """The Ice object in front of a service; one per service object."""
    existing = vars(service).get("_ice_servant")
    if existing is None:
        if service.servant_class is None:
            raise TypeError(f"{type(service).__name__} is no servant: it names no Slice interface")
        existing = service.servant_class(service)
        vars(service)["_ice_servant"] = existing
    return existing


def _servant_class(service_class: type[Service]) -> type:
    interface = service_class.interface

    def initialise(self: Any, service: Service) -> None:
        interface.__init__(self)
        self.service = service

    members: dict[str, Any] = {"__init__": initialise}
    for operation in operations(interface).values():
        if operation.asynchronous:
            members[operation.python_name + "_async"] = _asynchronous_entry(operation)
        else:
            members[operation.python_name] = _synchronous_entry(operation)
    return type(f"{service_class.__name__}Servant", (interface,), members)


def _asynchronous_entry(operation: Operation) -> Callable[..., None]:
    def answer(self: Any, callback: Any, *arguments: Any) -> None:
        try:
            result = dispatch(self.service, operation, arguments[:-1], arguments[-1])
        except Exception as error:  # noqa: BLE001 - every failure is the client's to see
            callback.ice_exception(error)
            return
        if operation.returns == 0:
            callback.ice_response()
        elif operation.returns == 1:
            callback.ice_response(result)
        else:
            callback.ice_response(*result)

    return answer


def _synchronous_entry(operation: Operation) -> Callable[..., Any]:
    def answer(self: Any, *arguments: Any) -> Any:
        return dispatch(self.service, operation, arguments[:-1], arguments[-1])

    return answer


def dispatch(service: Service, operation: Operation, arguments: tuple[Any, ...], current: Any) -> Any:
    """Run one operation of a service and return its result, or raise what the client shall see."""
    server, interface_name = service.server, service.interface.__name__
    server.counts.called(interface_name, operation.name)
    implementation = getattr(service, operation.python_name, None)
    if implementation is None:
        server.counts.refused(interface_name, operation.name)
        log.warning("refused %s.%s: not known to the embedded OMERO", interface_name, operation.name)
        raise refusal(f"{interface_name}.{operation.name}")
    call = Call(server, service.session, current)
    server.brakes.stand(f"{interface_name}.{operation.name}.before", service.session.uuid)
    try:
        with server.store.transaction() if service.transactional else nullcontext():
            result = implementation(*arguments, call=call)
        server.brakes.stand(f"{interface_name}.{operation.name}.after", service.session.uuid)
        return result
    except (Ice.Exception, omero.ServerError):
        raise
    except HqlError as error:
        server.counts.failed(interface_name, operation.name, str(error))
        log.warning("%s.%s refused a query: %s", interface_name, operation.name, error)
        raise omero.QueryException(None, "ome.services.query.QueryException", f"Illegal query: {error}") from error
    except StoreError as error:
        server.counts.failed(interface_name, operation.name, str(error))
        log.warning("%s.%s refused by the store: %s", interface_name, operation.name, error)
        raise omero.ValidationException(None, type(error).__name__, str(error)) from error
    except Exception as error:
        server.counts.failed(interface_name, operation.name, repr(error))
        log.exception("%s.%s failed", interface_name, operation.name)
        raise omero.InternalException(traceback.format_exc(), type(error).__name__, str(error)) from error


def refusal(what: str) -> omero.InternalException:
    """The exception for something OMERO.server knows and the embedded OMERO does not."""
    return omero.InternalException(None, "UnknownOperation", f"the embedded OMERO does not know {what}")
