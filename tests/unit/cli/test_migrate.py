"""`omero-flows migrate slurm-config` reports on every key, and changes nothing by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.slurm_config import read_slurm_config
from contracts.slurm_config.report import SlurmConfigMigration
from tests.unit.cli.command import omero_flows
from tests.unit.contracts.test_biomero_site import CONFIG, SETTINGS
from tests.unit.contracts.test_slurm_config import EVERYTHING


def test_every_key_is_in_the_table(tmp_path: Path) -> None:
    (tmp_path / "slurm-config.ini").write_text(EVERYTHING, "utf-8")
    answer = omero_flows("migrate", "slurm-config", "slurm-config.ini", folder=tmp_path)
    assert (answer.code, answer.error) == (0, "")
    migration = read_slurm_config(EVERYTHING)
    rows = [line for line in answer.out.splitlines() if " = " in line and line.startswith("│ ")]
    for key in migration.keys:
        assert any(f"│ {key.key} = " in row and key.outcome.value in row for row in rows), key
    assert "geheim" not in answer.out
    assert "72 keys (24 taken, 10 changed, 22 not needed, 16 not honoured); 3 workflows." in answer.out
    assert "gpu_type" in answer.out


def test_a_program_reads_json(tmp_path: Path) -> None:
    (tmp_path / "slurm-config.ini").write_text(EVERYTHING, "utf-8")
    answer = omero_flows("migrate", "slurm-config", "slurm-config.ini", "--json", folder=tmp_path)
    assert answer.code == 0
    assert SlurmConfigMigration.model_validate(json.loads(answer.out)) == read_slurm_config(EVERYTHING)


@pytest.mark.parametrize("content", [None, b"host=hpc", b"[SSH]\nhost=\xe4\n"])
def test_what_is_no_such_file_is_said(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "slurm-config.ini").write_bytes(content)
    answer = omero_flows("migrate", "slurm-config", "slurm-config.ini", folder=tmp_path)
    assert (answer.code, answer.out) == (1, "")
    assert "(bad-request)" in answer.error


def test_without_a_site_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "slurm-config.ini").write_text(EVERYTHING, "utf-8")
    for command in (("migrate", "slurm-config", "slurm-config.ini", "--write"), ("workflows", "list")):
        answer = omero_flows(*command, folder=tmp_path)
        assert answer.code == 1
        assert "(not-configured)" in answer.error


def test_all_files_of_a_site_are_read_from_a_folder_or_one_by_one(tmp_path: Path) -> None:
    names = {"slurm-config.ini": EVERYTHING, "settings.yml": SETTINGS, "biomero-config.json": CONFIG}
    (tmp_path / "site").mkdir()
    for name, text in names.items():
        (tmp_path / "site" / name).write_text(text, "utf-8")
    (tmp_path / "site" / "notes.txt").write_text("mine", "utf-8")
    told = omero_flows("migrate", "biomero", "site", folder=tmp_path)
    assert (told.code, told.error) == (0, "")
    for word in ("site/slurm-config.ini", "site/settings.yml", "converters.screen_db", "upload_to_group_folder"):
        assert word in told.out
    assert "3 workflows, 1 groups' folders, 2 conversions." in told.out
    assert "heim" not in told.out
    as_json = omero_flows("migrate", "biomero", "site/settings.yml", "--json", folder=tmp_path)
    assert json.loads(as_json.out)["database"]["host"] == "database-biomero"
    assert "heim" not in as_json.out
    (tmp_path / "site" / "settings.yml").write_text("max_workers: 4\nbase_dir: a: b\n", "utf-8")
    wrong = omero_flows("migrate", "biomero", "site", "--write", folder=tmp_path)
    assert (wrong.code, wrong.out) == (1, "")
    assert "settings.yml: Line 2, column 12" in wrong.error
    assert "has none of BIOMERO's files" in omero_flows("migrate", "biomero", ".", folder=tmp_path).error
