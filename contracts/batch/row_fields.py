"""One row's fields, whichever file they come from, become a `ManifestRow`, or the reasons why they cannot."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from contracts.batch.manifest import NO_TEXT, ManifestRow, RowDefaults, RowProblem, is_text, problem, shown
from contracts.destination import Destination, DestinationType
from contracts.forms.form import FormId
from contracts.forms.record import FilledForm
from contracts.import_order import LoginName
from contracts.preprocessing import Preprocessing
from contracts.source_file import check_relative_path

#: Fields that hold one text each; a blank one counts as not given.
TEXT_FIELDS = ("path", "user", "group", "dataset", "screen", "project", "convert", "container", "series")

_BY_ID = re.compile(r"id:([0-9]{1,18})")
_login_name: TypeAdapter[str] = TypeAdapter(LoginName)
_form_id: TypeAdapter[str] = TypeAdapter(FormId)
_Made = TypeVar("_Made")


@dataclass
class RowFields:
    """What a row says. `columns` names a field as its file does, for the problems."""

    line: int
    texts: dict[str, str] = field(default_factory=dict)
    options: list[tuple[str, str]] = field(default_factory=list)
    key_values: list[tuple[str, str]] = field(default_factory=list)
    forms: dict[str, dict[str, Any]] = field(default_factory=dict)


class _Row:
    """Gathers problems, so that a person learns of all that is wrong with a row at once."""

    def __init__(self, fields: RowFields) -> None:
        self.fields = fields
        self.problems: list[RowProblem] = []

    def text(self, name: str) -> str | None:
        text = self.fields.texts.get(name, "").strip()
        return text or None

    def refuse(self, column: str | None, why: str) -> None:
        self.problems.append(problem(self.fields.line, column, why))

    def made(self, column: str | None, make: Callable[[], _Made]) -> _Made | None:
        """What `make` gives; None, with a problem, when a contract refuses it."""
        try:
            return make()
        except ValidationError as error:
            first = error.errors()[0]
            self.refuse(column, first["msg"].removeprefix("Value error, "))
        except ValueError as error:
            self.refuse(column, str(error))
        return None


def make_row(fields: RowFields, defaults: RowDefaults) -> ManifestRow | tuple[RowProblem, ...]:
    """The row, or all that is wrong with it."""
    row = _Row(fields)
    path = _path(row)
    user = _name(row, "user", defaults.user, defaults.fixed)
    group = _name(row, "group", defaults.group, defaults.fixed)
    destination = _destination(row, defaults.destination)
    preprocessing = _preprocessing(row)
    series = row.text("series")
    if series is not None and preprocessing is None and row.text("convert") is row.text("container") is None:
        row.refuse("series", "a single series is taken out by converting the file: give convert or container")
    key_values = _key_values(row)
    forms = _forms(row)
    if row.problems or path is None or user is None or group is None or destination is None:
        return tuple(row.problems)
    return ManifestRow(
        line=fields.line,
        path=path,
        user=user,
        group=group,
        destination=destination,
        series=series,
        preprocessing=preprocessing,
        key_values=key_values,
        forms=forms,
    )


def _path(row: _Row) -> str | None:
    text = row.text("path")
    if text is None:
        row.refuse("path", "there is no path")
        return None
    # A folder is often written with a slash at its end.
    return row.made("path", lambda: check_relative_path(text.rstrip("/") or text))


def _name(row: _Row, column: str, default: str | None, fixed: bool) -> str | None:
    text = row.text(column)
    if text is None and default is None:
        row.refuse(column, f"there is no {column}")
        return None
    if fixed and text is not None and text != default:
        row.refuse(column, f"this manifest is {default}'s, and may not name the {column} {shown(text)}")
        return None
    return row.made(column, lambda: _login_name.validate_python(text or default))


def _destination(row: _Row, default: Destination | None) -> Destination | None:
    dataset, screen, project = row.text("dataset"), row.text("screen"), row.text("project")
    if dataset is not None and screen is not None:
        row.refuse("screen", "a file goes either into a dataset or into a screen")
        return None
    if dataset is None and screen is None:
        if project is not None:
            row.refuse("project", "a project needs a dataset")
            return None
        if default is None:
            row.refuse("dataset", "there is neither a dataset nor a screen")
        return default
    if screen is not None:
        if project is not None:
            row.refuse("project", "a screen is in no project")
            return None
        return row.made("screen", lambda: destination_of(DestinationType.SCREEN, screen))
    return row.made("dataset", lambda: destination_of(DestinationType.DATASET, str(dataset), project))


def destination_of(kind: DestinationType, text: str, project: str | None = None) -> Destination:
    """`id:NUMBER`, `Name`, or for a dataset without a `project` of its own `Project/Name`.

    Raises:
        ValueError: it names no destination.
    """
    if by_id := _BY_ID.fullmatch(text):
        return Destination(type=kind, id=int(by_id.group(1)), project=project)
    if kind is DestinationType.DATASET and project is None and "/" in text:
        project, _, text = (part.strip() for part in text.partition("/"))
        if not project or not text or "/" in text:
            raise ValueError("write Project/Dataset, or give the project in a column of its own")
    return Destination(type=kind, name=text, project=project)


def _preprocessing(row: _Row) -> Preprocessing | None:
    convert, container = row.text("convert"), row.text("container")
    if convert is not None and container is not None:
        row.refuse("container", "a file is converted once: give either convert or container")
        return None
    given = dict(row.fields.options)
    if len(given) != len(row.fields.options):
        row.refuse("option", "an option is given twice")
        return None
    if convert is None and container is None:
        if given:
            row.refuse("option", "options are for a converter: give convert or container")
        return None
    if container is not None:
        return row.made("container", lambda: Preprocessing(converter=container, options=given))
    return row.made(
        "convert", lambda: Preprocessing(converter="builtin", options={"outputformat": str(convert), **given})
    )


def _key_values(row: _Row) -> tuple[tuple[str, str], ...]:
    if any(not key.strip() for key, _ in row.fields.key_values):
        row.refuse("kv", "a key is blank")
    return tuple((key.strip(), value) for key, value in row.fields.key_values if value.strip())


def _forms(row: _Row) -> tuple[FilledForm, ...]:
    filled = []
    for form, values in row.fields.forms.items():
        if not is_text(values):
            row.refuse(f"form:{form}", NO_TEXT)
            continue
        name = row.made(f"form:{form}", lambda form=form: _form_id.validate_python(form))  # type: ignore[misc]
        if name is not None and values:
            filled.append(FilledForm(form=name, values=values))
    return tuple(filled)
