"""A manifest from a file's bytes, in the format that its name ends with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from contracts.batch.csv_manifest import read_csv
from contracts.batch.json_manifest import read_json
from contracts.batch.manifest import Manifest, ManifestRow, RowDefaults, RowProblem, problem
from contracts.batch.spreadsheet_manifest import read_spreadsheet
from contracts.import_order import MOST_FORMS

#: Bytes of a manifest file.
LARGEST_MANIFEST = 64 << 20

_READERS: dict[str, Callable[[bytes, RowDefaults], Manifest]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".json": read_json,
    ".xlsx": read_spreadsheet,
}


def read_manifest(name: str, content: bytes, defaults: RowDefaults) -> Manifest:
    """The manifest in a file. It never raises for what a file holds: whatever is wrong is a problem of it."""
    reader = _READERS.get(PurePosixPath(name).suffix.lower())
    if reader is None:
        why = f"{name[:200]!r} ends in none of {', '.join(_READERS)}"
        return Manifest(problems=(problem(1, None, why, "Save the manifest in one of these formats."),))
    if len(content) > LARGEST_MANIFEST:
        return Manifest(problems=(problem(1, None, f"the manifest has {len(content):,} bytes", "Split it."),))
    manifest = reader(content, defaults)
    return without_repetitions(manifest)


def without_repetitions(manifest: Manifest) -> Manifest:
    """The manifest without rows that say what an earlier row says, or something else of the same thing.

    A file goes to one place once; what is filled in for a destination is the same in all rows that fill it in.
    """
    seen: dict[object, int] = {}
    filled: dict[object, tuple[int, object]] = {}
    forms: dict[object, set[str]] = {}
    rows: list[ManifestRow] = []
    problems: list[RowProblem] = []
    for row in manifest.rows:
        place = (row.user, row.group, row.destination)
        before = len(problems)
        if (first := seen.setdefault((*place, row.path, row.series), row.line)) != row.line:
            problems.append(problem(row.line, "path", f"line {first} has this file for this destination already"))
        for form in row.forms:
            line, values = filled.setdefault((*place, form.form), (row.line, form.values))
            if values != form.values:
                why = f"line {line} fills in the form {form.form!r} for this destination differently"
                problems.append(problem(row.line, f"form:{form.form}", why))
            of_place = forms.setdefault(place, set())
            of_place.add(form.form)
            if len(of_place) > MOST_FORMS:
                why = f"this is form {len(of_place)} for this destination; there can be {MOST_FORMS}"
                problems.append(problem(row.line, f"form:{form.form}", why))
        if len(problems) == before:
            rows.append(row)
    return Manifest(rows=tuple(rows), problems=manifest.problems + tuple(problems))
