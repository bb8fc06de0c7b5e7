"""OMERO's enumerations: what a fresh database has, and which may grow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.omero.store import Store

#: Enumerations whose values the server's own code knows; a new value would mean nothing to it.
CLOSED_ENUMERATIONS = frozenset(
    {
        "AdminPrivilege",
        "ChecksumAlgorithm",
        "DimensionOrder",
        "EventType",
        "Family",
        "JobStatus",
        "PixelsType",
        "ProjectionAxis",
        "ProjectionType",
        "RenderingModel",
    }
)

#: Bits of a sample, which OMERO keeps beside the pixel type's name.
_BITS = {
    "bit": 1,
    "int8": 8,
    "uint8": 8,
    "int16": 16,
    "uint16": 16,
    "int32": 32,
    "uint32": 32,
    "float": 32,
    "double": 64,
    "complex": 64,
    "double-complex": 128,
}


def create_enumerations(store: Store) -> None:
    """The values a fresh OMERO database has (enums.json: the names that OMERO's documentation lists)."""
    names: dict[str, list[str]] = json.loads((Path(__file__).parent / "enums.json").read_text(encoding="utf-8"))
    with store.transaction():
        for type_name, values in names.items():
            for value in values:
                record = store.create(type_name, owner=None, group=None, event=None, value=value)
                if type_name == "PixelsType":
                    store.assign(record, "bitSize", _BITS[value])
