"""Saving a graph of objects as a client sent it, as Hibernate merges one.

* An unloaded object is a reference, a loaded one is written: new without an id, else every field of the row
  (a field that is null in the object becomes null in the row). Loaded collections and references are followed.
* A loaded object that the caller may not change is let through if nothing in it differs; a difference is a
  SecurityViolation. Only rows that differ get a new update event.
* A loaded object that was changed since the client read it is an OptimisticLockException.
* A new reference to another user's object asks for the right that OMERO's permissions table names: to annotate for
  annotations and ROIs, else to link. Objects of two groups are never joined.

Rows removed from a loaded collection stay, as they do on OMERO.server: deleting is a request of its own.
"""

from __future__ import annotations

from typing import Any

import omero

from sandbox.omero.calls import Call
from sandbox.omero.materialise import version_of
from sandbox.omero.model import Field, FieldKind, ModelClass
from sandbox.omero.permissions import ANNOTATE, EDIT, LINK, USER_GROUP
from sandbox.omero.records import NamedValue, Quantity, Record
from sandbox.omero.services.wire import class_of, need

#: Rows that IUpdate never makes or changes: they have services of their own.
_SYSTEM_CLASSES = frozenset(
    {
        "Experimenter",
        "ExperimenterGroup",
        "GroupExperimenterMap",
        "Session",
        "Share",
        "Event",
        "EventLog",
        "Node",
        "DBPatch",
    }
)

#: What may hang on another user's object with less than the right to link to it. None: being able to read it is enough.
_RIGHTS_TO_REFER: dict[str, int | None] = {
    "Roi": ANNOTATE,
    "FileAnnotation": ANNOTATE,
    "RenderingDef": None,
    "Thumbnail": None,
}


