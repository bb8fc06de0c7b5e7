"""Where an order's images go: a Dataset or a Screen."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.base import Contract, ObjectId

Name = Annotated[str, Field(min_length=1, max_length=255)]


class DestinationType(StrEnum):
    DATASET = "Dataset"
    SCREEN = "Screen"


class Destination(Contract):
    """A Dataset (for images) or a Screen (for plates), by id, or by name to be found or created.

    By name: the user's own container of that name in the order's group (inside `project`, when
    given, for a Dataset); made when there is none. Two orders that name the same new container at
    once share it. `label` is what one that is given by id was called when it was chosen, for the reader alone.
    """

    type: Annotated[DestinationType, Field(strict=False, description="Dataset for images, Screen for plates.")]
    id: Annotated[ObjectId | None, Field(description="Id of one that is there; or give a name.")] = None
    name: Annotated[Name | None, Field(description="Name of one that is found or made; or give an id.")] = None
    project: Annotated[Name | None, Field(description="Name of the Project that a Dataset by name is in.")] = None
    label: Annotated[Name | None, Field(description="What the one with this id is called, for the reader alone.")] = (
        None
    )

    @model_validator(mode="after")
    def _one_way_to_name_it(self) -> Self:
        if (self.id is None) == (self.name is None):
            raise ValueError("give either the destination's id or its name")
        if self.project is not None and (self.type is not DestinationType.DATASET or self.id is not None):
            raise ValueError("a project goes only with a Dataset that is given by name")
        if self.name is not None and not self.name.strip():
            raise ValueError("the destination's name is blank")
        return self

    def __str__(self) -> str:
        shown = self.name or self.label
        return f'{self.type.value} "{shown}"' if shown is not None else f"{self.type.value} {self.id}"
