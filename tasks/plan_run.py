"""Settle an analysis run before anything is sent: may the user, is the workflow there, are the values right?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from prefect import get_run_logger, task

from blocks.slurm_cluster import SlurmCluster
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.analysis_run import AnalysisInputs, AnalysisRun
from contracts.batch.analysis_rule import AnalysisRule
from contracts.cluster_limits import settle_resources
from contracts.container_image import ContainerImage
from contracts.failures import FailureCategory, fail
from contracts.job_request import JobResources
from contracts.result_pattern import check_pattern
from contracts.run_plan import RunPlan
from contracts.sbatch_options import SbatchOptions
from contracts.workflow_arguments import JobFolders, make_arguments
from contracts.workflow_descriptor import WorkflowDescriptor
from contracts.workflow_entry import WorkflowEntry, WorkflowMode
from contracts.workflow_resources import workflow_resources
from tasks.analysis_work import AnalysisWork
from tasks.retries import BRIEF_DELAYS, is_retryable
from tasks.staging_plan import ClusterInputs, make_staging_plan

#: Where the container finds its data, whatever the cluster (blocks/container_runtime.py).
FOLDERS = JobFolders(input="/data/in", ground_truth="/data/gt", output="/data/out", files="/data/files")


@task(
    name="plan",
    task_run_name="plan",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=lambda context, parameters: f"analysis-plan-{parameters['work'].token}",
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def plan_run(work: AnalysisWork) -> RunPlan:
    """Check everything that can be checked here, in the user's own session, and write down what will be done."""
    plan = await work.in_thread(make_plan, work)
    get_run_logger().info(
        "%s %s on %s images in %s tasks, %s MiB to send",
        work.run.workflow.name,
        plan.version,
        len(plan.inputs),
        len(plan.tasks),
        plan.staging.bytes_to_send >> 20,
    )
    return plan


@dataclass(frozen=True)
class SettledWorkflow:
    """What of a plan concerns no image: the workflow as the catalogue has it, its arguments, what its job gets."""

    entry: WorkflowEntry
    descriptor: WorkflowDescriptor
    image: ContainerImage
    arguments: tuple[str, ...]
    resources: JobResources
    options: SbatchOptions


def settle_workflow(
    ordered: AnalysisRun | AnalysisRule, catalogue: WorkflowCatalogue, cluster: SlurmCluster
) -> SettledWorkflow:
    """Check all that can be checked without OMERO.

    Raises:
        FailureError: UNKNOWN_WORKFLOW, BROKEN_DESCRIPTOR, DESCRIPTOR_NOT_FOUND, DESCRIPTOR_UNREACHABLE, BAD_REQUEST
            (values, version, resources, name of result images).
    """
    check_pattern(ordered.results.image_name)
    name, version = ordered.workflow.name, ordered.workflow.version
    entry, descriptor = catalogue.entry(name), catalogue.descriptor(name)
    image = image_of(name, entry, descriptor)
    if version not in (None, image.version):
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The catalogue has {name!r} {image.version}, and no version {version!r}.",
            next_step="Order the version that is there, or ask an administrator to add the other one.",
        )
    asked = workflow_resources(entry, descriptor)
    return SettledWorkflow(
        entry=entry,
        descriptor=descriptor,
        image=image,
        arguments=tuple(make_arguments(descriptor, ordered.values, FOLDERS)),
        resources=settle_resources(cluster.limits, ordered.resources, asked.resources, asked.options),
        options=asked.options,
    )


def check_inputs(workflow: str, settled: SettledWorkflow, inputs: AnalysisInputs) -> None:
    """Whether the workflow takes such inputs.

    Raises:
        FailureError: UNUSABLE_INPUT.
    """
    if (refusal := settled.entry.refuse_inputs(settled.descriptor, inputs)) is not None:
        raise fail(
            FailureCategory.UNUSABLE_INPUT,
            refusal,
            detail=f"workflow {workflow!r}",
            next_step="Choose what it takes, or another workflow; an administrator can change its `mode`.",
        )


def make_plan(work: AnalysisWork) -> RunPlan:
    """The plan of a run; nothing is written or sent.

    Raises:
        FailureError: what `settle_workflow`, `check_inputs` and `make_staging_plan` raise.
    """
    run = work.run
    settled = settle_workflow(run, work.catalogue, work.cluster)
    check_inputs(run.workflow.name, settled, run.inputs)
    mounts = work.cluster.mounts
    taken = ClusterInputs(settled.entry.formats_of(settled.descriptor), mounts, takes_plates(settled))
    staging = make_staging_plan(run, work.session, work.storage, taken)
    links = [PurePosixPath(target) for target in staging.links.values()]
    return RunPlan(
        token=run.uuid,
        version=settled.image.version,
        container=settled.image.address,
        image=image_file(work.cluster, run.workflow.name, settled.entry, settled.image),
        staging=staging,
        arguments=settled.arguments,
        resources=settled.resources,
        options=settled.options,
        read_only=tuple(
            sorted({there for there in mounts.values() if any(link.is_relative_to(there) for link in links)})
        ),
        scratch=work.cluster.scratch,
    )


def takes_plates(settled: SettledWorkflow) -> bool:
    """Whether plates go to the workflow whole."""
    return settled.entry.mode_of(settled.descriptor) is not WorkflowMode.IMAGES


def image_file(cluster: SlurmCluster, name: str, entry: WorkflowEntry, image: ContainerImage) -> str:
    """Where the workflow's image lies below the cluster's folder of images; BIOMERO keeps its images so too."""
    return f"{entry.folder or name}/{image.file_name.removesuffix('.sif')}{cluster.image_ending}"


def image_of(name: str, entry: WorkflowEntry, descriptor: WorkflowDescriptor) -> ContainerImage:
    """The image that a workflow's run uses.

    Raises:
        FailureError: BROKEN_DESCRIPTOR.
    """
    try:
        return entry.image_of(descriptor)
    except ValueError as error:
        raise fail(
            FailureCategory.BROKEN_DESCRIPTOR,
            f"The container image of {name!r} is not right.",
            detail=str(error),
            next_step="Correct the workflow's entry in the catalogue.",
        ) from error
