"""The container images of the catalogue's workflows on the cluster: wanted, there, missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blocks.image_store import StoredImage, find_images, pull_images
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.failures import Failure, FailureCategory, FailureError, fail
from contracts.finding import Finding
from tasks.plan_run import image_file, image_of


@dataclass(frozen=True)
class WantedImages:
    """Each workflow's image; and the workflows whose descriptor or image cannot be told, with the reason."""

    images: dict[str, StoredImage]
    refused: dict[str, Failure]


def wanted_images(cluster: SlurmCluster, catalogue: WorkflowCatalogue) -> WantedImages:
    """What the catalogue's workflows need."""
    images: dict[str, StoredImage] = {}
    refused: dict[str, Failure] = {}
    for name in sorted(catalogue.workflows):
        try:
            entry = catalogue.entry(name)
            image = image_of(name, entry, catalogue.descriptor(name))
            images[name] = StoredImage(image.address, image_file(cluster, name, entry, image))
        except FailureError as error:
            refused[name] = error.failure
    return WantedImages(images, refused)


def provide_images(
    cluster: SlurmCluster, connection: SshConnection, wanted: WantedImages, log: Any, *, pull: bool
) -> list[Finding]:
    """Look for the images; pull those that are missing, if asked to; say of each whether it is there in the end.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    paths = sorted({image.path for image in wanted.images.values()})
    there = find_images(cluster, connection, paths)
    said: dict[str, str] = {}
    missing = {image.path: image for image in wanted.images.values() if image.path not in there}
    if pull and missing:
        log.info("Pulling %s images: %s", len(missing), ", ".join(sorted(missing)))
        said = pull_images(cluster, connection, list(missing.values()))
        there = find_images(cluster, connection, paths)
    findings = [Finding(subject=f"workflow {name}", failure=failure) for name, failure in wanted.refused.items()]
    findings += [_judge(name, image, there.get(image.path), said) for name, image in wanted.images.items()]
    return sorted(findings, key=lambda finding: finding.subject)


def _judge(name: str, image: StoredImage, size: int | None, said: dict[str, str]) -> Finding:
    subject = f"workflow {name}"
    if size is not None:
        return Finding(subject=subject, found=f"{image.path}, {size / 1e6:.0f} MB")
    failure = fail(
        FailureCategory.NOT_CONFIGURED,
        f"The image of {name!r} is not on the cluster.",
        detail=said.get(image.path, image.path),
        next_step="Run `omero-flows cluster set-up`; or put the file there.",
    ).failure
    return Finding(subject=subject, failure=failure)
