"""What somebody changed in a block since the last deploy stays; the rest becomes what site.toml says.

The evidence is what the last deploy asked for (`DeployedSettings`): where the block differs from that, somebody has
been there. Dictionaries (workflows, groups' folders, conversions) are compared key by key. Secrets always come from
site.toml. A block that was there before such evidence was kept is written over once, as it always was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from prefect.blocks.core import Block
from pydantic import SecretStr, ValidationError
from pydantic_core import to_jsonable_python

from contracts.failures import FailureCategory, fail
from contracts.wrong_fields import wrong_fields

_Block = TypeVar("_Block", bound=Block)
_ABSENT = ""


def digests_of(block: Block) -> dict[str, str]:
    """A digest of each field, and of each key of a field that is a dictionary: `minutes`, `workflows.nuclei`."""
    return {name: digest(value) for name, value in _items(block).items()}


def keep_changes(wanted: _Block, there: _Block, written: Mapping[str, str]) -> tuple[_Block, tuple[str, ...]]:
    """The block to save, and the names of what stays as it is though site.toml says otherwise.

    Args:
        wanted: as site.toml has it.
        there: as it is.
        written: the digests of what the last deploy wanted.

    Raises:
        FailureError: NOT_CONFIGURED, when what stays and what site.toml says do not fit together.
    """
    new, old = _items(wanted), _items(there)
    changed = {name for name in {*new, *old, *written} if _digest_in(old, name) != written.get(name, _ABSENT)}
    kept = tuple(sorted(name for name in changed if _digest_in(old, name) != _digest_in(new, name)))
    if not kept:
        return wanted, ()
    fields: dict[str, Any] = {}
    for field in _fields(wanted):
        now, before = getattr(wanted, field), getattr(there, field)
        if isinstance(now, SecretStr):
            fields[field] = now
        elif isinstance(now, dict):
            chosen = {key: before if f"{field}.{key}" in changed else now for key in {**before, **now}}
            fields[field] = {key: source[key] for key, source in chosen.items() if key in source}
        else:
            fields[field] = before if field in changed else now
    try:
        return type(wanted)(**fields), kept
    except ValidationError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"What was changed in the block {wanted.get_block_type_slug()} does not fit what site.toml says.",
            detail="; ".join(wrong_fields(error, "block")),
            next_step=f"Changed were {', '.join(kept)}. `omero-flows deploy --overwrite` takes what site.toml says.",
        ) from error


def _fields(block: Block) -> list[str]:
    return [name for name in type(block).model_fields if not name.startswith("_")]


def _items(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in _fields(block):
        value = getattr(block, field)
        if isinstance(value, dict):
            found.update({f"{field}.{key}": inner for key, inner in value.items()})
        elif not isinstance(value, SecretStr):
            found[field] = value
    return found


def _digest_in(items: Mapping[str, Any], name: str) -> str:
    return digest(items[name]) if name in items else _ABSENT


def digest(value: Any) -> str:
    """The beginning of the SHA-256 of a value as JSON."""
    return hashlib.sha256(json.dumps(to_jsonable_python(value), sort_keys=True).encode()).hexdigest()[:16]
