"""A rule for a batch of analyses: whose workflow is applied, with what, to all new images of which containers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field, model_validator

from contracts.analysis_run import (
    MOST_IMAGES,
    AnalysisInputs,
    AnalysisRun,
    Ids,
    Resources,
    ResultOptions,
    Value,
    Workflow,
)
from contracts.base import Contract
from contracts.import_order import LoginName

#: The namespace of rules' tokens; kept for ever, as runs of other nights are known by them.
_RULES = uuid.UUID("0d2a8d0e-6c1b-5a5e-9d0f-3f1c7b0f6f52")


class AnalysisRule(Contract):
    """One rule. An image is new to it until a run of it has taken the image, however that run ended.

    What tells rules apart is who applies which workflow with which parameters and attachments (`token`): another
    parameter is another analysis, to which all images are new. A change of anything else holds for what comes from
    then on.
    """

    user: LoginName = Field(description="OMERO login name of who analyses; results are theirs.")
    group: LoginName = Field(description="OMERO group of what is watched.")
    workflow: Workflow = Field(description="A workflow of the catalogue; without a version, the one that is there.")
    datasets: Ids = Field(default=(), description="Ids of datasets whose new images are analysed.")
    projects: Ids = Field(default=(), description="Ids of projects: all datasets that are in them by then.")
    plates: Ids = Field(default=(), description="Ids of plates.")
    screens: Ids = Field(default=(), description="Ids of screens: all plates that are in them by then.")
    parameters: dict[str, Value] = Field(
        default_factory=dict, description="Values of the workflow's parameters; its own where none is given."
    )
    attachments: dict[str, Ids] = Field(
        default_factory=dict, description="For the workflow's file parameters: ids of file annotations."
    )
    images_per_run: int = Field(
        default=200, ge=1, le=MOST_IMAGES, description="Images for one run; more of them become several runs."
    )
    batch_size: int | None = Field(
        default=1, ge=1, le=MOST_IMAGES, description="Images for one task of the job; empty: one task takes all."
    )
    retry_failed: bool = Field(
        default=False,
        description="Whether runs that failed are tried again with every batch; a broken image then costs the cluster"
        " time each night.",
    )
    resources: Resources = Field(
        default=Resources(), description="What the job asks of Slurm, over what the catalogue says."
    )
    results: ResultOptions = Field(
        default=ResultOptions(), description="What becomes of the results in OMERO; new images are never results."
    )

    @model_validator(mode="after")
    def _watches_something(self) -> Self:
        if not (self.datasets or self.projects or self.plates or self.screens):
            raise ValueError("name at least one dataset, project, plate or screen")
        return self

    @property
    def token(self) -> uuid.UUID:
        """What runs of this rule are known by, in every night."""
        said = [
            self.user,
            self.group,
            self.workflow.name,
            self.workflow.version,
            {name: _plain(value) for name, value in self.parameters.items()},
            {name: sorted(set(ids)) for name, ids in self.attachments.items()},
        ]
        return uuid.uuid5(_RULES, json.dumps(said, sort_keys=True))

    @property
    def values(self) -> dict[str, Any]:
        """What the workflow's parameters are given: values, and ids of attachments."""
        return self.parameters | {name: list(ids) for name, ids in self.attachments.items()}

    @property
    def containers(self) -> tuple[tuple[str, int], ...]:
        """Kind and id of everything that is watched."""
        kinds = (
            ("Dataset", self.datasets),
            ("Project", self.projects),
            ("Plate", self.plates),
            ("Screen", self.screens),
        )
        return tuple((kind, id) for kind, ids in kinds for id in ids)

    @property
    def title(self) -> str:
        """How people see this rule: `nuclei on Dataset 12, Project 3 for alice`."""
        watched = [f"{kind} {id}" for kind, id in self.containers]
        named = ", ".join(watched[:4]) + (f" and {len(watched) - 4} more" if len(watched) > 4 else "")
        return f"{self.workflow} on {named} for {self.user}"

    def make_run(self, images: Iterable[int] = (), plates: Iterable[int] = ()) -> AnalysisRun:
        """The run that takes these; the same ones are the same run."""
        images, plates = sorted(set(images)), sorted(set(plates))
        taken = json.dumps([images, plates])
        return AnalysisRun(
            uuid=uuid.uuid5(self.token, taken),
            user=self.user,
            group=self.group,
            workflow=self.workflow,
            inputs=AnalysisInputs(images=tuple(images), plates=tuple(plates), attachments=self.attachments),
            parameters=self.parameters,
            batch_size=self.batch_size,
            resources=self.resources,
            results=self.results,
            rule=self.token,
        )


def _plain(value: str | int | float | bool) -> str | int | float | bool:
    """One way to write a number: Prefect's form makes 30.0 of what a file calls 30."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
