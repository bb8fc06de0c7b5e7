"""omero.api.ITypes: the enumerations, and which annotation types there are."""

from __future__ import annotations

from typing import Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.model import ModelClass, load_model
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.wire import class_of, find_class, load_all, load_one


@servant(omero.api.ITypes)
class Types(Service):
    def getEnumeration(self, type_name: str, value: str, call: Call) -> Any:  # noqa: N802
        """The entry. Raises omero.ApiUsageException where the enumeration has no such value."""
        found = self.store.find(self._enumeration(type_name).name, value=value)
        if not found:
            raise omero.ApiUsageException(None, None, f"An enum of type {type_name} with value {value} does not exist")
        return load_one(call, found[0])

    def allEnumerations(self, type_name: str, call: Call) -> list[Any]:  # noqa: N802
        return load_all(call, self.store.all(self._enumeration(type_name).name))

    def createEnumeration(self, entry: Any, call: Call) -> Any:  # noqa: N802
        if not call.caller.is_admin:
            raise omero.SecurityViolation(None, None, "enumerations are made by administrators")
        return load_one(call, self.store.enumeration(class_of(entry).name, entry.value.val))

    def getEnumerationTypes(self, call: Call) -> list[str]:  # noqa: N802
        return sorted(model.name for model in load_model().values() if model.is_enumeration)

    def getEnumerationsWithEntries(self, call: Call) -> dict[str, list[Any]]:  # noqa: N802
        return {name: load_all(call, self.store.all(name)) for name in self.getEnumerationTypes(call)}

    def getAnnotationTypes(self, call: Call) -> list[str]:  # noqa: N802
        annotations = load_model()["Annotation"].subtypes
        return sorted(load_model()[name].java_name for name in annotations if not load_model()[name].is_abstract)

    def _enumeration(self, type_name: str) -> ModelClass:
        model = find_class(type_name)
        if not model.is_enumeration:
            raise omero.ApiUsageException(None, None, f"{type_name} is no enumeration")
        return model
