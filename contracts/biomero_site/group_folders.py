"""The groups' folders of a BIOMERO site: `group_mappings`, group-mappings.json, the importer's older groups_list.json.

`{"<group id>": {"folder": "<below the base>", "groupName": "<name>"}}`, with "", "." or "root" for the whole base;
`[{"core_grp_name": "<folder>", "omero_grp_name": "<name>", "omero_grp_id": id}]`.
"""

from __future__ import annotations

from typing import Any

from contracts.biomero_site.values import as_text
from contracts.slurm_config.report import MigratedKey, WrittenKey
from contracts.source_file import check_relative_path

_WHOLE = ("", ".", "root")


class GroupFolders:
    """Takes the groups of one file one by one; `folders` is by OMERO's name of the group."""

    def __init__(self, section: str) -> None:
        self._section = section
        self.folders: dict[str, str] = {}

    def take_mappings(self, mappings: Any) -> list[MigratedKey]:
        """All groups of a `group_mappings`."""
        if not isinstance(mappings, dict):
            return [self._key("group_mappings", mappings).not_honoured("It is no object of groups by their ids.")]
        return [
            self._take(self._key(f"group {group}", value), value, "groupName", "folder")
            for group, value in mappings.items()
        ]

    def take_list(self, groups: list[Any]) -> list[MigratedKey]:
        """All groups of a groups_list.json."""
        return [
            self._take(self._key(f"group {number}", value), value, "omero_grp_name", "core_grp_name")
            for number, value in enumerate(groups, start=1)
        ]

    def _key(self, name: str, value: Any) -> WrittenKey:
        return WrittenKey(section=self._section, key=as_text(name), value=as_text(value))

    def _take(self, key: WrittenKey, value: Any, name_field: str, folder_field: str) -> MigratedKey:
        group = value.get(name_field) if isinstance(value, dict) else None
        folder = value.get(folder_field) if isinstance(value, dict) else None
        if not isinstance(group, str) or not group.isprintable() or not group.strip() or not isinstance(folder, str):
            return key.not_honoured(f"It has no {name_field} and {folder_field}.")
        folder = folder.strip().rstrip("/")
        if folder in _WHOLE:
            folder = "."
        else:
            try:
                check_relative_path(folder)
            except ValueError as error:
                return key.not_honoured(f"{error}.")
        if self.folders.get(group, folder) != folder:
            return key.not_honoured(f"{group!r} has the folder {self.folders[group]!r} already; it can have one.")
        self.folders[group] = folder
        became = f"storage groups.{group} = {folder}"
        return key.taken(became) if folder != "." else key.changed(became, "Its members may import from every folder.")
