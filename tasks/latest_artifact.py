"""The newest artifact under a key: how one process tells another, and people, about a run."""

from __future__ import annotations

import json
from http import HTTPStatus

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import Artifact
from prefect.exceptions import PrefectHTTPStatusError


async def read_latest(client: PrefectClient, key: str) -> str | None:
    """The newest artifact's data as JSON text; None when there is none, or it holds nothing."""
    try:
        answer = await client.request("GET", "/artifacts/{key}/latest", path_params={"key": key})
    except PrefectHTTPStatusError as error:
        if error.response.status_code == HTTPStatus.NOT_FOUND:
            return None
        raise
    artifact = Artifact.model_validate(answer.json())
    return None if artifact.data is None else as_text(artifact.data)


def as_text(data: object) -> str:
    """An artifact's data as JSON text: Prefect gives objects decoded or as text, depending on their age."""
    return data if isinstance(data, str) else json.dumps(data)
