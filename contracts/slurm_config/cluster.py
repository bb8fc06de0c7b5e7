"""The keys of a slurm-config.ini that concern the cluster: [SSH], [SLURM], [ANALYTICS], [CONVERTERS], [UI]."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from contracts.cluster_settings import ClusterGpu, ClusterSettings
from contracts.sbatch_options import check_option
from contracts.slurm_config.report import IniKey, MigratedKey, read_switch, reason_of

#: Jobs of one run that BIOMERO lets pass where "dangerous jobs" are not allowed.
HARMLESS_JOBS = 10

#: Key and the field of ClusterSettings with the same meaning.
_FIELDS = {
    ("SSH", "host"): "host",
    ("SLURM", "slurm_data_path"): "data_path",
    ("SLURM", "slurm_images_path"): "images_path",
    ("SLURM", "slurm_converters_path"): "converters_path",
    ("SLURM", "slurm_data_bind_path"): "bind_paths",
    ("SLURM", "slurm_default_partition"): "default_partition",
    ("SLURM", "inject_gpu_flag"): "inject_gpu_flag",
    ("SLURM", "slurm_image_pull_via_sbatch"): "pull_with_sbatch",
    ("SLURM", "image_pull_cpus"): "pull_cpus",
    ("SLURM", "image_pull_mem"): "pull_memory",
    ("SLURM", "apptainer_tmpdir"): "tmpdir",
    ("SLURM", "apptainer_cachedir"): "cachedir",
    ("UI", "max_batch_jobs"): "most_jobs",
}
_GPU = {"gpu_partition": "partition", "gpu_gres": "gres", "gpu_gpus": "gpus"}
_FOLDERS = {"data_path", "images_path", "converters_path", "tmpdir", "cachedir"}

_RECORDED = "Every run is recorded in Prefect's history."
_NOT_NEEDED = {
    ("SSH", "inline_ssh_env"): "Values travel as a file, not in the environment of SSH.",
    ("SLURM", "slurm_script_path"): "A run's job script lies in the run's own folder.",
    ("SLURM", "slurm_conversion_partition"): "Images are converted while they are staged; no job does it.",
    ("SLURM", "sacct_start_time"): "Slurm is asked for a run's own jobs, from the moment they were submitted.",
    ("SLURM", "sacct_days_ago"): "Slurm is asked for a run's own jobs, from the moment they were submitted.",
    ("SLURM", "env_file_submission"): "Values always travel as a file.",
    ("SLURM", "slurm_zip_cmd"): "Nothing is zipped on the cluster.",
    ("ANALYTICS", "sqlalchemy_url"): "BIOMERO's database is not written to.",
    ("ANALYTICS", "analytics_rebuild_start_time"): "There are no tables to rebuild.",
    ("ANALYTICS", "analytics_rebuild_days_ago"): "There are no tables to rebuild.",
}
_RECORDS = {"track_workflows", "enable_job_accounting", "enable_job_progress", "enable_workflow_analytics"}


class ClusterKeys:
    """Takes the keys one by one; `settings` is what they say together."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._gpu: dict[str, str] = {}
        self._sbatch: dict[str, str] = {}
        self._dangerous = True

    @property
    def settings(self) -> ClusterSettings:
        fields = dict(self._fields)
        if not self._dangerous:
            fields["most_jobs"] = min(HARMLESS_JOBS, fields.get("most_jobs", HARMLESS_JOBS))
        return ClusterSettings(**fields, gpu=ClusterGpu(**self._gpu), sbatch=self._sbatch)

    def take(self, key: IniKey) -> MigratedKey:
        """Take one key, or say why not."""
        place = (key.section, key.key)
        if place in _NOT_NEEDED:
            return key.not_needed(_NOT_NEEDED[place])
        if key.section == "CONVERTERS":
            return self._converter(key)
        if not key.value:
            return key.unset() if self._knows(key) else key.not_honoured("BIOMERO has no such key.")
        if place in _FIELDS:
            return self._field(key, _FIELDS[place])
        if key.section == "SLURM" and key.key in _GPU:
            return self._gpu_word(key, _GPU[key.key])
        if key.section == "SLURM" and key.key.startswith("sbatch_"):
            return self._option(key, key.key.removeprefix("sbatch_"))
        if place == ("SLURM", "slurm_script_repo"):
            return key.not_honoured(
                "Job scripts are made from the descriptor; put what those of the repository ask Slurm for into the"
                " workflows' entries."
            )
        if key.section == "ANALYTICS" and key.key in _RECORDS:
            return self._record(key)
        if place == ("UI", "allow_dangerous_jobs"):
            return self._danger(key)
        return key.not_honoured("BIOMERO has no such key.")

    def _knows(self, key: IniKey) -> bool:
        return (
            (key.section, key.key) in _FIELDS
            or (key.section == "SLURM" and (key.key in _GPU or key.key.startswith("sbatch_")))
            or (key.section == "ANALYTICS" and key.key in _RECORDS)
            or (key.section, key.key) in {("SLURM", "slurm_script_repo"), ("UI", "allow_dangerous_jobs")}
        )

    def _field(self, key: IniKey, field: str) -> MigratedKey:
        text, changed = key.value, ""
        if field in _FOLDERS and text.startswith("~/"):
            text, changed = text.removeprefix("~/"), "A folder without '/' in front is in the account's home."
        try:
            value = _VALUES.get(field, str)(text)
            ClusterSettings(**{field: value})
        except ValidationError as error:
            return key.not_honoured(reason_of(error))
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        self._fields[field] = value
        became = f"cluster {field} = {value}"
        return key.changed(became, changed) if changed else key.taken(became)

    def _gpu_word(self, key: IniKey, word: str) -> MigratedKey:
        if {"gres", "gpus"} <= {word, *self._gpu}:
            return key.not_honoured("gpu_gres and gpu_gpus exclude each other; the first one was taken.")
        try:
            ClusterGpu(**{word: key.value})
        except ValidationError as error:
            return key.not_honoured(reason_of(error))
        self._gpu[word] = key.value
        return key.taken(f"cluster gpu.{word} = {key.value}")

    def _option(self, key: IniKey, written: str) -> MigratedKey:
        name = written.replace("_", "-")
        try:
            self._sbatch[name] = check_option(name, key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        became = f"cluster sbatch --{name}={key.value}"
        return key.taken(became) if name == written else key.changed(became, "sbatch writes it with '-'.")

    def _converter(self, key: IniKey) -> MigratedKey:
        if key.key == "zarr_to_tiff":
            return key.not_needed("Images are converted while they are staged; no container does it.")
        return key.not_honoured("Images are staged as OME-TIFF, TIFF or OME-Zarr; no container converts them.")

    def _record(self, key: IniKey) -> MigratedKey:
        try:
            wanted = read_switch(key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        return key.not_needed(_RECORDED) if wanted else key.not_honoured(f"{_RECORDED} It cannot be turned off.")

    def _danger(self, key: IniKey) -> MigratedKey:
        try:
            self._dangerous = read_switch(key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        if self._dangerous:
            return key.taken("no further limit")
        return key.changed(f"cluster most_jobs = {HARMLESS_JOBS} at most", "There is one limit for all users.")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no whole number") from None


_VALUES: dict[str, Any] = {
    "inject_gpu_flag": read_switch,
    "pull_with_sbatch": read_switch,
    "pull_cpus": _whole,
    "most_jobs": _whole,
}
