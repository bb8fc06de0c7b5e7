"""What hangs on what: parts that go with their whole, children that go when nothing else holds them.

The rules are a reading of OMERO's published behaviour of deleting and moving, not of its rule file:

* a part (an image's pixels, a plate's wells, a ROI's shapes) always goes with its whole;
* a link goes with either of its ends;
* a child (a dataset's image, an annotation, an annotation's file) goes when no link or other owner of it stays,
  and the caller may change it; else it only loses the link;
* images of one fileset go together or not at all.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.omero.commands.requests import CommandRefused
from sandbox.omero.model import FieldKind, load_model
from sandbox.omero.permissions import Caller
from sandbox.omero.records import Record
from sandbox.omero.services.wire import find_class
from sandbox.omero.store import Store

#: Collections whose members are parts of their owner.
PARTS: Mapping[str, tuple[str, ...]] = {
    "Image": ("pixels", "rois", "wellSamples"),
    "Pixels": ("channels", "planeInfo", "settings", "thumbnails", "pixelsFileMaps"),
    "Roi": ("shapes",),
    "Screen": ("reagents",),
    "Plate": ("wells", "plateAcquisitions"),
    "PlateAcquisition": ("wellSample",),
    "Well": ("wellSamples", "reagentLinks"),
    "Fileset": ("images", "usedFiles", "jobLinks"),
    "RenderingDef": ("waveRendering", "projections"),
    "ChannelBinding": ("spatialDomainEnhancement",),
    "Instrument": ("detector", "objective", "lightSource", "filter", "dichroic", "filterSet", "otf"),
}

#: Parts that hold their whole all the same: an image in a well is the plate's, whatever dataset it was in, and a
#: fileset that is deleted takes its images along, but stays as long as one of them does.
_HOLDING_PARTS = frozenset({("WellSample", "image"), ("Image", "fileset")})

#: References to something that goes when the last object that refers to it goes.
_SHARED: Mapping[str, tuple[str, ...]] = {
    "Image": ("fileset", "imagingEnvironment", "objectiveSettings", "instrument", "stageLabel"),
    "WellSample": ("image",),
    "Channel": ("logicalChannel", "statsInfo"),
    "LogicalChannel": ("detectorSettings", "lightSourceSettings", "lightPath"),
    "FilesetEntry": ("originalFile",),
    "PixelsOriginalFileMap": ("parent",),
    "FilesetJobLink": ("child",),
    "JobOriginalFileLink": ("child",),
    "FileAnnotation": ("file",),
    "RenderingDef": ("quantization",),
}

#: References that are emptied when their target goes.
_EMPTIED = frozenset(
    {
        ("WellSample", "plateAcquisition"),
        ("Pixels", "relatedTo"),
        ("Roi", "source"),
        ("Image", "instrument"),
        ("Image", "fileset"),
        ("Detector", "instrument"),
        ("ObjectiveSettings", "objective"),
        ("Folder", "parentFolder"),
    }
)

#: Annotations that are made once and put on many objects.
SHARABLE_ANNOTATIONS = ("TagAnnotation", "TermAnnotation", "FileAnnotation")


@functools.cache
def _references_to(root: str) -> tuple[tuple[str, str], ...]:
    """Every (class, field) whose reference can be an object below `root`; inherited fields once, where declared."""
    found = []
    model = load_model()
    for candidate in model.values():
        for field in candidate.fields.values():
            if field.kind is not FieldKind.REFERENCE or model[field.type].root != root:
                continue
            inherited = any(field.name in model[s].fields for s in candidate.supertypes[1:] if s in model)
            if not inherited:
                found.append((candidate.name, field.name))
    return tuple(found)


def referrers(store: Store, target: Record) -> Iterable[tuple[Record, str]]:
    """Everything that refers to the record, with the field it does so by; details (owner, events) do not count."""
    for class_name, field_name in _references_to(target.model.root):
        for record in store.referrers(class_name, field_name, target):
            yield record, field_name


def is_link(record: Record) -> bool:
    return record.model.name.endswith("Link") and "parent" in record.model.fields and "child" in record.model.fields


@dataclass(frozen=True)
class ChildRule:
    """A client's wish about children (omero.cmd.graphs.ChildOption): types kept or taken, whoever else holds them."""

    include: frozenset[str]
    exclude: frozenset[str]
    include_namespaces: frozenset[str]
    exclude_namespaces: frozenset[str]

    @classmethod
    def of(cls, option: object) -> ChildRule:
        def types(name: str) -> frozenset[str]:
            return frozenset(find_class(t).name for t in getattr(option, name, None) or ())

        return cls(
            types("includeType"),
            types("excludeType"),
            frozenset(getattr(option, "includeNs", None) or ()),
            frozenset(getattr(option, "excludeNs", None) or ()),
        )

    def decide(self, record: Record) -> bool | None:
        """True: take it anyway; False: keep it; None: this rule says nothing."""
        types = set(record.model.supertypes)
        if record.model.root == "Annotation":
            namespace = record.values.get("ns")
            if self.exclude_namespaces and namespace in self.exclude_namespaces:
                return None
            if self.include_namespaces and namespace not in self.include_namespaces:
                return None
        if types & self.include:
            return True
        return False if types & self.exclude else None


