"""An order as a BIOMERO database holds it (tables `imports` and `imports_preprocessing`), and the order it means here.

Columns and words are those of BIOMERO.importer 1.4: one row a stage, appended; the latest row of a UUID says how its
order stands, and the row `Import Pending` is what a front end writes.
"""

from __future__ import annotations

import json
import posixpath
import re
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationError

from contracts.base import Contract
from contracts.container_image import ContainerImage
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_order import ImportOrder
from contracts.wrong_fields import wrong_fields

#: Where BIOMERO's converters are told that their one file is.
EVERY_FILE = "{Files}"
#: What a front end puts in place of the UUID of an image inside a file; it must not arrive here.
UNFILLED = "{UUID}"
#: Characters of `imports.files`: ten thousand of the longest paths.
LONGEST_FILES = 50_000_000


class ImportStage(StrEnum):
    PENDING = "Import Pending"
    STARTED = "Import Started"
    PREPROCESSING = "Import Preprocessing"
    COMPLETED = "Import Completed"
    FAILED = "Import Failed"


class Standing(StrEnum):
    """How the order's flow run stands, as far as BIOMERO has a word for it."""

    PLACED = "placed"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class StoredPreprocessing(Contract):
    """A row of `imports_preprocessing`, not judged; `extra_params` is JSON text."""

    container: str
    input_file: str
    output_folder: str
    alt_output_folder: str | None
    extra_params: str | None


class StoredOrder(Contract):
    """A row of `imports`, not judged: everything but the types is as some front end wrote it."""

    uuid: str
    group_name: str
    user_name: str
    destination_id: str
    destination_type: str
    files: str
    preprocessing: Annotated[StoredPreprocessing | None, Field(strict=False)] = None


def read_token(row: StoredOrder) -> UUID:
    """
    Raises:
        FailureError: BAD_REQUEST.
    """
    try:
        return UUID(row.uuid)
    except ValueError as error:
        raise _wrong(f"The order's uuid {row.uuid[:80]!r} is no UUID.") from error


def read_order(row: StoredOrder, *, mount: str, folder: str) -> ImportOrder:
    """The order that a row means.

    Args:
        mount: where the front end has the image storage mounted; absolute, `/data` as a rule.
        folder: the group's folder inside the storage; empty or `.` for the whole of it.

    Raises:
        FailureError: BAD_REQUEST, PATH_OUTSIDE_FOLDER; it says what is wrong with the row.
    """
    given = {
        "uuid": read_token(row),
        "user": row.user_name,
        "group": row.group_name,
        "destination": {"type": row.destination_type, "id": _destination(row.destination_id)},
        "files": [{"path": path} for path in _paths(row.files, mount, folder)],
        "preprocessing": None if row.preprocessing is None else _preprocessing(row.preprocessing),
    }
    try:
        return ImportOrder.model_validate(given)
    except ValidationError as error:
        raise _wrong("The order is not right.", "; ".join(wrong_fields(error, "order"))) from error


def stages_due(told: ImportStage, standing: Standing, *, converts: bool) -> tuple[ImportStage, ...]:
    """The stages to append for an order whose latest row is `told`, in BIOMERO's sequence; none when all is told.

    A run that failed and was retried by a person begins anew. `Import Preprocessing` is told of orders with a
    converter only, and never of a run that failed before anybody saw it running.
    """
    begun = (ImportStage.PREPROCESSING,) if converts else ()
    if told in (ImportStage.PENDING, ImportStage.COMPLETED) or (told, standing) == (
        ImportStage.FAILED,
        Standing.FAILED,
    ):
        return ()
    again = (ImportStage.STARTED,) if told is ImportStage.FAILED else ()
    missing = begun if told is not ImportStage.PREPROCESSING else ()
    return {
        Standing.PLACED: again,
        Standing.RUNNING: again + missing,
        Standing.COMPLETED: (*again, *missing, ImportStage.COMPLETED),
        Standing.FAILED: (ImportStage.FAILED,),
    }[standing]


def _destination(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise _wrong(f"The destination's id {text[:80]!r} is no number.")
    return int(text)


def _paths(files: str, mount: str, folder: str) -> list[str]:
    """The files as our orders name them, inside the group's folder."""
    if len(files) > LONGEST_FILES:
        raise _wrong(f"The order's list of files has {len(files):,} characters.")
    paths = _decode(files, "The order's files are")
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise _wrong("The order's files are no list of paths.", files[:200])
    return [_inside(path, mount, folder) for path in paths]


def _inside(path: str, mount: str, folder: str) -> str:
    if not path.startswith("/"):
        raise _wrong(f"The file {path[:200]!r} has no absolute path.")
    # The text alone is judged: `..` stays, and is refused by the order's own rule.
    within = posixpath.join(mount, "" if folder in ("", ".") else folder).rstrip("/") + "/"
    if not path.startswith(within) or ".." in path.split("/"):
        raise fail(
            FailureCategory.PATH_OUTSIDE_FOLDER,
            f"{path[:300]!r} is not inside the folder of the order's group.",
            detail=f"that is {within}",
            next_step="Order it as the group it belongs to, or ask an administrator which folder the group has.",
        )
    return posixpath.normpath(path.removeprefix(within))


def _preprocessing(row: StoredPreprocessing) -> dict[str, Any]:
    """BIOMERO's folders are names inside the container, and ours are as good; what else differs is refused."""
    if row.input_file != EVERY_FILE:
        raise _wrong(f"The converter is to read {row.input_file[:80]!r}; only {EVERY_FILE!r} is known.")
    for place in (row.output_folder, row.alt_output_folder):
        if place is not None and not place.startswith("/"):
            raise _wrong(f"The converter's folder {place[:80]!r} is no absolute path.")
    try:
        ContainerImage.parse(row.container)
    except ValueError as error:
        raise _wrong(f"The converter {row.container[:80]!r} is no container image.", str(error)) from error
    return {"converter": row.container, "options": _options(row.extra_params)}


def _options(text: str | None) -> dict[str, str]:
    params = {} if text is None else _decode(text, "The converter's extra parameters are")
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise _wrong("The converter's extra parameters are no object.", repr(params)[:200])
    options = {}
    for name, value in params.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise _wrong(f"The converter's parameter {name[:80]!r} is neither a text nor a number.", repr(value)[:200])
        if UNFILLED in str(value):
            raise _wrong(f"The converter's parameter {name[:80]!r} names no image.", f"it still says {UNFILLED}")
        options[name] = str(value)
    return options


def _decode(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
        raise _wrong(f"{what} no JSON.", text[:200]) from error


def _wrong(summary: str, detail: str = "") -> FailureError:
    return fail(FailureCategory.BAD_REQUEST, summary, detail=detail, next_step="Place the order again.")
