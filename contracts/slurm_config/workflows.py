"""The keys of a slurm-config.ini that concern workflows: [WORKFLOWS], its older name [MODELS], and lists of [UI].

Of a workflow `k` there are: `k` (the image's folder), `k_repo`, `k_job` (a job script), `k_job_OPTION` (of
sbatch), `k_use_gpu`, and `k_plugin_path` (of biomero-workflow-skills).
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.descriptor_source import read_source
from contracts.sbatch_options import SETTLED, check_option
from contracts.slurm_config.report import MigratedKey, WrittenKey, read_switch
from contracts.workflow_entry import ImageFolder, WorkflowEntry, WorkflowMode, WorkflowName

SECTIONS = ("MODELS", "WORKFLOWS")
LISTS = ("plate_workflows", "dual_mode_workflows", "zarr_workflows")

_NAME = TypeAdapter[str](WorkflowName)
_FOLDER = TypeAdapter[str](ImageFolder)
#: Options that have a field of their own in an entry.
_FIELDS = {"partition": "partition", "gres": "gres", "gpus": "gpus", "time": "time", "mem": "memory"}


class WorkflowKeys:
    """Takes the keys one by one; `entries` are the workflows that have all they need."""

    def __init__(self, keys: list[WrittenKey]) -> None:
        """`keys` are all of [MODELS] and [WORKFLOWS]: which key is whose depends on the others."""
        self._winners = {key.key: key for key in sorted(keys, key=lambda key: SECTIONS.index(key.section))}
        self._fields: dict[str, dict[str, Any]] = {}
        self._sbatch: dict[str, dict[str, str]] = {}
        self._refused: dict[str, str] = {}
        for key in self._winners.values():
            if key.key.endswith("_repo"):
                self._open(key.key.removesuffix("_repo"), key.value)

    @property
    def entries(self) -> dict[str, WorkflowEntry]:
        return {
            name: WorkflowEntry(**fields, sbatch=self._sbatch.get(name, {})) for name, fields in self._fields.items()
        }

    def take(self, key: WrittenKey) -> MigratedKey:
        """Take one key of [MODELS] or [WORKFLOWS], or say why not."""
        if self._winners[key.key] is not key:
            return key.not_needed("[WORKFLOWS] has the same key, and wins.")
        option = re.fullmatch(r"(.+)_job_(.+)", key.key)
        if key.key.endswith("_repo"):
            return self._repository(key, key.key.removesuffix("_repo"))
        if key.key.endswith("_plugin_path"):
            return key.not_honoured("It is for biomero-workflow-skills, which has no counterpart here.")
        if key.key.endswith("_use_gpu"):
            return self._own(key, key.key.removesuffix("_use_gpu"), self._gpu)
        if key.key.endswith("_job"):
            return self._own(key, key.key.removesuffix("_job"), self._job_script)
        if option is not None:
            return self._own(key, option.group(1), lambda key, name: self._option(key, name, option.group(2)))
        return self._own(key, key.key, self._folder)

    def take_list(self, key: WrittenKey) -> MigratedKey:
        """Take one of the lists of [UI]; each is JSON: `["cellpose", "stardist"]`."""
        if not key.value:
            return key.unset()
        try:
            names = json.loads(key.value)
        except (json.JSONDecodeError, RecursionError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return key.not_honoured('It is no list of names such as ["cellpose", "stardist"].')
        known = [name.lower() for name in names if name.lower() in self._fields]
        unknown = [name for name in names if name.lower() not in self._fields]
        for name in known:
            self._mark(name, key.key)
        became = f"{_MARKS[key.key]}: {', '.join(known) or 'none'}"
        if unknown:
            return key.changed(became, f"There is no workflow {', '.join(unknown)}.")
        return key.taken(became)

    def _mark(self, name: str, list_name: str) -> None:
        fields = self._fields[name]
        if list_name == "zarr_workflows":
            fields["zarr"] = True
        elif list_name == "dual_mode_workflows" or fields.get("mode") is WorkflowMode.BOTH:
            fields["mode"] = WorkflowMode.BOTH
        else:
            fields["mode"] = WorkflowMode.PLATES

    def _open(self, name: str, address: str) -> None:
        try:
            _NAME.validate_python(name)
            read_source(address)
        except ValidationError:
            self._refused[name] = f"{name[:80]!r} is no name for a workflow: letters, digits, '_', '.' and '-'."
        except ValueError as error:
            self._refused[name] = f"{name}_repo cannot be read: {error}."
        else:
            self._fields[name] = {"repository": address}

    def _own(self, key: WrittenKey, name: str, take: Any) -> MigratedKey:
        if name not in self._fields:
            return key.not_honoured(self._refused.get(name, f"There is no {name}_repo, so {name!r} is no workflow."))
        found: MigratedKey = take(key, name)
        return found

    def _repository(self, key: WrittenKey, name: str) -> MigratedKey:
        if name not in self._fields:
            return key.not_honoured(self._refused[name])
        version = read_source(key.value).version
        became = f"{name}: repository"
        if version is None:
            return key.changed(
                became, "It names no version: the newest descriptor and the image `latest` run. Add /tree/TAG."
            )
        return key.taken(f"{became}, image at {version}")

    def _folder(self, key: WrittenKey, name: str) -> MigratedKey:
        if not key.value:
            return key.unset()
        try:
            self._fields[name]["folder"] = _FOLDER.validate_python(key.value)
        except ValidationError:
            return key.not_honoured("It is no folder inside slurm_images_path; the workflow's name is used.")
        return key.taken(f"{name}: folder = {key.value}")

    def _job_script(self, key: WrittenKey, name: str) -> MigratedKey:
        return key.not_needed("The job script is made from the descriptor.")

    def _gpu(self, key: WrittenKey, name: str) -> MigratedKey:
        if not key.value:
            return key.unset()
        try:
            self._fields[name]["use_gpu"] = read_switch(key.value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        return key.taken(f"{name}: use_gpu = {str(self._fields[name]['use_gpu']).lower()}")

    def _option(self, key: WrittenKey, name: str, written: str) -> MigratedKey:
        option, value = written.replace("_", "-"), key.value
        reasons = [] if option == written else ["sbatch writes it with '-'."]
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
            reasons.append("The quotes are not part of the value.")
        try:
            check_option(option, value)
        except ValueError as error:
            return key.not_honoured(f"{error}.")
        if option in SETTLED.keys() - _FIELDS.keys() - {"cpus-per-task"}:
            return key.not_honoured(f"--{option} is asked for with each run.")
        fields = self._fields[name]
        if option in {"gres", "gpus"} and {"gres", "gpus"} <= {option, *fields}:
            return key.not_honoured("gres and gpus exclude each other; the first one was taken.")
        if option == "cpus-per-task":
            fields["cpus"] = int(value)
        elif option in _FIELDS:
            fields[_FIELDS[option]] = value
        else:
            self._sbatch.setdefault(name, {})[option] = value
        became = f"{name}: --{option}" + (f"={value}" if value else "")
        return key.changed(became, " ".join(reasons)) if reasons else key.taken(became)


_MARKS = {
    "plate_workflows": "take plates",
    "dual_mode_workflows": "take images and plates",
    "zarr_workflows": "take OME-Zarr",
}
