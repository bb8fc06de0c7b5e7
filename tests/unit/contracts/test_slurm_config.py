"""A BIOMERO site's slurm-config.ini: what each key becomes, and that no key is passed over in silence."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.cluster_settings import ClusterSettings
from contracts.failures import FailureCategory, FailureError
from contracts.slurm_config import read_slurm_config
from contracts.slurm_config.report import MigratedKey, Outcome, SlurmConfigMigration
from contracts.workflow_entry import WorkflowEntry, WorkflowMode

EVERYTHING = """\
[SSH]
host=hpc
inline_ssh_env=True

[SLURM]
slurm_data_path=my-scratch/data
slurm_images_path=~/images
slurm_converters_path=~/converters
slurm_script_path=slurm-scripts
slurm_script_repo=https://github.com/lab/slurm-scripts/
slurm_data_bind_path=/data,/scratch:/scratch
slurm_conversion_partition=cpu-short
slurm_default_partition=cpu
sacct_start_time=2023-01-01
sacct_days_ago=
env_file_submission=false
inject_gpu_flag=yes
gpu_partition=gpu
gpu_gres=gpu:1g.10gb:1
gpu_gpus=
slurm_image_pull_via_sbatch=True
image_pull_cpus=4
image_pull_mem=16G
apptainer_tmpdir=/scratch/tmp
apptainer_cachedir=
slurm_zip_cmd=$(command -v 7z || command -v 7za)
sbatch_account=bio
sbatch_mail-type=NONE
sbatch_cpus_per_gpu=2
sbatch_wrap=id
sbatch_time=01:30:00
sbatch_mail-user=me@example.org
sbatch_qos=

[ANALYTICS]
track_workflows=True
enable_job_accounting=False
enable_job_progress=True
enable_workflow_analytics=True
sqlalchemy_url=postgresql+psycopg2://biomero:geheim@database/biomero
analytics_rebuild_start_time=
analytics_rebuild_days_ago=

[CONVERTERS]
zarr_to_tiff=lab/convert_zarr_to_tiff:1.14.0
zarr_to_png=lab/convert:1

[MODELS]
cellpose=old
cellpose_repo=https://github.com/lab/W_Cellpose/tree/v1.2.7
older=older
older_repo=https://github.com/lab/W_Older/tree/main
older_job=jobs/older.sh

[WORKFLOWS]
cellpose=cellpose
CellPose_Repo=https://github.com/lab/W_Cellpose/tree/v1.3.1
cellpose_job_gres=gpu:1
cellpose_job=jobs/cellpose.sh
cellpose_job_mem="15GB"
cellpose_job_time=01:00:00
cellpose_job_partition=gpu-long
cellpose_job_cpus_per_task=8
cellpose_job_reservation=biomero
cellpose_job_output=/tmp/log
cellpose_job_gpus=1
cellpose_use_gpu=true
cellpose_plugin_path=skills
plates_repo=https://github.com/lab/W_Plates/tree/v2/config.yaml
plates=../elsewhere
nowhere=nowhere
nowhere_job=jobs/nowhere.sh
wrong=wrong
wrong_repo=/local/folder
bare

[UI]
plate_workflows=["plates"]
dual_mode_workflows=["plates", "gone"]
zarr_workflows=["Cellpose"]
max_batch_jobs=50
allow_dangerous_jobs=false
colour=blue

[changelog]
2026-11-01 10:00:00 = by alice

