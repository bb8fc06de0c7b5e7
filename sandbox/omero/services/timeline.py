"""omero.api.ITimeline: what was made when."""

from __future__ import annotations

from typing import Any

import omero
import omero.api
import omero.model
from omero.rtypes import rlong, rstring

from sandbox.omero.calls import Call
from sandbox.omero.records import Record
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.wire import QueryParameters, find_class, load_all

#: The types that OMERO.server looks at when a client names none.
_TYPES = ("Project", "Dataset", "Image")

_PATHS = ("details.owner", "details.creationEvent", "details.updateEvent")


@servant(omero.api.ITimeline)
class Timeline(Service):
    def getByPeriod(
        self,
        types: list[str],
        start: Any,
        end: Any,
        parameters: Any,
        merge: bool,  # noqa: N802
        call: Call,
    ) -> dict[str, list[Any]]:
        given = QueryParameters.of(parameters, self.store)
        return {
            name: load_all(call, given.cut(self._in_period(name, start, end, given, call)), _PATHS)
            for name in types or _TYPES
        }

    def countByPeriod(self, types: list[str], start: Any, end: Any, parameters: Any, call: Call) -> dict[str, int]:  # noqa: N802
        given = QueryParameters.of(parameters, self.store)
        return {name: len(self._in_period(name, start, end, given, call)) for name in types or _TYPES}

    def getMostRecentObjects(self, types: list[str], parameters: Any, merge: bool, call: Call) -> dict[str, list[Any]]:  # noqa: N802
        """The newest objects first; with `merge`, the limit counts over all types together."""
        given = QueryParameters.of(parameters, self.store)
        found = {name: self._in_period(name, None, None, given, call) for name in types or _TYPES}
        if merge and given.limit is not None:
            newest = sorted((r for records in found.values() for r in records), key=_made, reverse=True)[: given.limit]
            found = {name: [r for r in records if r in newest] for name, records in found.items()}
        return {name: load_all(call, records[: given.limit], _PATHS) for name, records in found.items()}

    def getMostRecentAnnotationLinks(
        self,
        parents: list[str],
        children: list[str],
        namespaces: list[str],  # noqa: N802
        parameters: Any,
        call: Call,
    ) -> list[Any]:
        given = QueryParameters.of(parameters, self.store)
        kinds = {find_class(name).name for name in children or ("Annotation",)}
        links = []
        for parent in parents or _TYPES:
            for link in self.store.all(f"{find_class(parent).name}AnnotationLink"):
                child = link.values["child"]
                fits = kinds & set(child.model.supertypes) and (not namespaces or child.values.get("ns") in namespaces)
                if fits and call.caller.visible(link) and given.accepts(link):
                    links.append(link)
        links.sort(key=_made, reverse=True)
        return load_all(call, links[: given.limit], ["parent", "child", *_PATHS])

    def getMostRecentShareCommentLinks(self, parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        """None: there are no shares."""
        return []

    def getEventLogsByPeriod(self, start: Any, end: Any, parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        """An entry for each project, dataset and image made in the period, as the calendar shows them."""
        given = QueryParameters.of(parameters, self.store)
        entries = []
        for name in _TYPES:
            for record in self._in_period(name, start, end, given, call):
                [event] = load_all(call, [record.creation_event]) if record.creation_event is not None else [None]
                entry = omero.model.EventLogI()
                entry.entityType, entry.entityId = rstring(record.model.java_name), rlong(record.id)
                entry.action, entry.event = rstring("INSERT"), event
                entries.append(entry)
        return entries[: given.limit]

    def _in_period(self, type_name: str, start: Any, end: Any, given: QueryParameters, call: Call) -> list[Record]:
        """The visible objects made in the period (RTime or None), newest first."""
        first, last = start.val if start is not None else None, end.val if end is not None else None
        found = [
            record
            for record in self.store.all(find_class(type_name).name)
            if call.caller.visible(record)
            and given.accepts(record)
            and (first is None or _made(record) >= first)
            and (last is None or _made(record) <= last)
        ]
        return sorted(found, key=_made, reverse=True)


def _made(record: Record) -> int:
    """When the record was made, in milliseconds since 1970; 0 where nobody noted it."""
    event = record.creation_event
    return int(event.values.get("time", 0)) if event is not None else 0
