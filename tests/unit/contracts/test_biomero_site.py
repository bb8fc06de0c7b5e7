"""Every key of a BIOMERO site's files is taken, changed or said to be lost; a bad file is said with its line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.biomero_site import BiomeroMigration, read_biomero_site
from contracts.biomero_site.importer_settings import read_database_url
from contracts.biomero_site.values import as_text
from contracts.failures import FailureCategory, FailureError
from contracts.slurm_config.report import Outcome

SHARED = Path(os.environ.get("OMERO_FLOWS_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))

CONFIG = """{
  "FILE_OR_EXTENSION_PATTERNS_EXCLUSIVE": ["experiment.db", ".xlef"],
  "PREPROCESSING_EXTENSION_MAP": {".lif": "dataset_leica_uuid", ".XLEF": "dataset_leica_uuid", ".db": "screen_db",
                                  "odd": "screen_db", ".lost": "nowhere"},
  "PREPROCESSING_CONFIG": {
    "dataset_leica_uuid": {"container": "cellularimagingcf/convertleica-docker:v1.2.0",
                           "extra_params": {"image_uuid": "{UUID}", "level": 3}},
    "screen_db": {"container": "ghcr.io/org/cimagexpress@sha256:%s"},
    "broken": {"container": "Not An Image"},
    "Not a name": {"container": "org/image:v1"}
  },
  "UPLOADER": {"enabled": true, "upload_to_group_folder": true, "chunk_size": 500},
  "group_mappings": {"3": {"folder": "demo", "groupName": "demo"}},
  "Extra": 1
}""" % ("a" * 64)  # fmt: skip
MAPPINGS = """{"3": {"folder": "core/Project A/", "groupName": "demo"}, "0": {"folder": "root", "groupName": "system"},
 "9": {"folder": "../etc", "groupName": "bad"}, "10": {"folder": "elsewhere", "groupName": "demo"}, "11": 4}"""


def outcomes(migration: BiomeroMigration) -> dict[str, Outcome]:
    return {key.key: key.outcome for key in migration.keys}


def test_every_key_of_a_biomero_config() -> None:
    migration = read_biomero_site({"biomero-config.json": CONFIG})
    leica = migration.converters["dataset_leica_uuid"]
    assert leica.extensions == (".lif", ".xlef")
    assert leica.preprocessing.converter == "docker.io/cellularimagingcf/convertleica-docker:v1.2.0"
    assert leica.preprocessing.options == {"image_uuid": "{series}", "level": "3"}
    assert leica.takes_series
    assert list(migration.converters) == ["dataset_leica_uuid", "screen_db"]
    assert migration.groups == {"demo": "demo"}
    assert migration.uploads is not None
    assert (migration.uploads.enabled, migration.uploads.chunk_megabytes) == (True, 16)
    assert outcomes(migration) == {
        "FILE_OR_EXTENSION_PATTERNS_EXCLUSIVE": Outcome.NOT_NEEDED,
        "PREPROCESSING_EXTENSION_MAP .lif": Outcome.TAKEN,
        "PREPROCESSING_EXTENSION_MAP .XLEF": Outcome.TAKEN,
        "PREPROCESSING_EXTENSION_MAP .db": Outcome.TAKEN,
        "PREPROCESSING_EXTENSION_MAP odd": Outcome.NOT_HONOURED,
        "PREPROCESSING_EXTENSION_MAP .lost": Outcome.NOT_HONOURED,
        "PREPROCESSING_CONFIG dataset_leica_uuid": Outcome.CHANGED,
        "PREPROCESSING_CONFIG screen_db": Outcome.CHANGED,
        "PREPROCESSING_CONFIG broken": Outcome.NOT_HONOURED,
        "PREPROCESSING_CONFIG Not a name": Outcome.NOT_HONOURED,
        "UPLOADER enabled": Outcome.TAKEN,
        "UPLOADER upload_to_group_folder": Outcome.TAKEN,
        "UPLOADER chunk_size": Outcome.NOT_HONOURED,
        "group 3": Outcome.TAKEN,
        "Extra": Outcome.NOT_HONOURED,
    }


def test_one_file_has_the_groups_folders() -> None:
    """As in BIOMERO: group-mappings.json before the config before the importer's older list."""
    older = '[{"core_grp_name": "Old", "omero_grp_name": "demo", "omero_grp_id": 3}]'
    files = {"groups_list.json": older, "biomero-config.json": CONFIG, "group-mappings.json": MAPPINGS}
    migration = read_biomero_site(files)
    assert migration.groups == {"demo": "core/Project A", "system": "."}
    said = {(key.section, key.key): (key.outcome, key.reason) for key in migration.keys}
    assert said["groups_list.json", "group 1"] == (
        Outcome.NOT_NEEDED, "group-mappings.json has the groups' folders, and wins."
    )  # fmt: skip
    assert said["biomero-config.json", "group 3"][0] is Outcome.NOT_NEEDED
    assert said["group-mappings.json", "group 0"][0] is Outcome.CHANGED
    assert [said["group-mappings.json", f"group {bad}"][0] for bad in (9, 10, 11)] == [Outcome.NOT_HONOURED] * 3
    del files["group-mappings.json"]
    assert read_biomero_site(files).groups == {"demo": "demo"}
    assert read_biomero_site({"groups_list.json": older}).groups == {"demo": "Old"}