class Reach:
    """What goes together with some targets."""

    def __init__(
        self,
        store: Store,
        caller: Caller,
        rules: Sequence[ChildRule] = (),
        may_take: Callable[[Record], bool] = lambda record: True,
    ) -> None:
        """`may_take` says whether a child that nobody else holds may go too."""
        self._store = store
        self._caller = caller
        self._rules = rules
        self._may_take = may_take
        self.members: dict[Record, None] = {}
        self._children: dict[Record, None] = {}

    def collect(self, targets: Iterable[Record]) -> list[Record]:
        """The targets and what goes with them, in the order in which it was met.

        Raises CommandRefused where that would tear a fileset apart.
        """
        pending = list(targets)
        while pending:
            for record in pending:
                self._add(record)
            pending = [child for child in self._children if child not in self.members and self._goes(child)]
        self._refuse_torn_filesets()
        return list(self.members)

    def _add(self, record: Record) -> None:
        stack = [record]
        while stack:
            member = stack.pop()
            if member in self.members:
                continue
            self.members[member] = None
            for kind in member.model.supertypes:
                for name in PARTS.get(kind, ()):
                    stack.extend(self._store.collection(member, name))
                for name in _SHARED.get(kind, ()):
                    self._note_child(member.values.get(name))
            for field in member.model.fields.values():
                if field.kind is FieldKind.COLLECTION and field.type.endswith("Link"):
                    stack.extend(self._store.collection(member, field.name))
            for referrer, _ in referrers(self._store, member):
                if is_link(referrer):
                    stack.append(referrer)
            if is_link(member):
                self._note_child(member.values.get("child"))
                if member.model.name == "PixelsOriginalFileMap":
                    self._note_child(member.values.get("parent"))

    def _note_child(self, child: Record | None) -> None:
        if child is not None:
            self._children[child] = None

    def _goes(self, child: Record) -> bool:
        for rule in self._rules:
            decision = rule.decide(child)
            if decision is not None:
                return decision
        return self._may_take(child) and not any(self._holders(child))

    def _holders(self, child: Record) -> Iterable[Record]:
        """What stays and holds the child: links to it, objects that refer to it. Its own parts and links do not."""
        own = {self._inverse(child, name) for kind in child.model.supertypes for name in PARTS.get(kind, ())}
        own -= _HOLDING_PARTS
        for referrer, field_name in referrers(self._store, child):
            if referrer in self.members or (referrer.model.name, field_name) in own:
                continue
            points_down = is_link(referrer) and referrer.values.get("parent") is child and field_name == "parent"
            if not points_down:
                yield referrer

    def _inverse(self, record: Record, collection: str) -> tuple[str, str]:
        field = record.model.fields[collection]
        return field.type, str(field.inverse)

    def _refuse_torn_filesets(self) -> None:
        filesets = {r.values["fileset"] for r in self.members if r.model.name == "Image" and r.values.get("fileset")}
        for fileset in sorted(filesets, key=lambda record: record.id):
            images = self._store.collection(fileset, "images")
            missing = [image for image in images if image not in self.members]
            if missing:
                taken = next(image for image in images if image in self.members)
                raise CommandRefused(
                    f"within ome.model.fs.Fileset[{fileset.id}] may not process ome.model.core.Image[{taken.id}] while "
                    f"ome.model.core.Image[{missing[0].id}] is not targeted"
                )


def find_targets(store: Store, caller: Caller, targets: Mapping[str, Sequence[int]] | None) -> list[Record]:
    """The records that a request names. Raises CommandRefused for one that is not there or cannot be read."""
    found = []
    for type_name, ids in (targets or {}).items():
        model = find_class(type_name)
        for record_id in ids:
            record = store.get(model.name, record_id)
            if record is None or not caller.visible(record):
                raise CommandRefused(f"cannot read {model.java_name}[{record_id}]")
            found.append(record)
    if not found:
        raise CommandRefused("the request names no objects")
    return found


def empty_references(store: Store, gone: Iterable[Record]) -> None:
    """Clear what refers to rows that go. Raises CommandRefused where a row that stays cannot do without."""
    doomed = set(gone)
    for record in doomed:
        for referrer, field_name in list(referrers(store, record)):
            if referrer in doomed:
                continue
            if (referrer.model.name, field_name) not in _EMPTIED:
                raise CommandRefused(
                    f"{record.model.java_name}[{record.id}] is in use: "
                    f"{referrer.model.java_name}[{referrer.id}].{field_name}"
                )
            store.assign(referrer, field_name, None)


def ids_by_class(records: Iterable[Record]) -> dict[str, list[int]]:
    """Java class name -> ids, as the responses list what was done."""
    found: dict[str, list[int]] = defaultdict(list)
    for record in records:
        found[record.model.java_name].append(record.id)
    return {name: sorted(ids) for name, ids in sorted(found.items())}
