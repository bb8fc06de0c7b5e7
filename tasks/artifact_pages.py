"""Artifacts of flow runs, as Prefect's API gives them: newest first, at most 200 at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter

#: Prefect's API gives at most so many objects at once.
PAGE = 200

Artifacts = list[dict[str, Any]]


async def artifact_pages(
    client: PrefectClient, kind: str, runs: FlowRunFilter, *, which: Literal["all", "latest"] = "all", first: int = PAGE
) -> AsyncIterator[Artifacts]:
    """Artifacts of one type that belong to these runs; with `latest`, of each key the last one alone.

    `first`: size of the first page, for those who look whether there is anything new.
    """
    path, sort = ("/artifacts/filter", "CREATED_DESC") if which == "all" else ("/artifacts/latest/filter", "ID_DESC")
    offset, limit = 0, first
    while True:
        # Not client.read_artifacts: it sends filters that are not given as null, which the server refuses.
        body = {
            "artifacts": {"type": {"any_": [kind]}},
            "flow_runs": runs.model_dump(mode="json", exclude_unset=True),
            "sort": sort,
            "limit": limit,
            "offset": offset,
        }
        page: Artifacts = (await client.request("POST", path, json=body)).json()  # type: ignore[arg-type]
        yield page
        if len(page) < limit:
            return
        offset, limit = offset + len(page), PAGE
