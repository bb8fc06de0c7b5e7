"""What runs publish: reports, progress, how their jobs stand."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from omero_ui.prefect_api.answers import Artifact
from omero_ui.prefect_api.connection import PAGE, PrefectApi


def read_latest(prefect: PrefectApi, keys: Collection[str]) -> dict[str, Artifact]:
    """The latest artifact of each key that has one; at most `PAGE` keys."""
    if not keys:
        return {}
    body = {"artifacts": {"key": {"any_": list(keys)[:PAGE]}}, "limit": PAGE}
    found = [Artifact.model_validate(item) for item in prefect.post("/artifacts/latest/filter", body)]
    return {artifact.key: artifact for artifact in found if artifact.key is not None and artifact.data is not None}


def as_json(artifact: Artifact) -> str:
    """The artifact's own JSON text: Prefect gives objects decoded or as text, depending on their age."""
    data: Any = artifact.data
    return data if isinstance(data, str) else json.dumps(data)
