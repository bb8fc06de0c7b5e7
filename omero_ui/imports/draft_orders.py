"""From the list on the page to import orders: what is wrong with each item, and the orders of a list that is right."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from contracts.base import Pair
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory, fail
from contracts.forms.record import FilledForm
from contracts.import_order import ImportOrder
from contracts.import_settings import Converter, ImportSettings
from contracts.source_file import SourceFile
from omero_ui.imports.draft import AS_IT_IS, Draft, Item, ItemKind, Target


@dataclass(frozen=True)
class Trouble:
    """What keeps an item from being imported. `needs`: the kind of place that would mend it; `conversion` likewise."""

    says: str
    needs: DestinationType | None = None
    conversion: str | None = None


def conversions_for(item: Item, settings: ImportSettings) -> dict[str, str]:
    """What may be chosen for an item: name to title, as it is first."""
    offered = {} if item.series is not None else {AS_IT_IS: "as it is"}
    fitting = {
        name: converter.title
        for name, converter in settings.converters.items()
        if item.series is None or converter.takes_series
    }
    return offered | fitting


def propose(path: str, settings: ImportSettings) -> str:
    """The conversion proposed for a whole file."""
    return settings.proposed_for(path.rpartition("/")[2]) or AS_IT_IS


def propose_for_series(path: str, settings: ImportSettings) -> str:
    """The conversion proposed for one image of a file: the file's, if it extracts, else the first that does.

    Raises:
        FailureError: CONVERTER_NOT_AVAILABLE when there is none.
    """
    proposed = settings.proposed_for(path.rpartition("/")[2])
    names = ([proposed] if proposed else []) + list(settings.converters)
    for name in names:
        if settings.converters[name].takes_series:
            return name
    raise fail(
        FailureCategory.CONVERTER_NOT_AVAILABLE,
        "No conversion of this site takes one image out of a file.",
        next_step="Choose the whole file.",
    )


def find_trouble(item: Item, target: Target | None, settings: ImportSettings) -> Trouble | None:
    """Why an item cannot go where it is to go; None when it can, as far as its name tells."""
    converter = settings.converters.get(item.conversion)
    if item.conversion != AS_IT_IS and converter is None:
        return Trouble("This conversion is no longer offered.", conversion=propose(item.path, settings))
    if item.series is not None and (converter is None or not converter.takes_series):
        extracting = next((name for name, one in settings.converters.items() if one.takes_series), None)
        return Trouble("One image of a file has to be converted.", conversion=extracting)
    if target is None:
        return Trouble("Choose where it goes.")
    needed = _needs(item, converter)
    if target.type is needed:
        return None
    if needed is DestinationType.SCREEN:
        return Trouble("A plate goes into a Screen.", needs=needed)
    return Trouble("Images go into a Dataset.", needs=needed)


def make_orders(
    draft: Draft,
    settings: ImportSettings,
    user: str,
    key_values: tuple[Pair, ...] = (),
    forms: Mapping[str, tuple[FilledForm, ...]] = MappingProxyType({}),
) -> tuple[ImportOrder, ...]:
    """One order for each place. Its token is made from the list's, who orders, and all that is ordered. `forms`: what
    was filled in, by the place it is for (`Target.place`).

    So the same list gives the same orders however often it is sent, and no browser can choose the token of an
    order that is another's, or of another list.

    Raises:
        FailureError: BAD_REQUEST when the list is empty or anything in it is in trouble, and for forms of a place that
            nothing goes to.
    """
    if not draft.items:
        raise fail(
            FailureCategory.BAD_REQUEST, "The list is empty.", next_step="Choose files or folders to import first."
        )
    places: defaultdict[str, list[SourceFile]] = defaultdict(list)
    targets: dict[str, Target] = {}
    for item in draft.items:
        target = draft.target_of(item)
        trouble = find_trouble(item, target, settings)
        if trouble is not None or target is None:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"{item.label or item.name!r} cannot be ordered like this.",
                detail=trouble.says if trouble else "",
                next_step="Correct it in the list; nothing was placed.",
            )
        places[target.place].append(_source(item, settings))
        targets[target.place] = target
    if not set(forms) <= set(places):
        raise fail(
            FailureCategory.BAD_REQUEST,
            "Forms are filled in for a place to which nothing of the list goes.",
            next_step="Untick them, or let something go there.",
        )
    orders = (
        ImportOrder(
            uuid=draft.token,
            user=user,
            group=draft.group,
            destination=Destination(type=target.type, id=target.id, label=target.name or None),
            files=tuple(places[place]),
            key_values=key_values,
            forms=forms.get(place, ()),
        )
        for place, target in targets.items()
    )
    return tuple(
        order.model_copy(update={"uuid": uuid.uuid5(draft.token, order.model_dump_json())}) for order in orders
    )


def _needs(item: Item, converter: Converter | None) -> DestinationType:
    if converter is not None:
        return converter.makes
    return DestinationType.SCREEN if item.kind is ItemKind.PLATE else DestinationType.DATASET


def _source(item: Item, settings: ImportSettings) -> SourceFile:
    converter = settings.converters.get(item.conversion)
    return SourceFile(
        path=item.path,
        series=item.series,
        preprocessing=None if converter is None else converter.preprocessing,
    )
