"""A run that comes back before its earlier process is done with: it waits, and the worker lives on."""

from __future__ import annotations

import asyncio
import uuid

import anyio
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker

from deployments.worker import PatientWorker


async def submit_again(kind: type[ProcessWorker]) -> list[FlowRun]:
    """Let a worker that still counts a run find that run scheduled once more."""
    worker = kind(work_pool_name="imports", limit=2)
    worker._limiter = anyio.CapacityLimiter(2)
    run = FlowRun(id=uuid.uuid4(), flow_id=uuid.uuid4())
    worker._limiter.acquire_on_behalf_of_nowait(run.id)
    found = WorkerFlowRunResponse(work_pool_id=uuid.uuid4(), work_queue_id=uuid.uuid4(), flow_run=run)
    return await worker._submit_scheduled_flow_runs([found])


def test_the_worker_leaves_the_run_for_later() -> None:
    assert asyncio.run(submit_again(PatientWorker)) == []


def test_prefects_own_worker_still_needs_mending() -> None:
    """When this fails Prefect has mended it, and `deployments/worker.py` may go."""
    with pytest.raises(RuntimeError, match="already holding one of this CapacityLimiter's tokens"):
        asyncio.run(submit_again(ProcessWorker))


def test_prefects_own_worker_is_still_the_one_it_finds_by_name() -> None:
    assert BaseWorker.get_worker_class_from_type("process") is ProcessWorker
