"""OMERO's object model, read by reflection from the classes that omero-py generates.

Source: the Slice mappings `omero_model_*_ice.py` (fields and their types) and the hand-outs
`omero_model_*I.py` (Java names, global classes, ordered collections) of the installed omero-py, so
that the model here is always the model its clients have. No Java and no XML is read.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import omero
import omero.all
import omero.model


class FieldKind(Enum):
    """How a field holds its content."""

    SCALAR = "scalar"  # RString, RInt, RLong, RDouble, RBool, RTime
    REFERENCE = "reference"  # many-to-one, another object
    COLLECTION = "collection"  # one-to-many, the inverse of a reference
    QUANTITY = "quantity"  # a value with a unit: Length, Time, ...
    EMBEDDED = "embedded"  # Details and Permissions
    VALUE = "value"  # lists of named values, strings, bytes


#: The names of the scalar types of the wire.
SCALAR_TYPES = frozenset({"RString", "RInt", "RLong", "RDouble", "RBool", "RTime"})

#: What every object has beside its own fields; kept on the record itself, not among its values.
_KEPT_ELSEWHERE = frozenset({"id", "details", "loaded", "version"})

#: The one collection whose inverse the types leave open: Folder has both a parent and children of its own type.
_INVERSE_HINTS = {"childFolders": "parentFolder"}

_CLASS = re.compile(
    r"IcePy\.defineClass\('::omero::model::(\w+)', \w+, -?\d+, \(\), \w+, \w+, ([\w.]+), \(\), \((.*?)\)\)\n"
    r"    \w+\._ice_type",
    re.DOTALL,
)
_MEMBER = re.compile(r"\('_(\w+)', \(\), ([\w.]+), \w+, \d+\)")
_SEQUENCE = re.compile(r"_t_(\w+Seq) = IcePy\.defineSequence\('[\w:]+', \(\), _M_omero\.model\._t_(\w+)\)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class.

    `type` is the scalar's wire name (`RString`), else the class at the other end. `inverse` is, for a
    collection, the reference of the element that points back. `ordered` collections have positions
    (`index()` in HQL); the others are sets, given in the order of their ids.
    """

    name: str
    kind: FieldKind
    type: str
    inverse: str | None = None
    ordered: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ModelClass:
    """One class of the model; there is one instance per class, compared by identity.

    `supertypes` starts with the class itself, `subtypes` holds it too. `root` is the topmost class
    below IObject: ids are unique within a root, as OMERO's tables are joined by inheritance.
    `subtype_fields` are the fields that only subclasses have, which HQL reaches through the superclass.
    """

    name: str
    fields: Mapping[str, Field]
    supertypes: tuple[str, ...]
    subtypes: frozenset[str]
    root: str
    is_global: bool
    is_enumeration: bool
    java_name: str
    ice_class: Any = field(repr=False)
    subtype_fields: Mapping[str, Field] = field(repr=False)

    @property
    def is_abstract(self) -> bool:
        """No instances, only instances of subclasses (Annotation, Shape, Job ...)."""
        return self.ice_class is None

    def find_field(self, name: str) -> Field | None:
        """The field of that name, its own or a subclass's; None where no class in question has it."""
        return self.fields.get(name) or self.subtype_fields.get(name)

    def __repr__(self) -> str:
        return f"ModelClass({self.name})"


@dataclass(slots=True)
class _Draft:
    """A class while the generated modules are being read."""

    base: str
    members: list[tuple[str, str]]


def _read_generated_modules() -> tuple[dict[str, _Draft], dict[str, str]]:
    spec = importlib.util.find_spec("omero_model_IObject_ice")
    if spec is None or spec.origin is None:
        raise ImportError("omero-py's generated modules (omero_model_IObject_ice) are not beside omero")
    drafts: dict[str, _Draft] = {}
    sequences: dict[str, str] = {}
    for path in sorted(Path(spec.origin).parent.glob("omero_model_*_ice.py")):
        text = path.read_text(encoding="utf-8")
        sequences.update(_SEQUENCE.findall(text))
        for name, base, members in _CLASS.findall(text):
            drafts[name] = _Draft(base.rpartition("_t_")[2], _MEMBER.findall(members))
    return drafts, sequences


def _chain(drafts: Mapping[str, _Draft], name: str) -> Iterator[str]:
    while name in drafts:
        yield name
        name = drafts[name].base


