"""The settings that admins change here: the groups' folders, conversions by extension, uploads."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from contracts.failures import FailureCategory, fail
from contracts.import_settings import ImportSettings, UploadSettings
from omero_ui.imports.desk import IMPORT_DESK, read_import_settings
from omero_ui.prefect_api.blocks import IMAGE_STORAGE, read_block
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.saving import save_block

#: A folder below the root of the image storage: no `..`, nothing absolute, nothing hidden.
_FOLDER = re.compile(r"[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*(/[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*)*")


def read_folders(prefect: PrefectApi) -> tuple[str, dict[str, str]]:
    """The root of the image storage, and each group's folder below it."""
    data = read_block(prefect, IMAGE_STORAGE).data
    return str(data["root"]), dict(sorted((data.get("groups") or {}).items()))


def save_folder(prefect: PrefectApi, groups: list[str], group: str, folder: str) -> None:
    """Give a group of OMERO a folder; an empty text takes it away.

    Raises:
        FailureError: UNKNOWN_GROUP, BAD_REQUEST.
    """
    _, folders = read_folders(prefect)
    if not folder:
        folders.pop(group, None)
    elif group not in groups:
        raise fail(FailureCategory.UNKNOWN_GROUP, f"OMERO has no group {group[:80]!r}.", next_step="Choose one.")
    elif not _FOLDER.fullmatch(folder) or len(folder) > 1000:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{folder[:80]!r} is no folder below the image storage.",
            next_step="Write it relative to the storage's root, for example core/krawczyk.",
        )
    else:
        folders[group] = folder
    save_block(prefect, IMAGE_STORAGE, {"groups": folders})


def save_uploads(prefect: PrefectApi, asked: Any) -> None:
    """
    Raises:
        FailureError: BAD_REQUEST.
    """
    numbers = {name: asked.get(name, "").strip() for name in ("most_gigabytes", "chunk_megabytes")}
    good = {name: int(text) for name, text in numbers.items() if text.isascii() and text.isdigit() and len(text) < 9}
    try:
        uploads = UploadSettings.model_validate({"enabled": asked.get("enabled") == "1", **numbers, **good})
    except ValidationError as error:
        first = error.errors()[0]
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}.",
            next_step="Correct it; nothing was changed.",
        ) from error
    save_block(prefect, IMPORT_DESK, {"uploads": uploads.model_dump(mode="json")})


def save_extensions(prefect: PrefectApi, converter: str, extensions: str) -> None:
    """For which endings a conversion is proposed: `.lif .czi`.

    Raises:
        FailureError: CONVERTER_NOT_AVAILABLE, BAD_REQUEST.
    """
    settings = read_import_settings(prefect)
    if converter not in settings.converters:
        raise fail(
            FailureCategory.CONVERTER_NOT_AVAILABLE,
            "There is no such conversion.",
            next_step="Choose one of those shown.",
        )
    converters = {name: one.model_dump(mode="json") for name, one in settings.converters.items()}
    converters[converter]["extensions"] = extensions.lower().replace(",", " ").split()
    try:
        ImportSettings.model_validate({"converters": converters})
    except ValidationError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            error.errors()[0]["msg"].removeprefix("Value error, ") + ".",
            next_step="Write endings such as .lif, with spaces between them.",
        ) from error
    save_block(prefect, IMPORT_DESK, {"converters": converters})
