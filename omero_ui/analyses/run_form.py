"""What the dialog sent, as a run; or everything that is wrong with it, in words, each with its step.

The browser's own judgement is a convenience: all is judged here, by the contracts' own checks, and again in the flow.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from contracts.analysis_run import MOST_IMAGES, AnalysisRun
from contracts.catalogue_listing import UsableWorkflow
from contracts.cluster_limits import ClusterLimits, settle_resources
from contracts.failures import FailureError
from contracts.job_request import JobResources
from contracts.parameter_values import check_values
from contracts.result_pattern import check_pattern
from contracts.workflow_entry import refuse_inputs
from omero_ui.analyses.chosen import Chosen, Lookup

#: Characters of the values' JSON; the contracts allow texts of 1 MiB together.
_LONGEST_VALUES = 4 << 20
#: Ids that one sentence names.
_FEW = 5


class Step(StrEnum):
    """The dialog's steps, in their sequence."""

    INPUT = "input"
    PARAMETERS = "parameters"
    OUTPUT = "output"
    CHECK = "check"


@dataclass(frozen=True)
class RunProblem:
    """`field`: what it is about, as the page calls it."""

    step: Step
    field: str
    what: str


@dataclass(frozen=True)
class CheckedRun:
    """`run` None: there are problems. `resources`: what a job will get."""

    run: AnalysisRun | None
    resources: JobResources | None
    problems: tuple[RunProblem, ...]


