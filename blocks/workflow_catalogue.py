"""The workflows of a site: what runs under which name, and what each asks the cluster for."""

from __future__ import annotations

import difflib
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field
from pydantic.networks import HttpUrl

from blocks.descriptor_file import fetch_descriptor, read_descriptor_file
from contracts.descriptor_formats import read_descriptor
from contracts.failures import FailureCategory, fail
from contracts.workflow_descriptor import WorkflowDescriptor
from contracts.workflow_entry import WorkflowEntry, WorkflowName


class WorkflowCatalogue(Block):
    """The workflows that may be run, each with its descriptor, container image and Slurm options.

    Example:
        Read what a workflow takes:
        ```python
        from blocks.workflow_catalogue import WorkflowCatalogue

        catalogue = WorkflowCatalogue.load("BLOCK_NAME")
        print(catalogue.descriptor("nuclei").parameters)
        ```
    """

    _block_type_name = "Workflow Catalogue"
    _block_type_slug = "workflow-catalogue"
    _logo_url = HttpUrl("https://www.openmicroscopy.org/img/logos/ome-logomark.svg")
    _documentation_url = HttpUrl("https://neubias-wg5.github.io/")

    workflows: dict[WorkflowName, WorkflowEntry] = Field(
        default_factory=dict,
        description="Name to workflow: `repository` (a web address), `path` or `descriptor` (its text), and perhaps"
        " `image`, `partition`, `gres` or `gpus`, `cpus`, `time`, `memory`, `sbatch`, `mode`, `zarr`.",
    )

    def entry(self, name: str) -> WorkflowEntry:
        """The workflow of that name.

        Raises:
            FailureError: UNKNOWN_WORKFLOW; it names the nearest one.
        """
        if name in self.workflows:
            return self.workflows[name]
        near = difflib.get_close_matches(name, self.workflows, n=1)
        raise fail(
            FailureCategory.UNKNOWN_WORKFLOW,
            f"There is no workflow {name[:80]!r}." + (f" Is {near[0]!r} meant?" if near else ""),
            next_step="See `omero-flows workflows list`.",
        )

    def descriptor(self, name: str) -> WorkflowDescriptor:
        """Fetch and read a workflow's descriptor; nothing of it is remembered.

        Raises:
            FailureError: UNKNOWN_WORKFLOW, DESCRIPTOR_NOT_FOUND, DESCRIPTOR_UNREACHABLE, BROKEN_DESCRIPTOR.
        """
        found = read_descriptor(self.text(name))
        if found.descriptor is None:
            raise fail(
                FailureCategory.BROKEN_DESCRIPTOR,
                f"The descriptor of {name!r} cannot be used.",
                detail="\n".join(str(problem) for problem in found.errors),
                next_step="Tell its author, or keep a corrected copy in the catalogue.",
            )
        return found.descriptor

    def text(self, name: str) -> str:
        """A workflow's descriptor as its author wrote it.

        Raises:
            FailureError: UNKNOWN_WORKFLOW, DESCRIPTOR_NOT_FOUND, DESCRIPTOR_UNREACHABLE, BROKEN_DESCRIPTOR.
        """
        entry = self.entry(name)
        if entry.source is not None:
            return fetch_descriptor(entry.source)
        if entry.path is not None:
            return read_descriptor_file(Path(entry.path))
        assert entry.descriptor is not None  # the entry has one of the three
        return entry.descriptor
