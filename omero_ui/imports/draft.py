"""The list on the Import page: what is to be imported, where to and how, before an order is made of it.

The list travels with the page, so that nothing of it is lost when Prefect is down, the session ends or the browser is
closed; it is therefore never believed. Every step checks all of it again, and the flow checks the order once more.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.base import Contract, ObjectId, Token
from contracts.destination import DestinationType
from contracts.failures import FailureCategory, fail
from contracts.import_order import MOST_FILES, LoginName
from contracts.source_file import RelativePath

#: The conversion of a file that is imported as it is.
AS_IT_IS = ""
#: Endings of files that describe a plate; what OMERO imports of them goes into a Screen.
PLATE_ENDINGS = (".htd",)


class ItemKind(StrEnum):
    IMAGES = "images"
    PLATE = "plate"


class Target(Contract):
    """A Dataset or Screen that was chosen in the tree. `name` is shown, `id` is meant."""

    type: Annotated[DestinationType, Field(strict=False)]
    id: ObjectId
    name: Annotated[str, Field(max_length=255)]

    @property
    def place(self) -> str:
        """What is meant, without its name: `Dataset:7`."""
        return f"{self.type.value}:{self.id}"


class Item(Contract):
    """A file of the list, or one image of it. `conversion` is a converter's name or `AS_IT_IS`.

    `label` is what the image is called, for the reader; `series` says which it is. `target`: where this one goes,
    when that is not where the list goes.
    """

    path: RelativePath
    series: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    label: Annotated[str, Field(max_length=255)] = ""
    conversion: Annotated[str, Field(max_length=64)] = AS_IT_IS
    target: Target | None = None

    @property
    def key(self) -> tuple[str, str | None]:
        return (self.path, self.series)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def kind(self) -> ItemKind:
        """By its name: opening every file of a long list would take minutes. The flow opens them."""
        return ItemKind.PLATE if self.name.lower().endswith(PLATE_ENDINGS) else ItemKind.IMAGES


class Draft(Contract):
    """The whole list. `token` is minted with it, and the order's is made from it and what the list says
    (`draft_orders.py`): placing a list twice places it once, and a list that was changed is a new order.

    `placed`: this list, as it stands, has been placed.
    """

    token: Token
    group: LoginName
    target: Target | None = None
    items: Annotated[tuple[Item, ...], Field(strict=False, max_length=MOST_FILES)] = ()
    placed: bool = False

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        if len({item.key for item in self.items}) != len(self.items):
            raise ValueError("something is in the list twice")
        return self

    @classmethod
    def empty(cls, group: str) -> Self:
        return cls(token=uuid.uuid4(), group=group)

    def add(self, items: Iterable[Item]) -> Self:
        """With these at the end; what is there already stays as it is.

        Raises:
            FailureError: BAD_REQUEST for more than one order can hold.
        """
        there = {item.key for item in self.items}
        new = {item.key: item for item in items if item.key not in there}
        if len(there) + len(new) > MOST_FILES:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"An order holds {MOST_FILES:,} files; this would be {len(there) + len(new):,}.",
                next_step="Place this order first, then make another.",
            )
        return self._with(items=(*self.items, *new.values())) if new else self

    def remove(self, keys: Iterable[tuple[str, str | None]]) -> Self:
        gone = set(keys)
        return self._with(items=tuple(item for item in self.items if item.key not in gone))

    def convert(self, keys: Iterable[tuple[str, str | None]], conversion: str) -> Self:
        chosen = set(keys)
        return self._changed(chosen, {"conversion": conversion})

    def direct(self, target: Target, keys: Iterable[tuple[str, str | None]] | None = None) -> Self:
        """To this place: the whole list, or some of it. What is in a place of its own stays there."""
        return self._with(target=target) if keys is None else self._changed(set(keys), {"target": target})

    def gather(self, keys: Iterable[tuple[str, str | None]]) -> Self:
        """These go where the list goes."""
        return self._changed(set(keys), {"target": None})

    def mark_placed(self) -> Self:
        return self.model_copy(update={"placed": True})

    def target_of(self, item: Item) -> Target | None:
        return item.target or self.target

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where what is in the list goes, each place once: the list's own first. Of an empty list that one alone."""
        used = {target.place: target for item in self.items if (target := self.target_of(item)) is not None}
        if self.target is not None and (self.target.place in used or not self.items):
            used = {self.target.place: self.target} | used
        return tuple(used.values())

    def _changed(self, keys: set[tuple[str, str | None]], update: dict[str, object]) -> Self:
        items = (item.model_copy(update=update) if item.key in keys else item for item in self.items)
        return self._with(items=tuple(items))

    def _with(self, **update: object) -> Self:
        return self.model_copy(update={**update, "placed": False})