class RunForm:
    """One filled-in dialog. `asked`: the fields of the form, texts all of them."""

    def __init__(
        self, asked: Any, user: str, workflow: str, usable: UsableWorkflow, limits: ClusterLimits, chosen: Chosen
    ) -> None:
        self._asked = asked
        self._user = user
        self._workflow = workflow
        self._usable = usable
        self._limits = limits
        self._chosen = chosen
        self._problems: list[RunProblem] = []

    def check(self, lookup: Lookup) -> CheckedRun:
        """Make the run. Its token is made of the page's and of all that the run is: the same page sent twice is one
        run, and one that was changed is another.
        """
        values = self._values()
        files = {item.id for item in self._usable.descriptor.files}
        attachments = {name: ids for name, ids in values.items() if name in files}
        fields: dict[str, Any] = {
            "uuid": self._token(),
            "user": self._user,
            "group": self._chosen.choice.group,
            "workflow": {"name": self._workflow, "version": self._usable.version},
            "inputs": {**self._chosen.inputs(), "attachments": attachments},
            "parameters": {name: value for name, value in values.items() if name not in files and value is not None},
            "batch_size": self._number("batch_size", "Images in one job", Step.OUTPUT),
            "resources": self._resources(),
            "results": self._results(),
        }
        self._check_inputs(lookup, fields["results"])
        self._check_attachments(lookup, attachments)
        self._check_pattern(fields["results"]["image_name"])
        run = None if self._problems else self._make(fields)
        if run is not None and self._usable.takes_only is not None:
            refusal = refuse_inputs(self._usable.takes_only, run.inputs)
            if refusal is not None:
                self._say(Step.INPUT, "Input", refusal)
        resources = None if run is None else self._settle(run)
        if self._problems or run is None:
            return CheckedRun(None, None, tuple(self._problems))
        content = run.model_dump_json(exclude={"uuid"})
        run = run.model_copy(update={"uuid": uuid.uuid5(run.uuid, content)})
        return CheckedRun(run, resources, ())

    def _make(self, fields: Mapping[str, Any]) -> AnalysisRun | None:
        try:
            return AnalysisRun.model_validate(fields)
        except ValidationError as error:
            for item in error.errors()[:10]:
                place = ".".join(map(str, item["loc"]))
                step = _STEPS.get(str(item["loc"][0]) if item["loc"] else "", Step.CHECK)
                self._say(step, place, item["msg"].removeprefix("Value error, "))
            return None

    def _settle(self, run: AnalysisRun) -> JobResources | None:
        try:
            return settle_resources(self._limits, run.resources, self._usable.resources, self._usable.options)
        except FailureError as error:
            self._say(Step.OUTPUT, "Resources", f"{error.failure.summary} Ask for less.")
            return None

    # ---- parameters

    def _values(self) -> dict[str, Any]:
        text = self._asked.get("values", "") or "{}"
        try:
            values = json.loads(text) if len(text) <= _LONGEST_VALUES else None
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            self._say(Step.PARAMETERS, "Parameters", "They cannot be read. Reload the page.")
            return {}
        titles = {item.id: item.title for item in self._usable.descriptor.form_fields}
        problems = check_values(self._usable.descriptor, values)
        for problem in problems:
            self._say(Step.PARAMETERS, titles.get(problem.parameter, "Parameters"), problem.what)
        return {} if problems else values

    # ---- input

    def _check_inputs(self, lookup: Lookup, results: Mapping[str, Any]) -> None:
        chosen = self._chosen
        if chosen.missing:
            named = ", ".join(chosen.missing[:_FEW]) + (" and more" if len(chosen.missing) > _FEW else "")
            group = chosen.choice.group
            self._say(Step.INPUT, "Input", f"{named}: not there, not in group {group}, or not for you to see.")
        if not chosen.selected:
            self._say(Step.INPUT, "Input", "No image is chosen.")
        if len(chosen.selected) > MOST_IMAGES:
            self._say(
                Step.INPUT, "Input", f"{len(chosen.selected):,} images are more than a run takes ({MOST_IMAGES:,})."
            )
        if not results["import_images"] or results["destination"] is not None or not chosen.selected:
            return
        homeless = [image for image in chosen.selected if image.dataset is None]
        if homeless:
            self._say(
                Step.OUTPUT,
                "Result images",
                f"{homeless[0].name!r} lies in no dataset, so its results have no place beside it. Choose a dataset.",
            )
        datasets = {image.dataset for image in chosen.selected if image.dataset is not None}
        if refused := lookup.unlinkable_datasets(datasets):
            named = ", ".join(map(str, refused[:_FEW]))
            self._say(
                Step.OUTPUT, "Result images", f"You may not put images into dataset {named}. Choose another place."
            )

    def _check_attachments(self, lookup: Lookup, attachments: Mapping[str, list[int]]) -> None:
        wanted = {id for ids in attachments.values() for id in ids}
        missing = sorted(wanted - set(lookup.attachments(wanted)))
        if missing:
            named = ", ".join(map(str, missing[:_FEW]))
            self._say(Step.PARAMETERS, "Attachments", f"There is no attachment {named} that you can see in this group.")

    # ---- output

    def _results(self) -> dict[str, Any]:
        asked = self._asked
        return {
            "destination": self._destination(),
            "import_images": asked.get("import_images") == "1",
            "image_name": asked.get("image_name", "").strip() or "{file}.{ext}",
            "rois": asked.get("rois") or None,
            "label_images": asked.get("label_images", "").strip() or "*",
            "tables": asked.get("tables") or None,
            "attach_other_files": asked.get("attach_other_files") == "1",
            "archive": asked.get("archive") == "1",
        }

    def _destination(self) -> dict[str, Any] | None:
        place = self._asked.get("place", "beside")
        if place == "dataset":
            id = self._number("dataset", "Dataset", Step.OUTPUT)
            if id is None:
                self._say(Step.OUTPUT, "Result images", "No dataset is chosen.")
                return None
            return {"type": "Dataset", "id": id}
        if place == "new":
            name = self._asked.get("dataset_name", "").strip()
            if not name:
                self._say(Step.OUTPUT, "Result images", "The new dataset has no name.")
                return None
            return {"type": "Dataset", "name": name}
        if place != "beside":
            self._say(Step.OUTPUT, "Result images", "This place is none. Choose another.")
        return None

    def _check_pattern(self, pattern: str) -> None:
        try:
            check_pattern(pattern)
        except FailureError as error:
            self._say(Step.OUTPUT, "Names", f"{error.failure.summary} {error.failure.next_step}")

    def _resources(self) -> dict[str, Any]:
        numbers = {"cpus": "Processors", "gpus": "GPUs", "memory_mb": "Memory", "minutes": "Time"}
        return {
            "partition": self._asked.get("partition") or None,
            "mail_to": self._asked.get("mail_to", "").strip() or None,
            **{name: self._number(name, label, Step.OUTPUT) for name, label in numbers.items()},
        }

    def _number(self, name: str, label: str, step: Step) -> int | None:
        text = self._asked.get(name, "").strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            self._say(step, label, f"{text[:80]!r} is no whole number.")
            return None
        return int(text)

    def _token(self) -> str | uuid.UUID:
        try:
            return uuid.UUID(self._asked.get("token", ""))
        except ValueError:
            self._say(Step.CHECK, "Page", "The form is not whole. Load the page again.")
            return uuid.UUID(int=0)

    def _say(self, step: Step, field: str, what: str) -> None:
        self._problems.append(RunProblem(step, field, what))


_STEPS = {
    "inputs": Step.INPUT,
    "parameters": Step.PARAMETERS,
    "batch_size": Step.OUTPUT,
    "resources": Step.OUTPUT,
    "results": Step.OUTPUT,
}
