"""Settle an analysis run before anything is sent: may the user, is the workflow there, are the values right?"""

from __future__ import annotations

from pathlib import PurePosixPath

from prefect import get_run_logger, task

from blocks.slurm_cluster import SlurmCluster
from contracts.cluster_limits import settle_resources
from contracts.container_image import ContainerImage
from contracts.failures import FailureCategory, fail
from contracts.result_pattern import check_pattern
from contracts.run_plan import RunPlan
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


def make_plan(work: AnalysisWork) -> RunPlan:
    """The plan of a run; nothing is written or sent.

    Raises:
        FailureError: UNKNOWN_WORKFLOW, BROKEN_DESCRIPTOR, DESCRIPTOR_NOT_FOUND, DESCRIPTOR_UNREACHABLE, BAD_REQUEST
            (values, version, resources, name of result images), UNUSABLE_INPUT, and what `make_staging_plan` raises.
    """
    run = work.run
    check_pattern(run.results.image_name)
    entry, descriptor = work.catalogue.entry(run.workflow.name), work.catalogue.descriptor(run.workflow.name)
    image = image_of(run.workflow.name, entry, descriptor)
    if (refusal := entry.refuse_inputs(descriptor, run.inputs)) is not None:
        raise fail(
            FailureCategory.UNUSABLE_INPUT,
            refusal,
            detail=f"workflow {run.workflow.name!r}",
            next_step="Choose what it takes, or another workflow; an administrator can change its `mode`.",
        )
    if run.workflow.version not in (None, image.version):
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The catalogue has {run.workflow.name!r} {image.version}, and no version {run.workflow.version!r}.",
            next_step="Order the version that is there, or ask an administrator to add the other one.",
        )
    values = run.parameters | {name: list(ids) for name, ids in run.inputs.attachments.items()}
    arguments = make_arguments(descriptor, values, FOLDERS)
    asked = workflow_resources(entry, descriptor)
    formats = entry.formats_of(descriptor)
    mounts = work.cluster.mounts
    plates = entry.mode_of(descriptor) is not WorkflowMode.IMAGES
    staging = make_staging_plan(run, work.session, work.storage, ClusterInputs(formats, mounts, plates))
    links = [PurePosixPath(target) for target in staging.links.values()]
    return RunPlan(
        token=run.uuid,
        version=image.version,
        container=image.address,
        image=image_file(work.cluster, run.workflow.name, entry, image),
        staging=staging,
        arguments=tuple(arguments),
        resources=settle_resources(work.cluster.limits, run.resources, asked.resources, asked.options),
        options=asked.options,
        read_only=tuple(
            sorted({there for there in mounts.values() if any(link.is_relative_to(there) for link in links)})
        ),
        scratch=work.cluster.scratch,
    )


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
