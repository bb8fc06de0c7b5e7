"""Changing the site's blocks; secrets in them stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omero_ui.prefect_api.blocks import read_block
from omero_ui.prefect_api.connection import PrefectApi


def save_block(prefect: PrefectApi, block_type: str, fields: Mapping[str, Any]) -> None:
    """Set these fields of the site's block of a type; Prefect keeps all others.

    Raises:
        FailureError: NOT_CONFIGURED when there is no such block.
    """
    block = read_block(prefect, block_type)
    prefect.patch(f"/block_documents/{block.id}", {"data": dict(fields), "merge_existing_data": True})
