"""What a field may hold: the checks between a caller's value and the store."""

from __future__ import annotations

from typing import Any

from sandbox.omero.model import Field, FieldKind, ModelClass, load_model
from sandbox.omero.records import NamedValue, Quantity, Record, cast_scalar
from sandbox.omero.store_errors import WrongValueError


def check_value(model: ModelClass, field: Field, value: Any) -> Any:
    """The value as the store keeps it: cast, immutable, of the right kind. Raises WrongValueError."""
    if value is None:
        return None
    where = f"{model.name}.{field.name}"
    match field.kind:
        case FieldKind.SCALAR:
            try:
                return cast_scalar(field.type, value)
            except (TypeError, ValueError) as error:
                raise WrongValueError(f"{where} is an {field.type}: {error}") from error
        case FieldKind.REFERENCE:
            if not isinstance(value, Record) or value.model.name not in load_model()[field.type].subtypes:
                raise WrongValueError(f"{where} refers to a {field.type}, not to {value!r}")
            return value
        case FieldKind.QUANTITY:
            if not isinstance(value, Quantity) or value.type_name != field.type:
                raise WrongValueError(f"{where} is a quantity of type {field.type}, not {value!r}")
            return value
        case FieldKind.VALUE:
            return _check_plain(where, field.type, value)
        case FieldKind.COLLECTION:
            raise WrongValueError(f"{where} is a collection: assign {field.type}.{field.inverse} instead")
        case FieldKind.EMBEDDED:
            raise WrongValueError(f"{where} is not stored by itself: use assign_detail")


def _check_plain(where: str, type_name: str, value: Any) -> Any:
    match type_name:
        case "NamedValueList":
            pairs = (
                pair if isinstance(pair, NamedValue) else NamedValue(pair.name, pair.value)
                for pair in value
                if pair is not None
            )
            return tuple(NamedValue(str(name or ""), str(text or "")) for name, text in pairs)
        case "StringArray":
            return tuple(str(text) for text in value)
        case "ByteSeq":
            return bytes(value)
        case _:
            raise WrongValueError(f"{where}: values of type {type_name} are not stored")
