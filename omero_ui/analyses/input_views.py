"""The dialog's first step: the tree to choose from, and what is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts.failures import FailureCategory, fail
from omero_ui.analyses.choice import Choice, InputKind, read_choice, read_ids
from omero_ui.analyses.chosen import Chosen, ChosenImage, Lookup
from omero_ui.analyses.groups import require_group
from omero_ui.analyses.input_tree import PARENTS, InputTree
from omero_ui.page import NotThere, Request, Response, omero_of, page, show
from omero_ui.visitor import Visitor

#: Images that are shown at once.
SHOWN = 60


@page("analyse")
def show_tree(request: Request, visitor: Visitor) -> Response:
    """The top of a group's tree: `group`; `everyone`: also what others own."""
    group = require_group(visitor, request.GET.get("group", ""))
    tree = InputTree(omero_of(request), group.id, _owner(request, visitor))
    context = {"nodes": tree.roots(), "group": group.name, "everyone": _everyone(request)}
    return show(request, visitor, "omero_ui/analyses/nodes.html", context)


@page("analyse")
def show_children(request: Request, visitor: Visitor, kind: str, id: int) -> Response:
    """What lies in a project, screen or dataset."""
    group = require_group(visitor, request.GET.get("group", ""))
    if kind not in PARENTS:
        raise NotThere
    tree = InputTree(omero_of(request), group.id, _owner(request, visitor))
    context = {"nodes": tree.children(kind, id), "group": group.name, "everyone": _everyone(request)}
    return show(request, visitor, "omero_ui/analyses/nodes.html", context)


@page("analyse", methods=("POST",))
def change(request: Request, visitor: Visitor) -> Response:
    """Make one change (`do`) to what is chosen (`choice`), and answer with it."""
    choice = read_choice(request.POST.get("choice", ""))
    group = require_group(visitor, choice.group)
    action = _ACTIONS.get(request.POST.get("do", "show"))
    if action is None:
        raise fail(FailureCategory.BAD_REQUEST, "The page asked for something unknown.", next_step="Reload the page.")
    lookup = Lookup(omero_of(request), group.id)
    changed = action(choice, request.POST, lookup)
    context = chosen_context(lookup.look_up(changed), request.POST)
    return show(request, visitor, "omero_ui/analyses/chosen.html", context)


def chosen_context(chosen: Chosen, asked: Any) -> dict[str, Any]:
    """`filter`: images with this in their names; `first`: the first one to show."""
    text = asked.get("filter", "").strip()[:255]
    fitting = filter_images(chosen, text)
    first = next(iter(read_ids([asked.get("first", "0")])), 0)
    if first >= len(fitting):
        first = 0
    return {
        "chosen": chosen,
        "choice_json": chosen.choice.model_dump_json(),
        "images": fitting[first : first + SHOWN],
        "fitting": len(fitting),
        "filter": text,
        "first": first,
        "last": min(first + SHOWN, len(fitting)),
        "next": first + SHOWN if first + SHOWN < len(fitting) else None,
        "previous": max(0, first - SHOWN) if first else None,
    }


def filter_images(chosen: Chosen, text: str) -> list[ChosenImage]:
    return [image for image in chosen.images if text.lower() in image.name.lower()]


def _everyone(request: Request) -> bool:
    return str(request.GET.get("everyone", "")) == "1"


def _owner(request: Request, visitor: Visitor) -> int | None:
    return None if _everyone(request) else visitor.id


def _objects(asked: Any) -> tuple[InputKind, tuple[int, ...]]:
    kind, _, ids = asked.get("object", "").partition(":")
    if kind not in set(InputKind) or not read_ids([ids]):
        raise fail(FailureCategory.BAD_REQUEST, "Nothing is named.", next_step="Choose from the tree.")
    return InputKind(kind), read_ids([ids])


def _add(choice: Choice, asked: Any, lookup: Lookup) -> Choice:
    return choice.add(*_objects(asked))


def _drop(choice: Choice, asked: Any, lookup: Lookup) -> Choice:
    return choice.drop(*_objects(asked))


def _tick(choice: Choice, asked: Any, lookup: Lookup) -> Choice:
    """One image's box: `image`, and `ticked` if it is."""
    ids = read_ids(asked.getlist("image"))
    return choice.take_again(ids) if asked.get("ticked") == "1" else choice.leave_out(ids)


def _shown(choice: Choice, asked: Any, lookup: Lookup) -> list[int]:
    return [image.id for image in filter_images(lookup.look_up(choice), asked.get("filter", "").strip()[:255])]


_ACTIONS: dict[str, Callable[[Choice, Any, Lookup], Choice]] = {
    "show": lambda choice, asked, lookup: choice,
    "add": _add,
    "drop": _drop,
    "tick": _tick,
    "take-shown": lambda choice, asked, lookup: choice.take_again(_shown(choice, asked, lookup)),
    "leave-shown": lambda choice, asked, lookup: choice.leave_out(_shown(choice, asked, lookup)),
    "clear": lambda choice, asked, lookup: Choice(group=choice.group),
}
