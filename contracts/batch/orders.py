"""Rows become import orders: one for each user, group and destination.

An order's token is made of these three alone. So the same row is the same order every night, whichever manifest or
folder it comes from and whatever else it says: what was imported is found in OMERO by the token and the file's path.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable

from contracts.batch.manifest import ManifestRow
from contracts.destination import Destination
from contracts.forms.record import FilledForm
from contracts.import_order import MOST_FILES, ImportOrder
from contracts.source_file import SourceFile

#: The namespace of these tokens; kept for ever, as orders of other nights are known by it.
_BATCHES = uuid.UUID("6f1b5b43-7a5e-5f0e-9a52-0d8f6f6a7f10")


def batch_token(user: str, group: str, destination: Destination) -> uuid.UUID:
    """The token of all that batches import for a user in a group to one place."""
    place = [destination.type.value, destination.id, destination.project, destination.name]
    return uuid.uuid5(_BATCHES, json.dumps([user, group, *place], ensure_ascii=False))


def make_orders(rows: Iterable[ManifestRow]) -> tuple[ImportOrder, ...]:
    """The orders, in the sequence of their first rows; `read_manifest.without_repetitions` has seen the rows.

    More than `MOST_FILES` files for one place become several orders with one token.
    """
    places: dict[tuple[str, str, Destination], list[ManifestRow]] = {}
    for row in rows:
        destination = row.destination.model_copy(update={"label": None})
        places.setdefault((row.user, row.group, destination), []).append(row)
    return tuple(
        _make_order(user, group, destination, part)
        for (user, group, destination), of_place in places.items()
        for first in range(0, len(of_place), MOST_FILES)
        if (part := of_place[first : first + MOST_FILES])
    )


def _make_order(user: str, group: str, destination: Destination, rows: list[ManifestRow]) -> ImportOrder:
    forms: dict[str, FilledForm] = {}
    for row in rows:
        for filled in row.forms:
            forms.setdefault(filled.form, filled)
    return ImportOrder(
        uuid=batch_token(user, group, destination),
        user=user,
        group=group,
        destination=destination,
        files=tuple(
            SourceFile(path=row.path, series=row.series, preprocessing=row.preprocessing, key_values=row.key_values)
            for row in rows
        ),
        forms=tuple(forms.values()),
    )
