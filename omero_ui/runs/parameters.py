"""What was ordered, for people: a line a setting, in the words of the forms it was ordered with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.forms.key_values import key_values
from contracts.run_tags import RunKind
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.runs.named import NamedObject, ObjectKey
from omero_ui.runs.summary import PARAMETERS

#: Said elsewhere on the page, or as objects.
_SAID = ("uuid", "user", "group", "files", "forms", "inputs", "destination")
#: What a run takes, by the field of its inputs.
_INPUTS = {"images": "Image", "datasets": "Dataset", "plates": "Plate"}
#: Objects of a line; the rest is counted.
MOST_OBJECTS = 50
_WORDS = {
    "batch_size": "Images in a job",
    "label_images": "Label images",
    "mail_to": "Mail to",
    "memory_mb": "Memory (MB)",
    "cpus": "CPU cores",
    "gpus": "GPUs",
}


class Line(BaseModel):
    """A setting: in words, or as objects of OMERO, of which `more` are not shown."""

    model_config = ConfigDict(frozen=True)

    name: str
    text: str = ""
    objects: tuple[NamedObject, ...] = ()
    more: int = 0


def describe_order(
    run: FlowRun, kind: RunKind, find_names: Callable[[Collection[ObjectKey]], Mapping[ObjectKey, str]]
) -> list[Line]:
    """What was ordered, the objects first; settings that say nothing are left out. `find_names` is asked once, with
    the objects that are shown.
    """
    if kind is RunKind.BATCH:
        return _describe_batch(run.parameters)
    order = run.parameters.get(PARAMETERS[kind], {})
    results = order.get("results")
    targets = [order.get("destination"), results.get("destination") if isinstance(results, dict) else None]
    lines = [*_inputs(order.get("inputs")), *(line for target in targets for line in _destination(target))]
    names = find_names([key for _, keys, _ in lines for key in keys[:MOST_OBJECTS]])
    said = [_line(name, keys, text, names) for name, keys, text in lines]
    left = {name: value for name, value in order.items() if name not in _SAID}
    if isinstance(results, dict):
        left["results"] = {name: value for name, value in results.items() if name != "destination"}
    said += [Line(name=name, text=text) for name, text in _lines(left, ())]
    for filled in order.get("forms", ()):
        pairs = key_values(filled["values"])
        text = ", ".join(f"{name} = {value}" for name, value in pairs)
        said.append(Line(name=f"Form: {filled['form']}", text=text))
    return said


def _describe_batch(parameters: Mapping[str, Any]) -> list[Line]:
    """Orders of thousands of files, and rules, are counted: the report has them."""
    lines = []
    for name, value in parameters.items():
        if name == "title":
            continue
        if name == "orders":
            files = sum(len(order.get("files") or ()) for order in value or () if isinstance(order, dict))
            lines += [Line(name="Files listed", text=f"{files:,}")] if files else []
        elif name == "rules":
            lines += [Line(name="Rules", text=str(len(value)))] if value else []
        elif isinstance(value, list):
            texts = [" ".join(_plain(one)) for one in value]
            lines += [Line(name=_label((name,)), text=", ".join(texts[:MOST_OBJECTS]))] if texts else []
        else:
            lines += [Line(name=name, text=text) for name, text in _lines(value, (name,))]
    return lines


def _plain(value: Any) -> list[str]:
    found = value.values() if isinstance(value, dict) else [value]
    return [str(one) for one in found if one is not None]


#: A line before names are known: its name, its objects, and its words where it has none.
_Nameless = tuple[str, list[ObjectKey], str]


def _inputs(inputs: Any) -> Iterator[_Nameless]:
    given = inputs if isinstance(inputs, dict) else {}
    for field, kind in _INPUTS.items():
        if ids := given.get(field):
            yield field.capitalize(), [(kind, int(id)) for id in ids], ""
    for parameter, ids in (given.get("attachments") or {}).items():
        yield f"Files: {parameter}", [("FileAnnotation", int(id)) for id in ids], ""


def _destination(target: Any) -> Iterator[_Nameless]:
    """One that was given by its name may have been made by the run, or by somebody else since: it is only words."""
    if not isinstance(target, dict):
        return
    kind, id, project = str(target.get("type")), target.get("id"), target.get("project")
    if id is not None:
        yield "Destination", [(kind, int(id))], ""
    else:
        yield "Destination", [], f"{kind} {target.get('name')}" + (f" in project {project}" if project else "")


def _line(name: str, keys: list[ObjectKey], text: str, names: Mapping[ObjectKey, str]) -> Line:
    shown = keys[:MOST_OBJECTS]
    objects = tuple(NamedObject(kind=kind, id=id, name=names.get((kind, id))) for kind, id in shown)
    return Line(name=name, text=text, objects=objects, more=len(keys) - len(shown))


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
