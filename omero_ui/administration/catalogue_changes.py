"""Changing the catalogue of workflows: adding, replacing and removing an entry of the block, each checked first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.analysis_run import WorkflowName
from contracts.descriptor_formats import read_descriptor
from contracts.descriptor_host import check_host
from contracts.failures import FailureCategory, fail
from contracts.workflow_entry import WorkflowEntry
from omero_ui.page import NotThere
from omero_ui.prefect_api.blocks import WORKFLOW_CATALOGUE, find_block
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.saving import save_block

_NAME: TypeAdapter[str] = TypeAdapter(WorkflowName)
#: Fields of the page that are fields of an entry, as sbatch says them.
_TEXTS = ("image", "partition", "gres", "time", "memory")


def read_entries(prefect: PrefectApi) -> dict[str, dict[str, Any]]:
    """The entries by name, as the block has them."""
    block = find_block(prefect, WORKFLOW_CATALOGUE)
    return {} if block is None else dict(sorted((block.data.get("workflows") or {}).items()))


def make_entry(asked: Any, hosts: Collection[str]) -> tuple[str, WorkflowEntry]:
    """A name and an entry from what was filled in: `repository` or the text of a `descriptor`, and options of sbatch.

    Raises:
        FailureError: BAD_REQUEST, BROKEN_DESCRIPTOR; names everything that is wrong.
    """
    fields: dict[str, Any] = {name: value for name in _TEXTS if (value := asked.get(name, "").strip())}
    if cpus := asked.get("cpus", "").strip():
        fields["cpus"] = int(cpus) if cpus.isascii() and cpus.isdigit() and len(cpus) < 10 else cpus
    if asked.get("use_gpu") in ("yes", "no"):
        fields["use_gpu"] = asked["use_gpu"] == "yes"
    if repository := asked.get("repository", "").strip():
        fields["repository"] = repository
    if descriptor := asked.get("descriptor", "").strip():
        fields["descriptor"] = descriptor
    try:
        name = _read_name(asked.get("name", "").strip())
        entry = WorkflowEntry.model_validate(fields)
        if entry.repository is not None:
            check_host(entry.repository, hosts)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'workflow'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()[:10]
        )
        raise _refused(wrong) from error
    except ValueError as error:
        raise _refused(f"repository: {error}") from error
    if entry.descriptor is not None:
        _check_descriptor(name, entry)
    return name, entry


def _read_name(text: str) -> str:
    try:
        return _NAME.validate_python(text)
    except ValidationError as error:
        raise _refused(
            f"The name {text[:80]!r} is none: small letters, digits, dots, dashes and underscores, at most 64."
        ) from error


def add_entry(prefect: PrefectApi, name: str, entry: WorkflowEntry) -> None:
    """In the place of one of that name, if there is one.

    Raises:
        FailureError: NOT_CONFIGURED when the site has no catalogue.
    """
    entries = read_entries(prefect)
    entries[name] = entry.model_dump(mode="json", exclude_defaults=True)
    save_block(prefect, WORKFLOW_CATALOGUE, {"workflows": entries})


def remove_entry(prefect: PrefectApi, name: str) -> None:
    """
    Raises:
        NotThere: there is no such workflow.
    """
    entries = read_entries(prefect)
    if name not in entries:
        raise NotThere
    del entries[name]
    save_block(prefect, WORKFLOW_CATALOGUE, {"workflows": entries})


def _check_descriptor(name: str, entry: WorkflowEntry) -> None:
    found = read_descriptor(entry.descriptor or "")
    problems = [str(problem) for problem in found.errors]
    if found.descriptor is not None:
        try:
            entry.image_of(found.descriptor)
        except ValueError as error:
            problems.append(f"image: {error}")
    if problems:
        raise fail(
            FailureCategory.BROKEN_DESCRIPTOR,
            f"The descriptor of {name!r} cannot be used: {problems[0]}",
            detail="\n".join(problems),
            next_step="Correct it, then add it again; what you typed is still here.",
        )


def _refused(wrong: str) -> Exception:
    return fail(
        FailureCategory.BAD_REQUEST,
        f"The workflow was not added. {wrong}",
        next_step="Correct it; what you typed is still here.",
    )
