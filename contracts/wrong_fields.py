"""What a model refused, as a person reads it: a line for each field."""

from __future__ import annotations

from pydantic import ValidationError

#: Fields that are named one by one.
_MOST = 10


def wrong_fields(error: ValidationError, whole: str) -> list[str]:
    """`field.inner: why`; what concerns no single field is said of the `whole`."""
    return [
        f"{'.'.join(map(str, item['loc'])) or whole}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()[:_MOST]
    ]
