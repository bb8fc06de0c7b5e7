"""Files to import, and what OMERO has of them afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.cmd
import omero.grid
import omero.model
import tifffile
from omero.gateway import BlitzGateway
from omero.rtypes import rstring
from omero.sys import ParametersI

TOKEN = "test/token"


def make_container(gateway: BlitzGateway, kind: str, name: str = "target") -> Any:
    container = getattr(omero.model, f"{kind}I")()
    container.setName(rstring(name))
    return gateway.getUpdateService().saveAndReturnObject(container)


def token_annotation(value: str) -> Any:
    annotation = omero.model.MapAnnotationI()
    annotation.setNs(rstring(TOKEN))
    annotation.setMapValue([omero.model.NamedValue("UUID", value)])
    return annotation


def write_tiff(path: Path, seed: int = 0) -> Path:
    tifffile.imwrite(path, np.random.default_rng(seed).integers(0, 4000, (40, 60), np.uint16))
    return path


def images_of_fileset(gateway: BlitzGateway, fileset: int) -> list[int]:
    query = "select i.id from Image i where i.fileset.id = :id"
    rows = gateway.getQueryService().projection(query, ParametersI().addId(fileset), {"omero.group": "-1"})
    return [row[0].val for row in rows]


def stored_tokens(gateway: BlitzGateway) -> list[str]:
    found = gateway.getObjects("MapAnnotation", attributes={"ns": TOKEN})
    return [dict(annotation.getValue())["UUID"] for annotation in found]
