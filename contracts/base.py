"""The one base of every contract: strict, closed, immutable."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Contract(BaseModel):
    """A value that crosses a room's border.

    Unknown fields are refused and no scalar is coerced ("12" is not 12). The types that JSON has no
    word for (UUID, moments, tuples, enums) carry `strict=False`, because Prefect hands parameters
    over as decoded JSON.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("needs a time zone, for example 2026-11-23T08:00:00+00:00")
    return moment


#: The identity of an order or run, from the click to the pixel (docs/developer.md, "One token").
Token = Annotated[UUID, Field(strict=False)]

#: A point in time; never naive.
Moment = Annotated[datetime, Field(strict=False), AfterValidator(_aware)]

#: An id of OMERO's database.
ObjectId = Annotated[int, Field(ge=0)]

#: A key and its value; keys may come twice, as in OMERO.
Pair = Annotated[tuple[str, str], Field(strict=False)]
