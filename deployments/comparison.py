"""What would be different in Prefect after a deploy, for a person to read; secrets are never shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from prefect.blocks.core import Block
from pydantic import SecretStr
from pydantic_core import to_jsonable_python

#: Characters of a value that are shown; the rest is `...`.
_SHOWN = 70
_NOTHING = object()


class Standing(StrEnum):
    NEW = "new"
    DIFFERENT = "different"
    SAME = "same"


@dataclass(frozen=True)
class Comparison:
    """How a thing in Prefect stands to what is wanted. `differences`: one sentence each."""

    standing: Standing
    differences: tuple[str, ...] = ()

    @classmethod
    def new(cls) -> Comparison:
        return cls(Standing.NEW)

    @classmethod
    def of(cls, differences: tuple[str, ...]) -> Comparison:
        return cls(Standing.DIFFERENT if differences else Standing.SAME, differences)


def compare_values(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> Comparison:
    """By name; a name that only one side has is a difference. Structures are named and not shown."""
    names = [*there, *(name for name in wanted if name not in there)]
    found = [(name, there.get(name, _NOTHING), wanted.get(name, _NOTHING)) for name in names]
    return Comparison.of(tuple(_difference(name, old, new) for name, old, new in found if _plain(old) != _plain(new)))


def compare_blocks(there: Block, wanted: Block) -> Comparison:
    """By field, and by key of a field that is a dictionary."""
    return compare_values(_fields(there), _fields(wanted))


def _fields(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(block).model_fields:
        value = getattr(block, name)
        if isinstance(value, dict):
            found.update({f"{name}.{key}": inner for key, inner in value.items()})
        elif not name.startswith("_"):
            found[name] = value
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if value is _NOTHING else to_jsonable_python(value)


def _difference(name: str, old: Any, new: Any) -> str:
    if isinstance(old, SecretStr) or isinstance(new, SecretStr):
        return f"{name}: another secret"
    if old is _NOTHING:
        return f"{name}: new, {_shown(new)}"
    if new is _NOTHING:
        return f"{name}: no more, was {_shown(old)}"
    before, after = _shown(old), _shown(new)
    return f"{name}: {before} -> {after}" if before != after else f"{name}: another"


def _shown(value: Any) -> str:
    text = json.dumps(to_jsonable_python(value), ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + " ..."
