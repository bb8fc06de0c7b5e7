"""What a batch imports: orders that came with it, manifests on the image storage, watched folders."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from prefect import get_run_logger

from contracts.batch.manifest import ManifestRow
from contracts.batch.manifest_file import ManifestFile
from contracts.batch.orders import make_orders
from contracts.batch.report import SourceProblem
from contracts.failures import FailureError
from contracts.import_order import ImportOrder
from tasks.batch_run import BatchRun
from tasks.manifest_rows import read_manifest_file


@dataclass(frozen=True)
class Gathered:
    """Orders, and what of the sources could not be made orders of."""

    orders: tuple[ImportOrder, ...]
    problems: tuple[SourceProblem, ...]


async def gather(batch: BatchRun, orders: Sequence[ImportOrder], manifests: Sequence[ManifestFile]) -> Gathered:
    """All orders of the batch. A source that cannot be read is a problem, and the others are imported."""
    rows: list[ManifestRow] = []
    problems: list[SourceProblem] = []
    for file in manifests:
        name = f"{file.group}/{file.path}"
        try:
            manifest = await asyncio.to_thread(read_manifest_file, batch.storage, file)
        except FailureError as error:
            problems.append(SourceProblem(source=name, problem=error.failure))
            continue
        rows += manifest.rows
        problems += [SourceProblem(source=name, problem=found) for found in manifest.problems]
    for problem in problems:
        get_run_logger().error("%s: %s", problem.where, problem.failure.summary)
    return Gathered((*orders, *make_orders(rows)), tuple(problems))
