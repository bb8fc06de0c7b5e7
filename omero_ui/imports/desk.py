"""What the Import page knows of the site: the groups' folders, the conversions offered, whether people may upload.

It is in Prefect's blocks. It is asked for again after a while, and what was last heard is used while Prefect is away:
a list can still be made then, and placed when Prefect is back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock

from pydantic import ValidationError

from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_settings import ImportSettings
from omero_ui.imports.group_folder import GroupFolder, open_group_folder
from omero_ui.prefect_api.blocks import IMAGE_STORAGE, find_block, read_block
from omero_ui.prefect_api.connection import PrefectApi, prefect

IMPORT_DESK = "import-desk"
#: Seconds after which the blocks are read again.
FRESH = 20.0


@dataclass(frozen=True)
class Desk:
    """`root` and `folders` as in the ImageStorage block."""

    root: str
    folders: dict[str, str]
    settings: ImportSettings

    def folder(self, group: str) -> GroupFolder:
        """
        Raises:
            FailureError: STORAGE_UNAVAILABLE, NOT_CONFIGURED.
        """
        return open_group_folder(self.root, self.folders, group)


class _Remembered:
    def __init__(self) -> None:
        self._lock = Lock()
        self._desk: Desk | None = None
        self._read = 0.0

    def get(self) -> Desk:
        with self._lock:
            if self._desk is not None and time.monotonic() - self._read < FRESH:
                return self._desk
            try:
                self._desk = _read(prefect())
            except FailureError as error:
                if self._desk is None or error.failure.category is not FailureCategory.PREFECT_UNREACHABLE:
                    raise
            self._read = time.monotonic()
            return self._desk


_remembered = _Remembered()


def read_desk() -> Desk:
    """
    Raises:
        FailureError: NOT_CONFIGURED; PREFECT_UNREACHABLE before Prefect was heard for the first time.
    """
    return _remembered.get()


def read_import_settings(api: PrefectApi) -> ImportSettings:
    """What the block says now; the usual settings where there is none.

    Raises:
        FailureError: NOT_CONFIGURED when the block is not right.
    """
    block = find_block(api, IMPORT_DESK)
    given = (
        {} if block is None else {name: block.data[name] for name in ImportSettings.model_fields if name in block.data}
    )
    try:
        return ImportSettings.model_validate(given)
    except ValidationError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The site's settings for imports are not right.",
            detail=str(error)[:2000],
            next_step=f"An administrator has to correct the block {IMPORT_DESK} in the Prefect UI.",
        ) from error


def _read(api: PrefectApi) -> Desk:
    storage = read_block(api, IMAGE_STORAGE).data
    return Desk(str(storage["root"]), dict(storage.get("groups") or {}), read_import_settings(api))
