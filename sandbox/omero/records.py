"""One stored object and the scalars it holds.

The wire keeps RInt, RLong and RTime apart, and clients mind (ids and counts are RLong, sizes RInt,
moments RTime), so the store does as well: `Int32` and `Milliseconds` are ints that know their wire type.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sandbox.omero.model import ModelClass


class Int32(int):
    """An RInt."""

    __slots__ = ()


class Milliseconds(int):
    """An RTime: milliseconds since 1970-01-01 UTC."""

    __slots__ = ()

    @classmethod
    def now(cls) -> Milliseconds:
        return cls(datetime.now(UTC).timestamp() * 1000)


class NamedValue(NamedTuple):
    """One pair of a map annotation, a group's configuration or a job's version information."""

    name: str
    value: str


class Quantity:
    """A value with a unit, for example `Quantity("Length", 0.1, "MICROMETER")`. Immutable."""

    __slots__ = ("type_name", "unit", "value")

    def __init__(self, type_name: str, value: float, unit: str) -> None:
        self.type_name = type_name
        self.value = float(value)
        self.unit = str(unit)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return (self.type_name, self.value, self.unit) == (other.type_name, other.value, other.unit)

    def __hash__(self) -> int:
        return hash((self.type_name, self.value, self.unit))

    def __repr__(self) -> str:
        return f"Quantity({self.type_name}, {self.value}, {self.unit})"


#: The names of a record's details, as `Store.assign_detail` takes them.
DETAILS = ("owner", "group", "creation_event", "update_event", "external_info", "permissions")

#: The same by OMERO's names, as they appear in queries and on the wire.
DETAIL_NAMES = {
    "owner": "owner",
    "group": "group",
    "creationEvent": "creation_event",
    "updateEvent": "update_event",
    "externalInfo": "external_info",
}


class Record:
    """One object of the database. Read freely under the store's lock; write through the Store alone.

    `values` holds what is set, by field name: an absent name is null. References hold Records,
    collections are asked of the Store. `permissions` is the `perm1` number and set on groups alone
    (every other object has its group's). `position` is the place in the ordered collection the record
    belongs to; None means "after the placed ones, by id".
    """

    __slots__ = (
        "creation_event",
        "external_info",
        "group",
        "id",
        "model",
        "owner",
        "permissions",
        "position",
        "update_event",
        "values",
    )

    def __init__(self, model: ModelClass, id: int) -> None:
        self.model = model
        self.id = id
        self.values: dict[str, Any] = {}
        self.owner: Record | None = None
        self.group: Record | None = None
        self.creation_event: Record | None = None
        self.update_event: Record | None = None
        self.external_info: Record | None = None
        self.permissions: int | None = None
        self.position: int | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What identifies the record in the database."""
        return self.model.root, self.id

    def __repr__(self) -> str:
        return f"{self.model.name}:{self.id}"


def _refuse_bool(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{value} is a boolean, not a number")
    return int(value)


def _as_bool(value: Any) -> bool:
    if not isinstance(value, (bool, int)):
        raise TypeError(f"{value!r} is not a boolean")
    return bool(value)


_CASTS: dict[str, Callable[[Any], Any]] = {
    "RString": str,
    "RInt": lambda value: Int32(_refuse_bool(value)),
    "RLong": _refuse_bool,
    "RDouble": float,
    "RBool": _as_bool,
    "RTime": lambda value: Milliseconds(_refuse_bool(value)),
}


def cast_scalar(wire_type: str, value: Any) -> Any:
    """`value` as the Python type that stands for the wire type. Raises TypeError or ValueError."""
    return None if value is None else _CASTS[wire_type](value)
