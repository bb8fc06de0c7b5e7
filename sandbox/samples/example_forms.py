"""Two forms that a site has from the start: one after REMBI, one for siRNA samples; offered in both groups.

python -m sandbox.samples.example_forms SITE
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import omero.clients
from omero.model import ExperimenterAnnotationLinkI, ExperimenterI, MapAnnotationI, NamedValue
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI

from contracts.forms import storage
from contracts.forms.chunks import Rows
from contracts.forms.form import Assignment, FormVersion, ObjectType
from sandbox.site import addresses as addresses_file
from sandbox.site.accounts import FORM_MASTER, GROUPS
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home

FOLDER = Path(__file__).parent / "forms"

EXAMPLES: dict[str, tuple[str, tuple[ObjectType, ...]]] = {
    "REMBI biosample": ("rembi_biosample.json", tuple(ObjectType)),
    "siRNA sample": ("sirna_sample.json", (ObjectType.DATASET, ObjectType.PLATE, ObjectType.IMAGE)),
}


def load_example_forms(addresses: Addresses) -> None:
    """Put in what is not there yet. The forms are the form master's, and later versions of them stay."""
    client = omero.client(f"tcp://{addresses.omero_host}:{addresses.ports['omero_tcp']}")
    client.createSession(FORM_MASTER.name, addresses.passwords[FORM_MASTER.name])
    try:
        query = client.sf.getQueryService()
        groups = dict(unwrap(query.projection("select g.name, g.id from ExperimenterGroup g", None)))
        for name, (file, types) in EXAMPLES.items():
            if _exists(query, storage.schema_namespace(name)):
                continue
            version = FormVersion(
                key="new",
                at=datetime.now(UTC),
                author=client.sf.getAdminService().getEventContext().userId,
                message="An example",
                json_schema=json.loads((FOLDER / file).read_text("utf-8")),
            )
            writing = storage.add_version((), name, version, types)
            assert writing is not None
            for group in GROUPS:
                assignment = Assignment(form=name, group=groups[group.name], object_types=types)
                namespace = storage.assignment_namespace(name, assignment.group)
                _write(client, namespace, storage.assignment_rows(assignment))
            _write(client, storage.schema_namespace(name), writing.rows)
    finally:
        client.closeSession()


def _exists(query: Any, namespace: str) -> bool:
    named = ParametersI().addString("ns", namespace)
    return bool(query.projection("select a.id from MapAnnotation a where a.ns = :ns", named))


def _write(client: Any, namespace: str, rows: Rows) -> None:
    annotation = MapAnnotationI()
    annotation.setNs(rstring(namespace))
    annotation.setMapValue([NamedValue(name, value) for name, value in rows])
    link = ExperimenterAnnotationLinkI()
    link.setParent(ExperimenterI(client.sf.getAdminService().getEventContext().userId, False))
    link.setChild(annotation)
    client.sf.getUpdateService().saveObject(link)


if __name__ == "__main__":
    known = addresses_file.load(Home.at(Path(sys.argv[1])))
    if known is None:
        sys.exit(f"{sys.argv[1]} is no site")
    load_example_forms(known)
