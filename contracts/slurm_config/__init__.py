"""An existing BIOMERO site's slurm-config.ini, and what each of its keys becomes here.

Read as BIOMERO reads it: Python's configparser with `%` interpolation, keys in small letters, keys without
`=` allowed. Environment variables that override keys there (BIOMERO_GPU_PARTITION, ...) and further files
that BIOMERO merges are not looked at.
"""

from __future__ import annotations

import configparser

from contracts.failures import FailureCategory, fail
from contracts.slurm_config.cluster import ClusterKeys
from contracts.slurm_config.report import MigratedKey, SlurmConfigMigration, WrittenKey
from contracts.slurm_config.workflows import LISTS, SECTIONS, WorkflowKeys

#: Characters.
LONGEST_FILE = 1 << 20
_CLUSTER_SECTIONS = ("SSH", "SLURM", "ANALYTICS", "CONVERTERS", "UI")


def read_slurm_config(text: str) -> SlurmConfigMigration:
    """Take what can be taken of a slurm-config.ini; every key of it is in the result's `keys`.

    Raises:
        FailureError: BAD_REQUEST when the text is no ini file that BIOMERO itself could read.
    """
    keys, broken = _read_keys(text)
    cluster = ClusterKeys()
    workflows = WorkflowKeys([key for key in keys if key.section in SECTIONS and key not in broken])
    rows: list[MigratedKey] = []
    for key in keys:
        if key in broken:
            rows.append(key.not_honoured("Its '%' is no reference to another key, and BIOMERO cannot read it either."))
        elif key.section in SECTIONS:
            rows.append(workflows.take(key))
        elif key.section == "UI" and key.key in LISTS:
            rows.append(workflows.take_list(key))
        elif key.section in _CLUSTER_SECTIONS:
            rows.append(cluster.take(key))
        elif key.section.lower() == "changelog":
            rows.append(key.not_needed("It is a comment."))
        else:
            rows.append(key.not_honoured(f"BIOMERO has no section [{key.section}]."))
    return SlurmConfigMigration(workflows=workflows.entries, cluster=cluster.settings, keys=tuple(rows))


def _read_keys(text: str) -> tuple[list[WrittenKey], list[WrittenKey]]:
    """All keys in the file's sequence, and those among them whose interpolation fails."""
    if len(text) > LONGEST_FILE:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The file is longer than {LONGEST_FILE:,} characters.",
            next_step="Give a slurm-config.ini.",
        )
    # [DEFAULT] is a section like any other here, so that its keys are reported once and not in every section.
    parser = configparser.ConfigParser(allow_no_value=True, default_section="\0")
    try:
        parser.read_string(text.removeprefix("\ufeff"), "slurm-config.ini")
    except configparser.Error as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The file is no slurm-config.ini.",
            detail=str(error),
            next_step="Correct that line; BIOMERO cannot read it either.",
        ) from error
    keys: list[WrittenKey] = []
    broken: list[WrittenKey] = []
    for section in parser.sections():
        for name in parser.options(section):
            try:
                value = parser.get(section, name) or ""
            except configparser.InterpolationError:
                value = parser.get(section, name, raw=True) or ""
                broken.append(WrittenKey(section=section, key=name, value=value.strip()))
            keys.append(WrittenKey(section=section, key=name, value=value.strip()))
    return keys, broken
