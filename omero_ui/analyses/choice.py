"""What is chosen as input, as the page keeps it: travels with the page, and is never believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import ValidationError

from contracts.analysis_run import MOST_IMAGES, Ids
from contracts.base import Contract
from contracts.failures import FailureCategory, fail
from contracts.import_order import LoginName

#: An id of OMERO's has at most so many digits (64 bits).
_DIGITS = 18


class InputKind(StrEnum):
    IMAGE = "Image"
    DATASET = "Dataset"
    PLATE = "Plate"


class Choice(Contract):
    """Objects of one group. `without`: images of the chosen datasets and plates that are left out."""

    group: LoginName
    images: Ids = ()
    datasets: Ids = ()
    plates: Ids = ()
    without: Ids = ()

    @property
    def is_empty(self) -> bool:
        return not (self.images or self.datasets or self.plates)

    def ids(self, kind: InputKind) -> tuple[int, ...]:
        return {InputKind.IMAGE: self.images, InputKind.DATASET: self.datasets, InputKind.PLATE: self.plates}[kind]

    def add(self, kind: InputKind, ids: Iterable[int]) -> Self:
        return self._with(kind, dict.fromkeys((*self.ids(kind), *ids)))

    def drop(self, kind: InputKind, ids: Iterable[int]) -> Self:
        gone = set(ids)
        return self._with(kind, (id for id in self.ids(kind) if id not in gone))

    def leave_out(self, images: Iterable[int]) -> Self:
        return self.model_copy(update={"without": tuple(dict.fromkeys((*self.without, *images)))})

    def take_again(self, images: Iterable[int]) -> Self:
        again = set(images)
        return self.model_copy(update={"without": tuple(id for id in self.without if id not in again)})

    def _with(self, kind: InputKind, ids: Iterable[int]) -> Self:
        return self.model_copy(update={kind.lower() + "s": tuple(ids)})


def read_choice(text: str) -> Choice:
    """The choice that a page sent.

    Raises:
        FailureError: BAD_REQUEST.
    """
    try:
        choice = Choice.model_validate_json(text)
    except ValidationError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "What was chosen cannot be read.",
            detail=str(error.errors()[0]["msg"]),
            next_step="Reload the page and choose again.",
        ) from error
    ids = (*choice.images, *choice.datasets, *choice.plates, *choice.without)
    if len(ids) > 2 * MOST_IMAGES or any(id >= 10**_DIGITS for id in ids):
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"More is chosen than a run takes ({MOST_IMAGES} images).",
            next_step="Choose whole datasets instead of single images, or less.",
        )
    return choice


def read_address(asked: Any) -> Mapping[InputKind, tuple[int, ...]]:
    """What an address names, as OMERO.web's "Open with" writes it: `?image=1&image=2&dataset=3&plate=4`."""
    return {kind: read_ids(asked.getlist(kind.lower())) for kind in InputKind}


def read_ids(texts: Iterable[str]) -> tuple[int, ...]:
    """Ids among texts; `1,2` is two. What is none is left out."""
    words = [word.strip() for text in texts for word in text.split(",")]
    good = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= _DIGITS]
    return tuple(dict.fromkeys(good))