[DEFAULT]
x=1
"""


@pytest.fixture(scope="module")
def migrated() -> SlurmConfigMigration:
    return read_slurm_config(EVERYTHING)


def rows(migration: SlurmConfigMigration) -> dict[tuple[str, str], MigratedKey]:
    return {(row.section, row.key): row for row in migration.keys}


def test_the_real_file(shared_data: Path) -> None:
    text = (shared_data / "biomero-slurm-config.ini").read_text("utf-8")
    migration = read_slurm_config(text)
    assert list(migration.workflows) == [
        "cellpose",
        "stardist",
        "cellexpansion",
        "spotcounting",
        "nuclei_measurements",
        "aggregates_measurements",
    ]
    cellpose = migration.workflows["cellpose"]
    assert (cellpose.repository, cellpose.folder) == (
        "https://github.com/TorecLuik/W_NucleiSegmentation-Cellpose/tree/v1.3.1",
        "cellpose",
    )
    assert cellpose.source is not None and cellpose.source.version == "v1.3.1"
    assert (migration.cluster.host, migration.cluster.scratch) == ("localslurm", "/data/my-scratch/data")
    assert {row.outcome for row in migration.keys} == {Outcome.TAKEN, Outcome.NOT_NEEDED}
    parser = configparser.ConfigParser(allow_no_value=True)
    parser.read_string(text)
    assert [(row.section, row.key) for row in migration.keys] == [
        (section, key) for section in parser.sections() for key in parser.options(section)
    ]


def test_the_cluster(migrated: SlurmConfigMigration) -> None:
    assert migrated.cluster == ClusterSettings(
        host="hpc",
        scratch="my-scratch/data",
        images="images",
        binds=("/scratch:/scratch",),
        default_partition="cpu",
        default_minutes=90,
        gpu_partition="gpu",
        gpu_style="gres",
        gpu_type="1g.10gb",
        pull_cpus=4,
        pull_memory_mb=16384,
        tmpdir="/scratch/tmp",
        sbatch_options={"account": "bio", "mail-type": "NONE", "cpus-per-gpu": "2"},
        most_tasks_at_once=10,
    )


def test_the_workflows(migrated: SlurmConfigMigration) -> None:
    assert migrated.workflows == {
        "cellpose": WorkflowEntry(
            repository="https://github.com/lab/W_Cellpose/tree/v1.3.1",
            folder="cellpose",
            gres="gpu:1",
            memory="15GB",
            time="01:00:00",
            partition="gpu-long",
            cpus=8,
            use_gpu=True,
            sbatch={"reservation": "biomero"},
            zarr=True,
        ),
        "older": WorkflowEntry(repository="https://github.com/lab/W_Older/tree/main", folder="older"),
        "plates": WorkflowEntry(
            repository="https://github.com/lab/W_Plates/tree/v2/config.yaml", mode=WorkflowMode.BOTH
        ),
    }


def test_every_key_is_told_once(migrated: SlurmConfigMigration) -> None:
    parser = configparser.ConfigParser(allow_no_value=True, default_section="\0")
    parser.read_string(EVERYTHING)
    told = [(row.section, row.key) for row in migrated.keys]
    assert told == [(section, key) for section in parser.sections() for key in parser.options(section)]
    assert len(set(told)) == len(told)
    assert all(row.became or row.reason for row in migrated.keys)


@pytest.mark.parametrize(
    ("section", "key", "outcome", "words"),
    [
        ("SSH", "host", Outcome.TAKEN, "cluster host = hpc"),
        ("SSH", "inline_ssh_env", Outcome.NOT_NEEDED, "as a file"),
        ("SLURM", "slurm_images_path", Outcome.CHANGED, "the account's home"),
        ("SLURM", "slurm_converters_path", Outcome.NOT_NEEDED, "while they are staged"),
        ("SLURM", "slurm_data_bind_path", Outcome.CHANGED, "/data would hide /data"),
        ("SLURM", "inject_gpu_flag", Outcome.NOT_NEEDED, "asked for one"),
        ("SLURM", "slurm_image_pull_via_sbatch", Outcome.NOT_NEEDED, "by jobs"),
        ("SLURM", "image_pull_mem", Outcome.CHANGED, "cluster pull_memory_mb = 16384 In MiB."),
        ("SLURM", "sbatch_time", Outcome.CHANGED, "cluster default_minutes = 90"),
        ("SLURM", "sbatch_mail-user", Outcome.NOT_HONOURED, "with each run"),
        ("SLURM", "slurm_script_path", Outcome.NOT_NEEDED, "own folder"),
        ("SLURM", "slurm_script_repo", Outcome.NOT_HONOURED, "made from the descriptor"),
        ("SLURM", "slurm_conversion_partition", Outcome.NOT_NEEDED, "while they are staged"),
        ("SLURM", "sacct_days_ago", Outcome.NOT_NEEDED, "own jobs"),
        ("SLURM", "env_file_submission", Outcome.NOT_NEEDED, "always travel as a file"),
        ("SLURM", "gpu_gpus", Outcome.TAKEN, "not set"),
        ("SLURM", "gpu_gres", Outcome.TAKEN, "cluster gpu_style = gres, gpu_type = 1g.10gb"),
        ("SLURM", "slurm_zip_cmd", Outcome.NOT_NEEDED, "zipped"),
        ("SLURM", "sbatch_account", Outcome.TAKEN, "cluster sbatch --account=bio"),
        ("SLURM", "sbatch_cpus_per_gpu", Outcome.CHANGED, "writes it with '-'"),
        ("SLURM", "sbatch_wrap", Outcome.NOT_HONOURED, "--wrap is set by the run"),
        ("SLURM", "sbatch_qos", Outcome.TAKEN, "not set"),
        ("ANALYTICS", "track_workflows", Outcome.NOT_NEEDED, "Prefect's history"),
        ("ANALYTICS", "enable_job_accounting", Outcome.NOT_HONOURED, "cannot be turned off"),
        ("ANALYTICS", "sqlalchemy_url", Outcome.NOT_NEEDED, "database"),
        ("CONVERTERS", "zarr_to_tiff", Outcome.NOT_NEEDED, "while they are staged"),
        ("CONVERTERS", "zarr_to_png", Outcome.NOT_HONOURED, "no container converts"),
        ("MODELS", "cellpose", Outcome.NOT_NEEDED, "[WORKFLOWS] has the same key"),
        ("MODELS", "older_repo", Outcome.CHANGED, "names no version"),
        ("WORKFLOWS", "cellpose_repo", Outcome.TAKEN, "image at v1.3.1"),
        ("WORKFLOWS", "cellpose_job", Outcome.NOT_NEEDED, "made from the descriptor"),
        ("WORKFLOWS", "cellpose_job_gres", Outcome.TAKEN, "cellpose: --gres=gpu:1"),
        ("WORKFLOWS", "cellpose_job_mem", Outcome.CHANGED, "quotes"),
        ("WORKFLOWS", "cellpose_job_cpus_per_task", Outcome.CHANGED, "writes it with '-'"),
        ("WORKFLOWS", "cellpose_job_output", Outcome.NOT_HONOURED, "--output is set by the run"),
        ("WORKFLOWS", "cellpose_job_gpus", Outcome.NOT_HONOURED, "exclude each other"),
        ("WORKFLOWS", "cellpose_plugin_path", Outcome.NOT_HONOURED, "biomero-workflow-skills"),
        ("WORKFLOWS", "plates", Outcome.NOT_HONOURED, "no folder inside slurm_images_path"),
        ("WORKFLOWS", "nowhere", Outcome.NOT_HONOURED, "There is no nowhere_repo"),
        ("WORKFLOWS", "nowhere_job", Outcome.NOT_HONOURED, "There is no nowhere_repo"),
        ("WORKFLOWS", "wrong", Outcome.NOT_HONOURED, "only http:// and https://"),
        ("WORKFLOWS", "wrong_repo", Outcome.NOT_HONOURED, "only http:// and https://"),
        ("WORKFLOWS", "bare", Outcome.NOT_HONOURED, "There is no bare_repo"),
        ("UI", "dual_mode_workflows", Outcome.CHANGED, "There is no workflow gone."),
        ("UI", "zarr_workflows", Outcome.TAKEN, "take OME-Zarr: cellpose"),
        ("UI", "allow_dangerous_jobs", Outcome.CHANGED, "most_tasks_at_once = 10"),
        ("UI", "colour", Outcome.NOT_HONOURED, "no such key"),
        ("changelog", "2026-11-01 10", Outcome.NOT_NEEDED, "comment"),
        ("DEFAULT", "x", Outcome.NOT_HONOURED, "no section [DEFAULT]"),
    ],
)
def test_what_a_key_becomes(
    migrated: SlurmConfigMigration, section: str, key: str, outcome: Outcome, words: str
) -> None:
    row = rows(migrated)[section, key]
    assert (row.outcome, words in f"{row.became} {row.reason}") == (outcome, True), row


def test_a_password_is_never_repeated(migrated: SlurmConfigMigration) -> None:
    assert "geheim" not in migrated.model_dump_json()


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("[SSH]\nhost=-oProxyCommand=id", "host", "characters that do not belong there"),
        ("[SLURM]\nslurm_data_path=/a; rm -rf /", "slurm_data_path", "characters that do not belong there"),
        ("[SLURM]\nslurm_data_path=/a/../b", "slurm_data_path", "'..'"),
        ("[SLURM]\ngpu_gres=gpu:1 --wrap=id", "gpu_gres", "--gres cannot be"),
        ("[SLURM]\ngpu_gres=gpu:1,shard:1", "gpu_gres", "no one kind of GPU"),
        ("[SLURM]\nslurm_data_bind_path=/a b", "slurm_data_bind_path", "characters that do not belong there"),
        ("[SLURM]\nsbatch_time=UNLIMITED", "sbatch_time", "no time as sbatch takes it"),
        ("[SLURM]\ngpu_gres=gpu:1\ngpu_gpus=1", "gpu_gpus", "exclude each other"),
        ("[SLURM]\ninject_gpu_flag=perhaps", "inject_gpu_flag", "neither true nor false"),
        ("[SLURM]\nimage_pull_cpus=many", "image_pull_cpus", "no whole number"),
        ("[SLURM]\nimage_pull_cpus=0", "image_pull_cpus", "greater than or equal to 1"),
        ("[SLURM]\nimage_pull_mem=much", "image_pull_mem", "no memory as sbatch takes it"),
        ("[SLURM]\nslurm_data_path=%(nothing)s", "slurm_data_path", "'%'"),
        ("[ANALYTICS]\ntrack_workflows=maybe", "track_workflows", "neither true nor false"),
        ("[UI]\nmax_batch_jobs=ten", "max_batch_jobs", "no whole number"),
        ("[UI]\nallow_dangerous_jobs=maybe", "allow_dangerous_jobs", "neither true nor false"),
        ("[UI]\nplate_workflows=cellpose", "plate_workflows", "no list of names"),
        ("[UI]\nplate_workflows=[1]", "plate_workflows", "no list of names"),
        ("[OTHER]\na=1", "a", "no section [OTHER]"),
        ("[WORKFLOWS]\na b_repo=https://github.com/lab/x", "a b_repo", "no name for a workflow"),
        ("[WORKFLOWS]\na_repo=https://github.com/lab/x\na_use_gpu=maybe", "a_use_gpu", "neither true nor false"),
        ("[WORKFLOWS]\na_repo=https://github.com/lab/x\na_job_time=1; id", "a_job_time", "--time cannot be"),
    ],
)
def test_what_cannot_be_taken_is_said_and_left_out(text: str, key: str, words: str) -> None:
    migration = read_slurm_config(text)
    row = next(row for row in migration.keys if row.key == key)
    assert (row.outcome, words in row.reason) == (Outcome.NOT_HONOURED, True), row


@pytest.mark.parametrize(
    "text", ["host=hpc", "[SSH]\nhost=a\nhost=b", "[SSH]\n[SSH]\n", "\0", "[SSH]\n" + "#" * (1 << 20)]
)
def test_what_is_no_ini_file(text: str) -> None:
    with pytest.raises(FailureError) as refusal:
        read_slurm_config(text)
    assert refusal.value.failure.category is FailureCategory.BAD_REQUEST


def test_an_empty_file_is_a_site_with_nothing() -> None:
    assert read_slurm_config("") == SlurmConfigMigration(workflows={}, cluster=ClusterSettings(), keys=())


def test_biomeros_own_sequence_of_keys_does_not_matter() -> None:
    """BIOMERO raises KeyError when `k_job_...` stands before `k_job`."""
    text = "[WORKFLOWS]\na_job_mem=5G\na_job=x\na=a\na_repo=https://github.com/lab/x/tree/v1\n"
    assert read_slurm_config(text).workflows["a"].memory == "5G"


_KEY = st.sampled_from(
    [
        "host",
        "a",
        "a_repo",
        "a_job",
        "a_job_mem",
        "a_use_gpu",
        "gpu_gres",
        "sbatch_x",
        "max_batch_jobs",
        "zarr_workflows",
    ]
)
_VALUE = st.sampled_from(["", "1", "true", "https://github.com/l/r/tree/v1", '["a"]']) | st.text(max_size=20)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["SSH", "SLURM", "UI", "MODELS", "WORKFLOWS", "CONVERTERS", "ANALYTICS", "X"]),
        st.dictionaries(_KEY, _VALUE, max_size=6),
    )
)
def test_any_file_is_taken_or_refused_by_name(sections: dict[str, dict[str, str]]) -> None:
    lines = [
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) for name, keys in sections.items()
    ]
    try:
        migration = read_slurm_config("".join(lines))
    except FailureError as error:
        assert error.failure.category is FailureCategory.BAD_REQUEST
        return
    assert len(migration.keys) >= sum(len(keys) for keys in sections.values())
    assert SlurmConfigMigration.model_validate_json(migration.model_dump_json()) == migration
