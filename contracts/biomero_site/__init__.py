"""An existing BIOMERO site's settings, all its files together, and what each of their keys becomes here.

Environment variables that override keys there are not looked at. Of the groups' folders one file is taken whole, as
BIOMERO does it: group-mappings.json, else biomero-config.json's `group_mappings`, else groups_list.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import yaml
from pydantic import Field

from contracts.base import Contract
from contracts.biomero_site.biomero_config import BiomeroConfig
from contracts.biomero_site.group_folders import GroupFolders
from contracts.biomero_site.importer_settings import DatabaseAddress, ImporterSettings
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_settings import Converter, ConverterName, UploadSettings
from contracts.slurm_config import LONGEST_FILE, read_slurm_config
from contracts.slurm_config.report import MigratedKey, Outcome, SlurmConfigMigration

_CONFIG_KEYS = {
    "FILE_OR_EXTENSION_PATTERNS_EXCLUSIVE",
    "PREPROCESSING_EXTENSION_MAP",
    "PREPROCESSING_CONFIG",
    "UPLOADER",
    "UPLOADER_NESTED_FILE_EXTENSIONS",
    "group_mappings",
}


class MigratedFile(Contract):
    """One file, with every key in its sequence."""

    name: str
    keys: Annotated[tuple[MigratedKey, ...], Field(strict=False)]


class BiomeroMigration(Contract):
    """What all files say together; None or empty: none of them says anything of it. `groups`: folders by the groups'
    names. `mount`: where the front ends have the image storage mounted.
    """

    files: Annotated[tuple[MigratedFile, ...], Field(strict=False)]
    slurm: SlurmConfigMigration | None = None
    groups: dict[str, str] = {}
    converters: dict[ConverterName, Converter] = {}
    uploads: UploadSettings | None = None
    database: DatabaseAddress | None = None
    mount: str | None = None

    @property
    def keys(self) -> tuple[MigratedKey, ...]:
        return tuple(key for file in self.files for key in file.keys)


@dataclass
class _Folders:
    """The groups' folders of one file. `rank`: a lower one wins."""

    rank: int
    folders: dict[str, str]
    file: int


def read_biomero_site(files: Mapping[str, str]) -> BiomeroMigration:
    """
    Args:
        files: texts by the files' names. What a file is, is known by its ending and, of a JSON file, by its content.

    Raises:
        FailureError: BAD_REQUEST, naming the file and the line that cannot be read.
    """
    read: list[MigratedFile] = []
    given: dict[str, Any] = {}
    mappings: list[_Folders] = []
    for name, text in files.items():
        try:
            keys = _read_file(name, text, given, mappings, len(read))
        except FailureError as error:
            summary = error.failure.summary
            raise FailureError(error.failure.model_copy(update={"summary": f"{name}: {summary}"})) from error
        read.append(MigratedFile(name=name, keys=tuple(keys)))
    winner = min(mappings, key=lambda found: found.rank, default=None)
    for found in mappings:
        if found is not winner:
            read[found.file] = _overruled(read[found.file], read[winner.file].name if winner is not None else "")
    return BiomeroMigration(files=tuple(read), groups=winner.folders if winner is not None else {}, **given)


def _read_file(
    name: str, text: str, given: dict[str, Any], mappings: list[_Folders], position: int
) -> Sequence[MigratedKey]:
    text = text.removeprefix("\ufeff")
    if len(text) > LONGEST_FILE:
        raise _bad(f"It is longer than {LONGEST_FILE:,} characters.")
    if name.endswith(".ini"):
        slurm = _once(given, "slurm", read_slurm_config(text), "slurm-config.ini")
        return tuple(slurm.keys)
    if name.endswith((".yml", ".yaml")):
        importer = ImporterSettings(_object(_yaml(text)), name)
        for field, value in (("database", importer.database), ("mount", importer.mount)):
            if value is not None:
                _once(given, field, value, "settings.yml")
        return importer.keys
    if not name.endswith(".json"):
        raise _bad("It is none of BIOMERO's files: .ini, .json and .yml are read.")
    content = _json(text)
    groups = GroupFolders(name)
    if isinstance(content, list):
        keys = groups.take_list(content)
        mappings.append(_Folders(2, groups.folders, position))
        return keys
    if _CONFIG_KEYS.isdisjoint(_object(content)) and content:
        keys = groups.take_mappings(content)
        mappings.append(_Folders(0, groups.folders, position))
        return keys
    config = BiomeroConfig(content, name)
    if config.has_folders:
        mappings.append(_Folders(1, config.folders, position))
    if config.converters:
        _once(given, "converters", config.converters, "biomero-config.json")
    if config.uploads is not None:
        _once(given, "uploads", config.uploads, "biomero-config.json")
    return config.keys


def _once(given: dict[str, Any], field: str, value: Any, what: str) -> Any:
    if field in given:
        raise _bad(f"There is another {what}; give one.")
    given[field] = value
    return value


def _overruled(file: MigratedFile, by: str) -> MigratedFile:
    """Its groups are not taken: another file has them, as in BIOMERO."""
    said = {"outcome": Outcome.NOT_NEEDED, "became": "", "reason": f"{by} has the groups' folders, and wins."}
    keys = (key.model_copy(update=said) if key.key.startswith("group ") else key for key in file.keys)
    return MigratedFile(name=file.name, keys=tuple(keys))


def _object(content: Any) -> dict[str, Any]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise _bad("It holds no keys with values.")
    return {str(name): value for name, value in content.items()}


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as error:
        raise _bad(f"Line {error.lineno}, column {error.colno} is no JSON: {error.msg}.") from error
    except (RecursionError, ValueError) as error:
        raise _bad(f"It is no JSON: {error}.") from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = sorted({name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1})
        raise ValueError(f"the key {twice[0][:80]!r} is there twice")
    return made


def _yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"Line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "It"
        raise _bad(f"{where} is no YAML: {error.problem}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _bad(f"It is no YAML: {error}.") from error


def _bad(summary: str) -> FailureError:
    return fail(FailureCategory.BAD_REQUEST, summary, next_step="Correct it; nothing was saved.")
