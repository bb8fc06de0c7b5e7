"""An import order of a BIOMERO database that is over, as the run history keeps it."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contracts.base import Contract
from contracts.biomero_import import ImportStage, StoredOrder, read_token
from contracts.import_order import ImportOrder
from contracts.migrated_run import (
    LONGEST_FILES,
    MOST_LINES,
    MigratedEnd,
    MigratedHistory,
    MigratedLine,
    MigratedRun,
    shorten,
)
from contracts.run_tags import RunKind

_ENDS = {ImportStage.COMPLETED.value: MigratedEnd.COMPLETED, ImportStage.FAILED.value: MigratedEnd.FAILED}


class StoredStage(Contract):
    """A row of `imports` as a line of the order's history, not judged."""

    stage: str
    at: datetime | None
    description: str | None


def past_order(row: StoredOrder, stages: Sequence[StoredStage], order: ImportOrder | None) -> MigratedRun:
    """
    Args:
        row: the order's latest row.
        stages: all rows of the order, the oldest first; not empty.
        order: what the row means here; None when it cannot be read as an order, and is kept as it stands.

    Raises:
        FailureError: BAD_REQUEST when its uuid is none: nobody can look it up.
    """
    token = read_token(row)
    last = stages[-1]
    began = [stage.at for stage in stages if stage.stage == ImportStage.STARTED]
    end = _ENDS.get(last.stage, MigratedEnd.UNFINISHED)
    lines = [MigratedLine(at=stage.at, what=stage.stage, said=shorten(stage.description or "")) for stage in stages]
    files = _paths(row.files)
    return MigratedRun(
        token=token,
        kind=RunKind.IMPORT,
        title=order.title if order is not None else _title(row, files),
        user=row.user_name,
        group=row.group_name,
        ordered=order.model_dump(mode="json") if order is not None else _as_it_stands(row, files),
        history=MigratedHistory(
            placed=stages[0].at,
            began=began[0] if began else None,
            ended=None if end is MigratedEnd.UNFINISHED else last.at,
            end=end,
            said=shorten(last.description or ""),
            lines=tuple(lines[-MOST_LINES:]),
            left_out=max(0, len(lines) - MOST_LINES),
        ),
    )


def is_pending(stages: Sequence[StoredStage]) -> bool:
    """Whether the order waits for somebody to take it: it is no history yet."""
    return stages[-1].stage == ImportStage.PENDING


def _paths(files: str) -> list[str]:
    """Whatever can be read as paths."""
    try:
        decoded = json.loads(files)
    except (json.JSONDecodeError, RecursionError):
        return []
    return [path for path in decoded if isinstance(path, str)] if isinstance(decoded, list) else []


def _title(row: StoredOrder, files: Sequence[str]) -> str:
    what = posixpath.basename(files[0]) if files else "files"
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"Import {shorten(what)}{more} -> {row.destination_type} {row.destination_id}"


def _as_it_stands(row: StoredOrder, files: Sequence[str]) -> dict[str, Any]:
    """In the shape of an order, with what the panel shows of one; too many files are cut, and counted."""
    kept: list[str] = []
    room = LONGEST_FILES
    for path in files:
        room -= len(path)
        if room < 0:
            break
        kept.append(path)
    ordered: dict[str, Any] = {
        "uuid": str(read_token(row)),
        "user": row.user_name,
        "group": row.group_name,
        "destination": {"type": row.destination_type, "id": row.destination_id},
        "files": [{"path": path} for path in kept],
    }
    if len(kept) < len(files):
        ordered["files_left_out"] = len(files) - len(kept)
    if row.preprocessing is not None:
        ordered["preprocessing"] = {
            "converter": row.preprocessing.container,
            "options": shorten(row.preprocessing.extra_params or ""),
        }
    return ordered
