"""A contract from what a person typed."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from contracts.base import Contract
from contracts.failures import FailureCategory, fail
from contracts.wrong_fields import wrong_fields

_Typed = TypeVar("_Typed", bound=Contract)


def make_typed(kind: type[_Typed], name: str, fields: dict[str, Any]) -> _Typed:
    """The order or run that the fields make; `name` is what people call it.

    Raises:
        FailureError: BAD_REQUEST naming every field that is wrong.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The {name} is not right.",
            detail="\n".join(wrong_fields(error, name)),
            next_step="Correct it; nothing was placed.",
        ) from None
