"""The catalogue as people choose from it: each workflow with its descriptor read, or why it cannot be used."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.analysis_run import Resources
from contracts.base import Contract, Moment
from contracts.failures import Failure
from contracts.sbatch_options import SbatchOptions
from contracts.workflow_descriptor import WorkflowDescriptor
from contracts.workflow_entry import WorkflowEntry, WorkflowMode, WorkflowName
from contracts.workflow_resources import workflow_resources

#: Key of the artifact that holds the newest listing, and its type.
LISTING_KEY = "workflow-catalogue"
LISTING_TYPE = "workflow-catalogue"


class UsableWorkflow(Contract):
    """What can be run: `version` of its `image` (registry, repository, tag or digest).

    `takes_only`: a run with anything else is refused; None: nothing is.
    """

    descriptor: WorkflowDescriptor
    version: str
    image: str
    mode: Annotated[WorkflowMode, Field(strict=False)]
    takes_only: Annotated[WorkflowMode, Field(strict=False)] | None = None
    resources: Resources
    options: SbatchOptions


class ListedWorkflow(Contract):
    """One workflow of the catalogue: `usable`, or the `failure` that keeps it from being used. `source`: where its
    descriptor is, for people; a web address, a path or nothing.
    """

    name: WorkflowName
    source: str = ""
    usable: UsableWorkflow | None = None
    failure: Failure | None = None


class CatalogueListing(Contract):
    """All workflows by name, as they were at `read`."""

    read: Moment
    workflows: Annotated[tuple[ListedWorkflow, ...], Field(strict=False)] = ()

    def find(self, name: str) -> ListedWorkflow | None:
        return next((workflow for workflow in self.workflows if workflow.name == name), None)


def list_usable(entry: WorkflowEntry, descriptor: WorkflowDescriptor) -> UsableWorkflow:
    """
    Raises:
        ValueError: the image's name or what the entry asks Slurm for cannot be.
    """
    image, asked = entry.image_of(descriptor), workflow_resources(entry, descriptor)
    return UsableWorkflow(
        descriptor=descriptor,
        version=image.version,
        image=image.address,
        mode=entry.mode_of(descriptor),
        takes_only=entry.takes_only(descriptor),
        resources=asked.resources,
        options=asked.options,
    )