def _read_field(name: str, ice_type: str, drafts: Mapping[str, _Draft], sequences: Mapping[str, str]) -> Field | None:
    last = ice_type.rpartition("_t_")[2]
    if name.endswith(("Loaded", "CountPerOwner")) or name in _KEPT_ELSEWHERE:
        return None
    if last in SCALAR_TYPES:
        return Field(name, FieldKind.SCALAR, last)
    if last in sequences and name.endswith("Seq"):
        return Field(name.removesuffix("Seq"), FieldKind.COLLECTION, sequences[last])
    if ".model._t_" in ice_type and last in drafts:
        if any(member == "unit" for member, _ in drafts[last].members):
            return Field(name, FieldKind.QUANTITY, last)
        if last in ("Permissions", "Details"):
            return Field(name, FieldKind.EMBEDDED, last)
        return Field(name, FieldKind.REFERENCE, last)
    return Field(name, FieldKind.VALUE, last)


def _find_inverse(
    collection: Field,
    supertypes: tuple[str, ...],
    fields_of: Mapping[str, Mapping[str, Field]],
    subtypes: Mapping[str, frozenset[str]],
) -> str:
    def pointing_back(names: frozenset[str]) -> list[str]:
        found = (f for name in sorted(names) for f in fields_of[name].values())
        return list(dict.fromkeys(f.name for f in found if f.kind is FieldKind.REFERENCE and f.type in supertypes))

    candidates = pointing_back(frozenset({collection.type})) or pointing_back(subtypes[collection.type])
    if len(candidates) == 1:
        return candidates[0]
    if collection.name in _INVERSE_HINTS:
        return _INVERSE_HINTS[collection.name]
    # a link between two objects of one class (annotation to annotation): the collection is the parent's
    if "parent" in candidates:
        return "parent"
    raise TypeError(f"no single inverse for the collection {collection.name} of {supertypes[0]}: {candidates}")


@cache
def load_model() -> Mapping[str, ModelClass]:
    """Every class of the installed omero-py's model by name; immutable, read once per process.

    Raises TypeError where a collection's inverse cannot be told, that is, if a new omero-py brings a
    model that the rules here do not understand.
    """
    drafts, sequences = _read_generated_modules()
    supertypes = {name: tuple(_chain(drafts, name)) for name in drafts}
    subtypes = {name: frozenset(other for other in drafts if name in supertypes[other]) for name in drafts}
    fields_of: dict[str, dict[str, Field]] = {}
    for name in drafts:
        read = (
            _read_field(member, ice_type, drafts, sequences)
            for ancestor in reversed(supertypes[name])
            for member, ice_type in drafts[ancestor].members
        )
        fields_of[name] = {f.name: f for f in read if f is not None}

    complete: dict[str, Mapping[str, Field]] = {}
    for name, fields in fields_of.items():
        ice_class = getattr(omero.model, name + "I", None)
        finished = {}
        for f in fields.values():
            if f.kind is FieldKind.COLLECTION:
                inverse = _find_inverse(f, supertypes[name], fields_of, subtypes)
                # omero-py gives getPrimaryX to the lists and not to the sets
                f = Field(f.name, f.kind, f.type, inverse, hasattr(ice_class, f"getPrimary{f.type}"))
            finished[f.name] = f
        complete[name] = MappingProxyType(finished)

    classes = {}
    for name in drafts:
        ice_class = getattr(omero.model, name + "I", None)
        below_iobject = [s for s in supertypes[name] if s != "IObject"]
        is_global = ice_class is not None and hasattr(ice_class, "isGlobal") and bool(ice_class().isGlobal())
        own_value = complete[name].get("value")
        classes[name] = ModelClass(
            name=name,
            fields=complete[name],
            supertypes=supertypes[name],
            subtypes=subtypes[name],
            root=below_iobject[-1] if below_iobject else name,
            is_global=is_global,
            is_enumeration=is_global and own_value is not None and own_value.kind is FieldKind.SCALAR,
            java_name=_java_name(name, subtypes[name]),
            ice_class=ice_class,
            subtype_fields=MappingProxyType(
                {k: v for s in sorted(subtypes[name]) for k, v in complete[s].items() if k not in complete[name]}
            ),
        )
    return MappingProxyType(classes)


def _java_name(name: str, subtypes: frozenset[str]) -> str:
    """The Java class, from the property constants ("ome.model.core.Image_details"); abstract ones by their kin."""
    if name == "IObject":
        return "ome.model.IObject"
    for candidate in (name, *sorted(subtypes)):
        constant = getattr(getattr(omero.model, candidate + "I", None), "DETAILS", None)
        if isinstance(constant, str):
            return constant.rpartition("_")[0].rpartition(".")[0] + "." + name
    return "ome.model." + name


def find_class(name: str) -> ModelClass | None:
    """A class by a name clients use: 'Image', 'ImageI', 'ome.model.core.Image', '::omero::model::Image'."""
    last = re.split(r"[.:]", name)[-1]
    model = load_model()
    return model.get(last) or (model.get(last[:-1]) if last.endswith("I") else None)
