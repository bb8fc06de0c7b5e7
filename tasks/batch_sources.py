"""What a batch imports: orders that came with it, manifests on the image storage, watched folders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from prefect import get_run_logger
from pydantic import ValidationError

from blocks.omero_failures import failure_of
from blocks.watched_folders import WatchedFolders
from contracts.batch.manifest import ManifestRow
from contracts.batch.manifest_file import ManifestFile
from contracts.batch.orders import make_orders
from contracts.batch.report import SourceProblem
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_order import ImportOrder
from tasks.batch_run import BatchRun
from tasks.manifest_rows import read_manifest_file
from tasks.order_run import load_block
from tasks.watched_files import find_arrived

WATCHED_BLOCK = "omero-flows"


@dataclass(frozen=True)
class Gathered:
    """Orders, and what of the sources could not be made orders of."""

    orders: tuple[ImportOrder, ...]
    problems: tuple[SourceProblem, ...]


async def gather(
    batch: BatchRun, orders: Sequence[ImportOrder], manifests: Sequence[ManifestFile], *, watched: bool
) -> Gathered:
    """All orders of the batch. A source that cannot be read is a problem, and the others are imported."""
    rows: list[ManifestRow] = []
    problems: list[SourceProblem] = []
    for file in manifests:
        name = f"{file.group}/{file.path}"
        try:
            manifest = await asyncio.to_thread(read_manifest_file, batch.storage, file)
        except Exception as error:  # noqa: BLE001  whatever befalls one source, the others are imported
            problems.append(SourceProblem(source=name, problem=failure_of(error, f"read the manifest {name}")))
            continue
        rows += manifest.rows
        problems += [SourceProblem(source=name, problem=found) for found in manifest.problems]
    if watched:
        try:
            block = await load_block(WatchedFolders, WATCHED_BLOCK)
        except FailureError as error:
            problems.append(SourceProblem(source="watched folders", problem=error.failure))
        else:
            arrived, left = await asyncio.to_thread(find_arrived, batch.storage, block.rules, time.time())
            rows += arrived
            problems += left
    made, wrong = _order_each_group(_once_each(rows))
    problems += wrong
    for problem in problems:
        get_run_logger().error("%s: %s", problem.where, problem.failure.summary)
    return Gathered((*orders, *made), tuple(problems))


def _order_each_group(rows: Sequence[ManifestRow]) -> tuple[list[ImportOrder], list[SourceProblem]]:
    """The orders of each group by itself: sources that are right alone can be too much together."""
    groups: dict[str, list[ManifestRow]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    made: list[ImportOrder] = []
    problems: list[SourceProblem] = []
    for group, of_group in groups.items():
        try:
            made += make_orders(of_group)
        except ValidationError as error:
            why = f"What all sources together want imported in {group} is no order that we take."
            failure = fail(
                FailureCategory.BAD_REQUEST,
                why,
                detail=error.errors()[0]["msg"],
                next_step="Fill in fewer forms for one destination, or import one source after the other.",
            ).failure
            problems.append(SourceProblem(source=f"group {group}", problem=failure))
    return made, problems


def _once_each(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """A file that two sources have for one destination is imported as the first says."""
    seen: dict[object, ManifestRow] = {}
    for row in rows:
        seen.setdefault((row.user, row.group, row.destination, row.path, row.series), row)
    return list(seen.values())