SETTINGS = """log_level: DEBUG
base_dir: /data/
ingest_tracking_db: postgresql+psycopg2://bio%40mero:ge%2Fheim@database-biomero:5433/biomero
max_workers: 4
skip_all: true
ttl_for_user_conn: 60000
use_register_zarr: true
annotation_namespace: biomero.import
sample_image: /data/x.tif
nonsense: [1, 2]
empty:
"""


def test_every_key_of_the_importers_settings() -> None:
    migration = read_biomero_site({"settings.yml": SETTINGS})
    found = migration.database
    assert found is not None
    assert (found.host, found.port, found.database, found.user) == ("database-biomero", 5433, "biomero", "bio@mero")
    assert found.password is not None
    assert found.password.get_secret_value() == "ge/heim"
    assert migration.mount == "/data"
    for shown in (migration.model_dump_json(), repr(migration), str(migration.keys)):
        assert "heim" not in shown
    assert outcomes(migration) == {
        "log_level": Outcome.NOT_NEEDED,
        "base_dir": Outcome.CHANGED,
        "ingest_tracking_db": Outcome.TAKEN,
        "max_workers": Outcome.CHANGED,
        "skip_all": Outcome.NOT_NEEDED,
        "ttl_for_user_conn": Outcome.NOT_HONOURED,
        "use_register_zarr": Outcome.NOT_HONOURED,
        "annotation_namespace": Outcome.TAKEN,
        "sample_image": Outcome.NOT_NEEDED,
        "nonsense": Outcome.NOT_HONOURED,
        "empty": Outcome.TAKEN,
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real files of BIOMERO are not here (OMERO_FLOWS_SHARED_DATA)")
def test_real_files_of_biomero_are_taken_without_a_key_left_out() -> None:
    names = ("biomero-slurm-config.ini", "biomero-importer-settings.yml", "biomero-groups_list.json")
    texts = {name: (SHARED / name).read_text("utf-8") for name in names}
    migration = read_biomero_site(texts)
    settings = yaml.safe_load(texts["biomero-importer-settings.yml"])
    assert [key.key for key in migration.files[1].keys] == list(settings)
    assert migration.groups == {"demo": "Project A", "system": "Project B"}
    assert migration.database is not None
    assert (migration.database.host, migration.database.user) == ("database-biomero", "biomero")
    assert migration.mount == "/data"
    assert migration.slurm is not None
    assert "cellpose" in migration.slurm.workflows
    unknown = [key for key in migration.keys if "no such key" in key.reason]
    assert unknown == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "biomero-config.json",
            '{\n "UPLOADER": {"enabled" true}\n}',
            "biomero-config.json: Line 2, column 25 is no JSON",
        ),
        ("biomero-config.json", '{"UPLOADER": 1, "UPLOADER": 2}', "the key 'UPLOADER' is there twice"),
        ("biomero-config.json", "3", "holds no keys"),
        ("settings.yml", "max_workers: 4\nbase_dir: a: b\n", "settings.yml: Line 2, column 12 is no YAML"),
        ("settings.yml", "- a\n", "holds no keys"),
        ("slurm-config.ini", "host=a\n", "slurm-config.ini: The file is no slurm-config.ini"),
        ("notes.txt", "", "notes.txt: It is none of BIOMERO's files"),
    ],
)
def test_a_bad_file_is_said_with_its_line(name: str, text: str, said: str) -> None:
    with pytest.raises(FailureError) as caught:
        read_biomero_site({name: text})
    assert caught.value.failure.category is FailureCategory.BAD_REQUEST
    assert said in caught.value.failure.summary


def test_two_files_that_say_the_same_thing_are_refused() -> None:
    with pytest.raises(FailureError, match="another settings.yml"):
        read_biomero_site({"settings.yml": SETTINGS, "old/settings.yml": SETTINGS})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
CONFIG_KEYS = set(json.loads(CONFIG)) - {"Extra"}
KEYS = st.sampled_from([*json.loads(CONFIG), *yaml.safe_load(SETTINGS), "sqlalchemy_url"]) | st.text(max_size=10)


ENTRIES = st.fixed_dictionaries({"container": JSON, "extra_params": JSON, "folder": JSON, "groupName": JSON})
PARTS = st.dictionaries(st.sampled_from([".lif", "3", "enabled", "chunk_size", "a"]), JSON | ENTRIES)


@given(st.dictionaries(KEYS, JSON | PARTS, max_size=5), st.sampled_from(["biomero-config.json", "settings.yml"]))
def test_whatever_a_file_holds_every_key_has_a_row(content: dict[str, object], name: str) -> None:
    migration = read_biomero_site({name: json.dumps(content)})
    rows = [key.key for key in migration.keys]
    if name.endswith(".yml"):
        assert len(rows) == len(content)
    elif not CONFIG_KEYS.isdisjoint(content):
        for key in content:
            assert any(row.startswith("group" if key == "group_mappings" else as_text(key)) for row in rows)
    assert migration.model_dump_json()
    assert all(key.outcome is Outcome.TAKEN or key.reason for key in migration.keys)


@given(st.text(max_size=300), st.sampled_from(["a.json", "a.yml", "a.ini"]))
def test_any_text_is_read_or_refused(text: str, name: str) -> None:
    try:
        read_biomero_site({name: text})
    except FailureError as error:
        assert error.failure.summary.startswith(name)


@given(st.text(max_size=60).map(lambda text: f"postgresql://u:geheim@{text}"))
def test_an_address_that_is_none_never_shows_the_password(text: str) -> None:
    try:
        found = read_database_url(text)
    except ValueError as error:
        assert "geheim" not in str(error)
    else:
        assert found.user == "u"
