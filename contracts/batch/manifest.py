"""A manifest as it was read: rows that can be ordered, and what is wrong with the others."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field

from contracts.base import Contract, Pair
from contracts.destination import Destination
from contracts.failures import Failure, FailureCategory, fail
from contracts.forms.record import FilledForm
from contracts.import_order import LoginName
from contracts.preprocessing import Preprocessing
from contracts.source_file import RelativePath

#: A line of the file, from 1; of a spreadsheet, its row.
Line = Annotated[int, Field(ge=1)]

#: Of what is not `is_text`.
NO_TEXT = "it has half a character (a lone surrogate, such as \\ud800), which is no text"

_LONGEST_SHOWN = 80


class ManifestRow(Contract):
    """One row. `path` is a file, or a folder whose images are meant, inside the group's folder."""

    line: Line
    path: RelativePath
    user: LoginName
    group: LoginName
    destination: Destination
    series: Annotated[str, Field(min_length=1)] | None = None
    preprocessing: Preprocessing | None = None
    key_values: Annotated[tuple[Pair, ...], Field(strict=False)] = ()
    forms: Annotated[tuple[FilledForm, ...], Field(strict=False)] = ()


class RowProblem(Contract):
    """Why a row is not imported. `column`: its heading, or its member in JSON; None: the whole row."""

    line: Line
    column: str | None = None
    failure: Failure

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column is not None else "")
        return f"{where}: {self.failure.summary}"


class Manifest(Contract):
    """All rows of a manifest: each is in `rows`, or at least one of the problems names its line."""

    rows: Annotated[tuple[ManifestRow, ...], Field(strict=False)] = ()
    problems: Annotated[tuple[RowProblem, ...], Field(strict=False)] = ()


class RowDefaults(Contract):
    """For rows that do not say it themselves.

    `fixed`: the rows may not say otherwise either; for a manifest that lies where one user or group can write it.
    """

    user: LoginName | None = None
    group: LoginName | None = None
    destination: Destination | None = None
    fixed: bool = False


def problem(
    line: int, column: str | None, why: str, next_step: str = "Correct the row.", detail: str = ""
) -> RowProblem:
    """A row that says what cannot be: BAD_REQUEST."""
    failure = fail(FailureCategory.BAD_REQUEST, why, next_step=next_step, detail=detail).failure
    return RowProblem(line=line, column=column, failure=failure)


def is_text(value: Any) -> bool:
    """Whether all texts in a JSON value are Unicode: JSON can write half of a surrogate pair, and nothing takes it."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str) -> str:
    """What somebody wrote, as it is named in a sentence."""
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")
