"""Which files an image came from, what they said about it, and how much room objects take."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import omero.cmd

from sandbox.omero.commands.finding import children_of
from sandbox.omero.commands.graph import find_targets
from sandbox.omero.commands.requests import CommandRefused, Job
from sandbox.omero.records import Record
from sandbox.omero.services.wire import find_class


def list_used_files(request: Any, job: Job) -> Any:
    """The files of an image's fileset. All count as used by this series: which file holds which series is not kept."""
    image = _image(request.imageId, job)
    fileset = image.values.get("fileset")
    if fileset is None:
        return omero.cmd.UsedFilesResponsePreFs(archivedFiles=[], companionFiles=[], originalMetadataFiles=[])
    files = [
        entry.values["originalFile"].id
        for entry in job.store.collection(fileset, "usedFiles")
        if entry.values.get("originalFile") is not None
    ]
    return omero.cmd.UsedFilesResponse(
        binaryFilesThisSeries=files,
        binaryFilesOtherSeries=[],
        companionFilesThisSeries=[],
        companionFilesOtherSeries=[],
    )


def read_original_metadata(request: Any, job: Job) -> Any:
    """The fileset that could tell more; the embedded OMERO keeps no metadata beyond OMERO's own model."""
    fileset = _image(request.imageId, job).values.get("fileset")
    return omero.cmd.OriginalMetadataResponse(
        filesetId=None if fileset is None else omero.rtypes.rlong(fileset.id),
        fileAnnotationId=None,
        globalMetadata={},
        seriesMetadata={},
    )


def measure_disk_usage(request: Any, job: Job) -> Any:
    """Files and bytes below the targets, by their owner and group, and by what refers to them."""
    targets: list[Record] = []
    if request.targetObjects:
        targets += find_targets(job.store, job.caller, request.targetObjects)
    for name in request.targetClasses or []:
        targets += [r for r in job.store.all(find_class(name).name) if job.caller.visible(r)]
    counts: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    sizes: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    total_counts: dict[Any, int] = defaultdict(int)
    total_sizes: dict[Any, int] = defaultdict(int)
    counted: set[Record] = set()
    for referrer, file in _files_below(targets, job):
        if file in counted or file.owner is None or file.group is None:
            continue
        counted.add(file)
        key = (file.owner.id, file.group.id)
        size = int(file.values.get("size") or 0)
        counts[key][referrer] += 1
        sizes[key][referrer] += size
        total_counts[key] += 1
        total_sizes[key] += size

    def by_owner(values: dict[Any, Any]) -> dict[Any, Any]:
        return {omero.cmd.LongPair(user, group): value for (user, group), value in values.items()}

    return omero.cmd.DiskUsage2Response(
        fileCountByReferer=by_owner({key: dict(value) for key, value in counts.items()}),
        bytesUsedByReferer=by_owner({key: dict(value) for key, value in sizes.items()}),
        totalFileCount=by_owner(total_counts),
        totalBytesUsed=by_owner(total_sizes),
    )


def _files_below(targets: list[Record], job: Job) -> list[tuple[str, Record]]:
    """(class that refers to it, OriginalFile) for every file below the targets."""
    found: list[tuple[str, Record]] = []
    seen: set[Record] = set(targets)
    pending = list(targets)
    while pending:
        record = pending.pop()
        below = list(children_of(job.store, record))
        if record.model.name == "Image" and record.values.get("fileset") is not None:
            below.append(record.values["fileset"])
        for child in below:
            if child.model.name == "OriginalFile":
                found.append((record.model.name, child))
            if child not in seen and job.caller.visible(child):
                seen.add(child)
                pending.append(child)
    return found


def _image(image_id: int, job: Job) -> Record:
    image = job.store.get("Image", image_id)
    if image is None or not job.caller.visible(image):
        raise CommandRefused(f"cannot read ome.model.core.Image[{image_id}]")
    return image
