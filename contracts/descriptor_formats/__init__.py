"""Descriptors of workflows: which format a text is in, and the workflow it describes.

| format | known by |
| --- | --- |
| BIAFLOWS | `schema-version: cytomine-0.1`; or none, and `container-image` with `inputs` |
| biomero-schema | `schema-version: biomero-0.1` |
| Bilayers | no `schema-version`, and `docker_image` |

All others are refused by name: CWL (`cwlVersion`), OpenAPI (`openapi`), other values of `schema-version`.
"""

from __future__ import annotations

from typing import Any

from contracts.descriptor_formats import biaflows, bilayers, biomero_schema
from contracts.descriptor_formats.document import read_document
from contracts.descriptor_formats.node import Node, kind_of
from contracts.descriptor_problem import Problems, ReadDescriptor
from contracts.workflow_descriptor import DescriptorFormat, WorkflowDescriptor

_READERS = {
    DescriptorFormat.BIAFLOWS: biaflows.read,
    DescriptorFormat.BIOMERO_SCHEMA: biomero_schema.read,
    DescriptorFormat.BILAYERS: bilayers.read,
}
_VERSIONS = {
    biaflows.VERSION: DescriptorFormat.BIAFLOWS,
    biomero_schema.VERSION: DescriptorFormat.BIOMERO_SCHEMA,
}


def read_descriptor(text: str) -> ReadDescriptor:
    """Read a descriptor.json, descriptor.yaml or config.yaml; never raises for what the text says.

    All problems of the text are reported at once, except that nothing is read behind a place where it
    stops being JSON or YAML, and no values of a format that is not known.
    """
    problems = Problems()
    document = read_document(text, problems)
    workflow: WorkflowDescriptor | None = None
    if document is not None:
        found = _recognise(document, problems)
        if found is not None:
            workflow = _READERS[found](Node(document, "", problems))
    return ReadDescriptor(descriptor=None if problems.has_errors else workflow, problems=problems.seen)


def _recognise(document: dict[str, Any], problems: Problems) -> DescriptorFormat | None:
    for key, name in (("cwlVersion", "CWL"), ("openapi", "OpenAPI"), ("swagger", "OpenAPI")):
        if key in document:
            problems.error(key, f"{name} is not read.", _OTHER)
            return None
    if "openapi" in str(document.get("$schema")):
        problems.error("$schema", "OpenAPI is not read.", _OTHER)
        return None
    version = document.get("schema-version")
    if version is not None:
        if isinstance(version, str) and version in _VERSIONS:
            return _VERSIONS[version]
        problems.error(
            "schema-version",
            f"It is {kind_of(version)}, and no format that is read has this version.",
            f"Where the rest follows one of them, write {' or '.join(_VERSIONS)}.",
        )
        return None
    if "docker_image" in document:
        return DescriptorFormat.BILAYERS
    if "container-image" in document and "inputs" in document:
        problems.note(
            "schema-version",
            "It is missing; container-image and inputs make this a BIAFLOWS descriptor.",
            f'Write "schema-version": "{biaflows.VERSION}".',
        )
        return DescriptorFormat.BIAFLOWS
    keys = ", ".join(sorted(document)[:10]) or "none"
    problems.error("file", f"It is in no format that is read; its keys are: {keys}.", _OTHER)
    return None


_OTHER = "Describe the workflow as BIAFLOWS, biomero-schema or Bilayers do."