class Saver:
    """Saves the objects of one call; the same object met twice is saved once."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.store = call.server.store
        self.saved: dict[int, Record] = {}
        self.created: set[Record] = set()
        self.collections: dict[Record, dict[str, list[Record]]] = {}
        self._kept: list[Any] = []

    def save(self, ice_object: Any) -> Record:
        """The record of the object, after saving it and what hangs on it.

        Raises omero.ValidationException for a reference to a row that is not there or a link that exists,
        omero.SecurityViolation for what the caller may not do, omero.ApiUsageException for system objects.
        """
        known = self.saved.get(id(ice_object))
        if known is not None:
            return known
        self._kept.append(ice_object)  # an id() is only good while the object lives
        model = class_of(ice_object)
        if not ice_object.isLoaded():
            return self._remember(ice_object, self._referred(model, ice_object))
        if ice_object.id is None:
            if model.is_enumeration:
                entry = self.store.enumeration(model.name, ice_object.value.val)
                return self._remember(ice_object, entry)
            record = self._create(model, ice_object)
            self._remember(ice_object, record)
            self._fill(record, ice_object)
            self._refuse_second_link(record)
        else:
            record = self._remember(ice_object, self._referred(model, ice_object))
            self._refuse_stale(record, ice_object)
            self._update(record, ice_object)
        self._save_collections(record, ice_object)
        return record

    def materialise(self, materialiser: Any) -> None:
        """Load into the materialiser what was saved, with the collections that were sent loaded."""
        for record in self.saved.values():
            materialiser.load(record)
        for record, collections in self.collections.items():
            for name, members in collections.items():
                materialiser.begin_collection(record, name)
                for member in members:
                    materialiser.add_to_collection(record, name, member)

    # ---- one object

    def _remember(self, ice_object: Any, record: Record) -> Record:
        self.saved[id(ice_object)] = record
        return record

    def _referred(self, model: ModelClass, ice_object: Any) -> Record:
        if ice_object.id is None:
            raise omero.ValidationException(None, None, f"an unloaded {model.name} without id refers to nothing")
        record = need(self.store, model.name, ice_object.id.val)
        if not self.call.caller.visible(record) and not self._is_readable_elsewhere(record):
            raise omero.SecurityViolation(None, None, f"Cannot read {model.java_name}:Id_{record.id}")
        return record

    def _is_readable_elsewhere(self, record: Record) -> bool:
        """Readable, but in another group than the call's: the refusal is then about joining groups."""
        reading = "all" if record.group is None else self.call.caller.decide_membership_reading(record.group)
        return reading == "all" or (reading == "own" and record.owner is self.call.caller.user)

    def _create(self, model: ModelClass, ice_object: Any) -> Record:
        if model.name in _SYSTEM_CLASSES:
            raise omero.SecurityViolation(None, None, f"{model.name} is not made by saving: use IAdmin or ISession")
        caller = self.call.caller
        owner, group = caller.user, caller.group
        details = ice_object.details
        if details is not None and details.group is not None and details.group.id is not None:
            group = need(self.store, "ExperimenterGroup", details.group.id.val)
        if details is not None and details.owner is not None and details.owner.id is not None:
            owner = need(self.store, "Experimenter", details.owner.id.val)
        if owner is not caller.user and "WriteOwned" not in caller.privileges:
            raise omero.SecurityViolation(None, None, f"only administrators make objects of {owner}")
        if group.id not in caller.member_of and "WriteOwned" not in caller.privileges:
            raise omero.SecurityViolation(None, None, f"no member of {group} and so not allowed to write in it")
        record = self.store.create(model.name, owner=owner, group=group, event=self.call.event())
        self.created.add(record)
        return record

    def _fill(self, record: Record, ice_object: Any) -> None:
        for field, value in self._sent_values(record, ice_object):
            if isinstance(value, Record):
                self._check_reference(record, field, value)
            if value is not None:
                self.store.assign(record, field.name, value)
        self._save_external_info(record, ice_object)

    def _update(self, record: Record, ice_object: Any) -> None:
        changes = []
        for field, value in self._sent_values(record, ice_object):
            if _differs(record.values.get(field.name), value, field):
                changes.append((field, value))
        if not changes:
            if record.model.name not in _SYSTEM_CLASSES:
                self._save_external_info(record, ice_object)
            return
        if self.call.caller.restrictions(record)[EDIT] or record.model.name in _SYSTEM_CLASSES:
            names = ", ".join(field.name for field, _ in changes)
            raise omero.SecurityViolation(None, None, f"Updating {record} not allowed: {names}")
        for field, value in changes:
            if isinstance(value, Record):
                self._check_reference(record, field, value)
            self.store.assign(record, field.name, value)
        self.store.assign_detail(record, "update_event", self.call.event())
        self._save_external_info(record, ice_object)

    def _refuse_stale(self, record: Record, ice_object: Any) -> None:
        """Who saves what somebody else has changed since it was read is told so, and overwrites nothing.

        Hibernate 3 compares the versions when it merges (DefaultMergeEventListener.entityIsDetached). An object without
        a version was made by a client, not read; it is taken as it is.
        """
        version = getattr(ice_object, "_version", None)
        if version is not None and version.val != version_of(record):
            raise omero.OptimisticLockException(
                None,
                None,
                f"Row was updated or deleted by another transaction: [{record.model.java_name}#{record.id}]",
            )

    def _sent_values(self, record: Record, ice_object: Any) -> list[tuple[Field, Any]]:
        """Every field but the collections, with the value that was sent, as the store keeps it."""
        found: list[tuple[Field, Any]] = []
        for field in record.model.fields.values():
            if field.kind in (FieldKind.COLLECTION, FieldKind.EMBEDDED):
                continue
            sent = getattr(ice_object, "_" + field.name)
            found.append((field, self._stored(field, sent)))
        return found

    def _stored(self, field: Field, sent: Any) -> Any:
        if sent is None:
            return None
        match field.kind:
            case FieldKind.SCALAR:
                return sent.val
            case FieldKind.REFERENCE:
                return self.save(sent)
            case FieldKind.QUANTITY:
                return Quantity(field.type, sent.getValue(), str(sent.getUnit()))
            case FieldKind.VALUE if field.type == "NamedValueList":
                return tuple(NamedValue(str(p.name or ""), str(p.value or "")) for p in sent if p is not None)
            case FieldKind.VALUE:
                return sent
        raise omero.ApiUsageException(None, None, f"{field.name} is not a value")

    def _save_external_info(self, record: Record, ice_object: Any) -> None:
        info = ice_object.details.externalInfo if ice_object.details is not None else None
        if info is not None:
            self.store.assign_detail(record, "external_info", self.save(info))

    # ---- what hangs on it

    def _save_collections(self, record: Record, ice_object: Any) -> None:
        for field in record.model.fields.values():
            if field.kind is not FieldKind.COLLECTION or not getattr(ice_object, f"_{field.name}Loaded", False):
                continue
            members = []
            for member in getattr(ice_object, f"_{field.name}Seq"):
                if member is None:
                    continue
                saved = self.save(member)
                members.append(saved)
                assert field.inverse is not None
                if saved.values.get(field.inverse) is not record:
                    self._join(saved, field.inverse, record)
            self.collections.setdefault(record, {})[field.name] = members
            if field.ordered:
                self._arrange(record, field.name, members)

    def _join(self, member: Record, field_name: str, record: Record) -> None:
        if member not in self.created and self.call.caller.restrictions(member)[EDIT]:
            raise omero.SecurityViolation(None, None, f"Updating {member} not allowed: {field_name}")
        self._check_reference(member, member.model.fields[field_name], record)
        self.store.assign(member, field_name, record)

    def _arrange(self, record: Record, field_name: str, members: list[Record]) -> None:
        """The members in the order in which they were sent; those that were not sent come last."""
        present = self.store.collection(record, field_name)
        rest = [member for member in present if member not in members]
        sent = [member for member in dict.fromkeys(members) if member in present]
        if not record.model.is_global and (record in self.created or not self.call.caller.restrictions(record)[EDIT]):
            self.store.arrange(record, field_name, [*sent, *rest])

    # ---- what is allowed

    def _check_reference(self, record: Record, field: Field, target: Record) -> None:
        """Raises omero.SecurityViolation unless the caller may let `record` refer to `target`."""
        if target.group is None or target.model.is_global:
            return
        own = record.group
        if own is not None and own is not target.group and USER_GROUP not in (own.id, target.group.id):
            raise omero.SecurityViolation(
                None,
                "ome.conditions.GroupSecurityViolation",
                f"MIXED GROUP: {record}({own}) and {target}({target.group}) cannot be linked.",
            )
        if target in self.created:
            return
        name = record.model.name
        right = _RIGHTS_TO_REFER.get(name, ANNOTATE if name.endswith("AnnotationLink") else LINK)
        if right is not None and self.call.caller.restrictions(target)[right]:
            raise omero.SecurityViolation(None, None, f"Linking to {target} not allowed: {name}.{field.name}")

    def _refuse_second_link(self, record: Record) -> None:
        """OMERO's tables of links are unique in parent, child and owner."""
        parent, child = record.values.get("parent"), record.values.get("child")
        if not record.model.name.endswith("Link") or not isinstance(parent, Record) or not isinstance(child, Record):
            return
        # Twenty thousand ROIs may share an annotation: the end with fewer links is looked at.
        name = record.model.name
        near, far = (("parent", parent), ("child", child))
        if self.store.count_referrers(name, *far) < self.store.count_referrers(name, *near):
            near, far = far, near
        for other in self.store.referrers(name, *near):
            if other is not record and other.values.get(far[0]) is far[1] and other.owner is record.owner:
                raise omero.ValidationException(
                    None,
                    "org.hibernate.exception.ConstraintViolationException",
                    f"{record.model.name} from {parent} to {child} exists already",
                )


def _differs(stored: Any, sent: Any, field: Field) -> bool:
    if isinstance(stored, Record) or isinstance(sent, Record):
        return stored is not sent
    if field.kind is FieldKind.VALUE:
        return tuple(stored or ()) != tuple(sent or ())
    return bool(stored != sent)
