"""What was ordered, for people: a line a setting, in the words of the forms it was ordered with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.forms.key_values import key_values
from contracts.run_tags import RunKind
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.runs.summary import PARAMETERS

#: Said elsewhere on the page.
_SAID = ("uuid", "user", "group", "files", "forms")
_WORDS = {
    "batch_size": "Images in a job",
    "label_images": "Label images",
    "mail_to": "Mail to",
    "memory_mb": "Memory (MB)",
    "cpus": "CPU cores",
    "gpus": "GPUs",
}


def describe_order(run: FlowRun, kind: RunKind) -> list[tuple[str, str]]:
    """Pairs of a setting's name and value; settings that say nothing are left out."""
    order = run.parameters.get(PARAMETERS[kind], {})
    said = list(_lines({name: value for name, value in order.items() if name not in _SAID}, ()))
    for filled in order.get("forms", ()):
        pairs = key_values(filled["values"])
        said.append((f"Form: {filled['form']}", ", ".join(f"{name} = {value}" for name, value in pairs)))
    return said


def _lines(value: Any, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _lines(inner, (*names, name))
    elif isinstance(value, list):
        if value:
            yield _label(names), ", ".join(_text(item) for item in value)
    elif value not in (None, ""):
        yield _label(names), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):  # a key and its value
        return " = ".join(map(str, value))
    return str(value)


def _label(names: tuple[str, ...]) -> str:
    """A workflow's own parameter keeps its own name."""
    *path, last = names
    if path and path[0] == "parameters":
        return last
    word = _WORDS.get(last, last.replace("_", " ").capitalize())
    return f"{path[-1].replace('_', ' ').capitalize()}: {word.lower()}" if path else word
