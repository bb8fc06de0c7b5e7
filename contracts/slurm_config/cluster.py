"""The keys of a slurm-config.ini that concern the cluster: [SSH], [SLURM], [ANALYTICS], [CONVERTERS], [UI]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from contracts.cluster_settings import ClusterSettings
from contracts.sbatch_options import SETTLED, check_option
from contracts.slurm_config.report import MigratedKey, WrittenKey, read_switch, reason_of
from contracts.workflow_resources import parse_memory, parse_minutes

#: Jobs of one run that BIOMERO lets pass where "dangerous jobs" are not allowed.
HARMLESS_JOBS = 10

#: Key and the field of ClusterSettings with the same meaning.
_FIELDS = {
    ("SSH", "host"): "host",
    ("SLURM", "slurm_data_path"): "scratch",
    ("SLURM", "slurm_images_path"): "images",
    ("SLURM", "slurm_default_partition"): "default_partition",
    ("SLURM", "gpu_partition"): "gpu_partition",
    ("SLURM", "image_pull_cpus"): "pull_cpus",
    ("SLURM", "image_pull_mem"): "pull_memory_mb",
    ("SLURM", "apptainer_tmpdir"): "tmpdir",
    ("SLURM", "apptainer_cachedir"): "cachedir",
    ("UI", "max_batch_jobs"): "most_tasks_at_once",
}
#: Options of sbatch for all jobs that have a field of their own.
_DEFAULTS = {
    "partition": "default_partition",
    "cpus-per-task": "default_cpus",
    "mem": "default_memory_mb",
    "time": "default_minutes",
}
_GPU = {"gpu_gres": "gres", "gpu_gpus": "gpus"}
_FOLDERS = {"scratch", "images", "tmpdir", "cachedir"}
_UNITS = {"default_minutes": "In minutes.", "default_memory_mb": "In MiB.", "pull_memory_mb": "In MiB."}
#: Where the container finds its data (blocks/container_runtime.py).
_DATA = "/data"

_RECORDED = "Every run is recorded in Prefect's history."
_NOT_NEEDED = {
    ("SSH", "inline_ssh_env"): "Values travel as a file, not in the environment of SSH.",
    ("SLURM", "slurm_converters_path"): "Images are converted while they are staged; no container does it.",
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
        self._sbatch: dict[str, str] = {}
        self._dangerous = True

    @property
    def settings(self) -> ClusterSettings:
        fields = dict(self._fields)
        if not self._dangerous:
            fields["most_tasks_at_once"] = min(HARMLESS_JOBS, fields.get("most_tasks_at_once", HARMLESS_JOBS))
        return ClusterSettings(**fields, sbatch_options=self._sbatch)

    def take(self, key: WrittenKey) -> MigratedKey:
        """Take one key, or say why not."""
        place = (key.section, key.key)
        if place in _NOT_NEEDED:
            return key.not_needed(_NOT_NEEDED[place])
        if key.section == "CONVERTERS":
            return self._converter(key)
        if place in _FIELDS:
            return self._field(key, _FIELDS[place]) if key.value else key.unset()
        taker = self._takers().get(place)
        if taker is None and key.section == "SLURM" and key.key.startswith("sbatch_"):
            taker = self._option
        if taker is None:
            return key.not_honoured("BIOMERO has no such key.")
        return taker(key) if key.value else key.unset()

    def _takers(self) -> dict[tuple[str, str], Callable[[WrittenKey], MigratedKey]]:
        return {
            ("SLURM", "slurm_data_bind_path"): self._binds,
            ("SLURM", "slurm_script_repo"): self._script_repository,
            ("SLURM", "inject_gpu_flag"): self._gpu_flag,
            ("SLURM", "slurm_image_pull_via_sbatch"): self._pull_place,
            **{("SLURM", name): self._gpu_words for name in _GPU},
            **{("ANALYTICS", name): self._record for name in _RECORDS},
            ("UI", "allow_dangerous_jobs"): self._danger,
        }

    def _field(self, key: WrittenKey, field: str) -> MigratedKey:
        text, changed = key.value, ""
        if field in _FOLDERS and text.startswith("~/"):
            text, changed = text.removeprefix("~/"), "A folder without '/' in front is in the account's home."
        return self._set(key, field, text, changed)

    def _set(self, key: WrittenKey, field: str, text: str, changed: str = "") -> MigratedKey:
        try:
            value = _VALUES.get(field, str)(text)
            ClusterSettings(**{field: value})
        except ValidationError as error:
            return key.not_honoured(reason_of(error))
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        self._fields[field] = value
        became = f"cluster {field} = {value}"
        if not changed and str(value) != text:
            changed = _UNITS.get(field, "")
        return key.changed(became, changed) if changed else key.taken(became)

    def _binds(self, key: WrittenKey) -> MigratedKey:
        """Bind paths reach every container, but for what is there already or would hide the run's own folders."""
        binds = [path for path in key.value.split(",") if path]
        hiding = [path for path in binds if (path.split(":")[1:2] or [path])[0].rstrip("/") in {"", _DATA}]
        kept = tuple(path for path in binds if path not in hiding)
        try:
            ClusterSettings(binds=kept)
        except ValidationError as error:
            return key.not_honoured(reason_of(error))
        self._fields["binds"] = kept
        became = "cluster container_command: " + (" ".join(f"--bind {path}" for path in kept) or "as it is")
        if hiding:
            return key.changed(
                became,
                f"{', '.join(hiding)} would hide {_DATA}, where the run's own folders are mounted.",
            )
        return key.taken(became)

    def _gpu_words(self, key: WrittenKey) -> MigratedKey:
        style = _GPU[key.key]
        if self._fields.get("gpu_style", style) != style:
            return key.not_honoured("gpu_gres and gpu_gpus exclude each other; the first one was taken.")
        try:
            check_option(style, key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        words = key.value.split(":")
        count = int(words.pop()) if words[-1].isdecimal() else 1
        if style == "gres" and words[:1] == ["gpu"]:
            words = words[1:]
        elif style == "gres":
            words = [key.value, ""]
        if len(words) > 1 or "," in key.value:
            return key.not_honoured("It is no one kind of GPU; put it into the entries of the workflows that need it.")
        self._fields |= {"gpu_style": style} | ({"gpu_type": words[0]} if words else {})
        became = f"cluster gpu_style = {style}" + (f", gpu_type = {words[0]}" if words else "")
        if count == 1:
            return key.taken(became)
        return key.changed(became, "How many it gets, a workflow's entry or a run says; else one.")

    def _option(self, key: WrittenKey) -> MigratedKey:
        written = key.key.removeprefix("sbatch_")
        name = written.replace("_", "-")
        if name in _DEFAULTS:
            return self._set(key, _DEFAULTS[name], key.value)
        if name in SETTLED:
            return key.not_honoured(f"--{name} is asked for with each run.")
        try:
            self._sbatch[name] = check_option(name, key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        became = f"cluster sbatch --{name}={key.value}"
        return key.taken(became) if name == written else key.changed(became, "sbatch writes it with '-'.")

    def _script_repository(self, key: WrittenKey) -> MigratedKey:
        return key.not_honoured(
            "Job scripts are made from the descriptor; put what those of the repository ask Slurm for into the"
            " workflows' entries."
        )

    def _gpu_flag(self, key: WrittenKey) -> MigratedKey:
        try:
            wanted = read_switch(key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        said = "The container sees the GPU in jobs that asked for one."
        return key.not_needed(said) if wanted else key.changed("as if true", said)

    def _pull_place(self, key: WrittenKey) -> MigratedKey:
        try:
            by_jobs = read_switch(key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        said = "Images are pulled by jobs."
        return key.not_needed(said) if by_jobs else key.changed("as if true", said)

    def _converter(self, key: WrittenKey) -> MigratedKey:
        if key.key == "zarr_to_tiff":
            return key.not_needed("Images are converted while they are staged; no container does it.")
        return key.not_honoured("Images are staged as OME-TIFF, TIFF or OME-Zarr; no container converts them.")

    def _record(self, key: WrittenKey) -> MigratedKey:
        try:
            wanted = read_switch(key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        return key.not_needed(_RECORDED) if wanted else key.not_honoured(f"{_RECORDED} It cannot be turned off.")

    def _danger(self, key: WrittenKey) -> MigratedKey:
        try:
            self._dangerous = read_switch(key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        if self._dangerous:
            return key.taken("no further limit")
        return key.changed(f"cluster most_tasks_at_once = {HARMLESS_JOBS} at most", "There is one limit for all users.")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no whole number") from None


_VALUES: dict[str, Any] = {
    "pull_cpus": _whole,
    "pull_memory_mb": parse_memory,
    "most_tasks_at_once": _whole,
    "default_cpus": _whole,
    "default_memory_mb": parse_memory,
    "default_minutes": parse_minutes,
}
