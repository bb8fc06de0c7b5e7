"""What OMERO itself knows of an order's file: imported, half imported, or nothing.

Every fileset and every image of an order carries a map annotation with the order's token and the
file's path. On the fileset it is there from the first moment of the import; on the images it is
written by the server together with the images, so it exists if and only if they do.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import Ice
from omero.gateway import BlitzGateway
from omero.model import MapAnnotationI
from omero.rtypes import unwrap
from omero.sys import ParametersI

from contracts import namespaces
from contracts.failures import FailureCategory, fail
from contracts.import_source import ImportedFileset, ImportSource, Named
from tasks.deletion import delete_object
from tasks.key_values import map_annotation


@dataclass(frozen=True)
class Evidence:
    """`imported` when the images are there; `unfinished` are filesets of this file without images."""

    imported: ImportedFileset | None
    unfinished: tuple[int, ...]


def file_token(order: uuid.UUID, source: ImportSource) -> str:
    """One short name for one fileset of one order: a version-5 UUID in the order's own namespace."""
    return path_token(order, source.path, source.output)


def path_token(order: uuid.UUID, path: str, output: str = "") -> str:
    """`file_token` of a file of which no more is known than its path."""
    return str(uuid.uuid5(order, f"{path}\0{output}"))


def token_annotation(order: uuid.UUID, source: ImportSource) -> MapAnnotationI:
    pairs = [("Order", str(order)), ("File", file_token(order, source)), ("Path", source.path)]
    if source.output:
        pairs.append(("Output", source.output))
    return map_annotation(namespaces.TOKEN, pairs)


def find_evidence(gateway: BlitzGateway, order: uuid.UUID, source: ImportSource) -> Evidence:
    """Ask OMERO about one fileset of the order, in the session's group.

    Raises:
        FailureError: IMPORT_FAILED when the file is in OMERO more than once (never made by us).
    """
    filesets = _filesets(gateway, file_token(order, source))
    found = [(fileset, images_of(gateway, fileset)) for fileset in filesets]
    imported = [(fileset, images) for fileset, images in found if images]
    if len(imported) > 1:
        raise fail(
            FailureCategory.IMPORT_FAILED,
            f"{source.path!r} is in OMERO {len(imported)} times for this order.",
            detail=f"filesets {', '.join(str(fileset) for fileset, _ in imported)}",
            next_step="Delete all but one of these filesets in OMERO, then retry.",
        )
    done = None
    if imported:
        fileset, images = imported[0]
        plates = plates_of(gateway, fileset)
        done = ImportedFileset(
            source=source,
            fileset=fileset,
            images=images,
            plates=plates,
            was_there=True,
            destination=_parent_of(gateway, images, plates),
        )
    return Evidence(imported=done, unfinished=tuple(fileset for fileset, images in found if not images))


def _filesets(gateway: BlitzGateway, token: str) -> list[int]:
    parameters = ParametersI().addString("ns", namespaces.TOKEN)
    parameters.addString("token", token)
    query = gateway.c.sf.getQueryService()
    annotations = unwrap(
        query.projection(
            "select a.id from MapAnnotation a join a.mapValue v "
            "where a.ns = :ns and v.name = 'File' and v.value = :token",
            parameters,
        )
    )
    if not annotations:
        return []
    ids = ParametersI().addIds([row[0] for row in annotations])
    by_fileset = query.projection("select l.parent.id from FilesetAnnotationLink l where l.child.id in (:ids)", ids)
    by_image = query.projection(
        "select f.id from ImageAnnotationLink l join l.parent i join i.fileset f where l.child.id in (:ids)", ids
    )
    return sorted({row[0] for row in unwrap(by_fileset) + unwrap(by_image)})


def images_of(gateway: BlitzGateway, fileset: int) -> Named:
    """Ids and names of a fileset's images, in the order of their series."""
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select i.id, i.name from Image i where i.fileset.id = :id order by i.series, i.id",
            ParametersI().addId(fileset),
        )
    )
    return tuple((row[0], row[1]) for row in rows)


def plates_of(gateway: BlitzGateway, fileset: int) -> Named:
    """Ids and names of the plates whose images come from a fileset."""
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select distinct p.id, p.name from Plate p join p.wells w join w.wellSamples s join s.image i "
            "where i.fileset.id = :id",
            ParametersI().addId(fileset),
        )
    )
    return tuple((row[0], row[1]) for row in rows)


def _parent_of(gateway: BlitzGateway, images: Named, plates: Named) -> int | None:
    """The oldest container of the first image or plate; None when it is in none."""
    text = (
        "select l.parent.id from ScreenPlateLink l where l.child.id = :id order by l.id"
        if plates
        else ("select l.parent.id from DatasetImageLink l where l.child.id = :id order by l.id")
    )
    rows = unwrap(gateway.c.sf.getQueryService().projection(text, ParametersI().addId((plates or images)[0][0])))
    return int(rows[0][0]) if rows else None


def delete_fileset(gateway: BlitzGateway, fileset: int) -> None:
    """Delete a fileset with its files' entries and links, and wait until that is done.

    It is also the fence against a server that still imports into it: that import then fails.

    Raises:
        FailureError: OMERO_REFUSED when OMERO did not delete it.
    """
    delete_object(gateway, "Fileset", fileset)


def wait_for_running_import(
    gateway: BlitzGateway, fileset: int, *, stopped: Callable[[], bool], seconds: float = 600.0
) -> bool:
    """Wait while the server itself still works at this fileset (its client died after the upload).

    Returns True when such an import was found and has ended, however it ended: ask OMERO again. False
    means that no server-side import that we can ask works at it, so that it may be deleted: the deletion
    is a fence, and an import that goes on in a session that is out of our reach fails at it.
    """
    repository = gateway.c.getManagedRepository()
    deadline = time.monotonic() + seconds
    found = False
    for process in repository.listImports() or ():
        handle = process.getHandle()
        if handle is None:
            continue
        try:
            if unwrap(handle.getRequest().activity.parent.id) != fileset:
                continue
            found = True
            while handle.getResponse() is None:
                if stopped() or time.monotonic() > deadline:
                    return True
                time.sleep(0.5)
        except Ice.ObjectNotExistException:
            # The handle went with the session that began it; another order's import is none of our business.
            continue
    return found
