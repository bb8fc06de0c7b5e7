"""The list of what is to be imported: each change is made here and checked, and the list goes back to the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from pydantic import ValidationError

from contracts.destination import DestinationType
from contracts.failures import FailureCategory, fail
from omero_ui.imports.addresses import draft_of, group_by_id, group_of, number
from omero_ui.imports.desk import Desk, read_desk
from omero_ui.imports.destination_tree import DestinationTree, Kind, Node
from omero_ui.imports.draft import AS_IT_IS, Draft, Item, Target
from omero_ui.imports.draft_orders import (
    Trouble,
    conversions_for,
    find_trouble,
    make_orders,
    propose,
    propose_for_series,
)
from omero_ui.imports.folder_files import find_files
from omero_ui.imports.form_views import tell_misfit
from omero_ui.imports.item_values import key_value, read_keys, read_value
from omero_ui.imports.order_forms import Misfit, SentForm, read_filled
from omero_ui.page import NotThere, Request, Response, omero_of, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.prefect_api.placing import place_order
from omero_ui.visitor import Visitor, VisitorGroup

#: Items that are shown; the others are counted.
SHOWN = 200
#: Places whose forms are shown; each is a question to OMERO.
FORMS_OF = 5
#: Datasets and screens that are offered beside an item which is to go elsewhere.
OFFERED = 50


@page("import", methods=("POST",))
def change(request: Request, visitor: Visitor) -> Response:
    """Make one change (`do`) to the list (`draft`), and answer with it."""
    draft = draft_of(visitor, request.POST.get("draft", ""))
    action = _ACTIONS.get(request.POST.get("do", "show"))
    if action is None:
        raise fail(FailureCategory.BAD_REQUEST, "The page asked for something unknown.", next_step="Reload the page.")
    group = group_of(visitor, draft.group)
    desk, conn = read_desk(), omero_of(request)
    changed = action(_Change(request.POST, draft, desk, DestinationTree(conn, group.id, visitor.id)))
    return show(request, visitor, "omero_ui/imports/list.html", list_context(changed, desk, conn, group))


def _sent_forms(post: Any) -> list[SentForm]:
    """One that lacks a part is not dropped: nobody would miss it.

    Raises:
        FailureError: BAD_REQUEST.
    """
    parts = [post.getlist(field) for field in ("place", "form", "version", "values")]
    if len({len(part) for part in parts}) != 1:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "What was filled in did not come whole.",
            next_step="Load the page again; what you typed comes back as a draft.",
        )
    return [SentForm(*part) for part in zip(*parts, strict=True)]


@page("import", methods=("POST",))
def place(request: Request, visitor: Visitor) -> Response:
    """Place the list as an order, with what was filled in for its destinations; the page then goes to its run. The
    same list again gives the same order.
    """
    draft = draft_of(visitor, request.POST.get("draft", ""))
    group = group_of(visitor, draft.group)
    desk, conn = read_desk(), omero_of(request)
    forms = read_filled(conn, draft.targets, _sent_forms(request.POST))
    if isinstance(forms, Misfit):
        return tell_misfit(request, visitor, forms)
    orders = make_orders(draft, desk.settings, visitor.name, forms=forms)
    _check_targets(draft, DestinationTree(conn, group.id, None))
    folder = desk.folder(group.name)
    for item in draft.items:
        folder.identify(item.path)
    for order in orders:
        place_order(prefect(), order)
    where = reverse("flows:run", args=[orders[0].uuid]) if len(orders) == 1 else reverse("flows:runs")
    context = {**list_context(draft.mark_placed(), desk, conn, group), "where": where}
    return show(request, visitor, "omero_ui/imports/list.html", context)


@dataclass(frozen=True)
class Line:
    """An item as the page shows it. `value` names it in forms; `elsewhere`: it does not go where the list goes."""

    item: Item
    value: str
    conversions: dict[str, str]
    trouble: Trouble | None
    elsewhere: Target | None

    @property
    def suggested(self) -> str:
        """A name for a new place of its own: the folder it lies in, or else its own."""
        folder = self.item.path.rpartition("/")[0].rpartition("/")[2]
        return folder or self.item.name.partition(".")[0] or self.item.name

    @property
    def proposal(self) -> str:
        """The title of the conversion that would mend it."""
        return self.conversions.get(self.trouble.conversion or "", "") if self.trouble else ""


def list_context(draft: Draft, desk: Desk, conn: Any, group: VisitorGroup) -> dict[str, Any]:
    lines = [_line(draft, item, desk) for item in draft.items]
    troubled = [line for line in lines if line.trouble is not None]
    needed = {line.trouble.needs for line in troubled if line.trouble is not None and line.trouble.needs is not None}
    return {
        "draft": draft,
        "targets": draft.targets[:FORMS_OF],
        "more_targets": max(0, len(draft.targets) - FORMS_OF),
        "draft_json": draft.model_dump_json(),
        "lines": [*troubled, *(line for line in lines if line.trouble is None)][:SHOWN],
        "hidden": max(0, len(lines) - SHOWN),
        "troubled": len(troubled),
        "groups": {kind.value: _offered(conn, group, kind) for kind in needed},
        "group": group,
    }


def _line(draft: Draft, item: Item, desk: Desk) -> Line:
    return Line(
        item=item,
        value=key_value(item),
        conversions=conversions_for(item, desk.settings),
        trouble=find_trouble(item, draft.target_of(item), desk.settings),
        elsewhere=item.target,
    )


def _offered(conn: Any, group: VisitorGroup, kind: DestinationType) -> list[Node]:
    """The user's own datasets, or screens, to choose from beside an item."""
    found = DestinationTree(conn, group.id, conn.getUserId()).search("")
    return [node for node in found if node.kind.value == kind.value and node.may_link][:OFFERED]


@dataclass(frozen=True)
class _Change:
    asked: Any
    draft: Draft
    desk: Desk
    tree: DestinationTree

    @property
    def keys(self) -> list[tuple[str, str | None]]:
        return read_keys(self.asked.getlist("item"))

    def target(self) -> Target:
        """The place that was chosen, as OMERO knows it: `Dataset:7`, or a new one by `new` and its kind.

        Raises:
            FailureError: UNKNOWN_DESTINATION, DESTINATION_NOT_WRITABLE, BAD_REQUEST.
        """
        kind, _, id = self.asked.get("target", "").partition(":")
        if kind not in set(DestinationType):
            raise fail(FailureCategory.BAD_REQUEST, "Choose a Dataset or a Screen.", next_step="Choose from the tree.")
        if id == "new":
            node: Node | None = self.tree.create(Kind(kind), self.asked.get("new", ""))
        else:
            node = self.tree.find(Kind(kind), number(id))
        return _target(DestinationType(kind), id, node)


def find_target(conn: Any, visitor: Visitor, text: str) -> tuple[Target, VisitorGroup]:
    """The place that an address names as `Dataset:7`, in whichever of the visitor's groups it is.

    Raises:
        NotThere: there is none, or not for the visitor.
        FailureError: DESTINATION_NOT_WRITABLE, NOT_A_MEMBER.
    """
    kind, _, id = text.partition(":")
    found = conn.getObject(kind, number(id)) if kind in set(DestinationType) else None
    if found is None:
        raise NotThere
    group = group_by_id(visitor, found.getDetails().getGroup().getId())
    tree = DestinationTree(conn, group.id, None)
    return _target(DestinationType(kind), id, tree.find(Kind(kind), number(id))), group


def _target(kind: DestinationType, id: str, node: Node | None) -> Target:
    if node is None:
        raise fail(
            FailureCategory.UNKNOWN_DESTINATION,
            f"There is no {kind.value} {id[:20]} in this group.",
            next_step="Choose another; it may have been deleted.",
        )
    if not node.may_link:
        raise fail(
            FailureCategory.DESTINATION_NOT_WRITABLE,
            f"You may not put anything into {kind.value} {node.name!r}.",
            next_step="Choose one of your own, or ask its owner.",
        )
    return Target(type=kind, id=node.id, name=node.name)


def _check_targets(draft: Draft, tree: DestinationTree) -> None:
    targets = {draft.target_of(item) for item in draft.items}
    for target in targets:
        if target is not None:
            _target(target.type, str(target.id), tree.find(Kind(target.type.value), target.id))


def _add(change: _Change) -> Draft:
    """What was ticked: files, folders (`folder`), images of files."""
    settings = change.desk.settings
    folder = change.desk.folder(change.draft.group)
    items = []
    for path, series, label in map(read_value, change.asked.getlist("item")):
        if series is not None:
            items.append(_item(path, series, label[:255], propose_for_series(path, settings)))
        elif folder.is_folder(path):
            items += [_item(file, None, "", propose(file, settings)) for file in find_files(folder, path, settings)]
        else:
            folder.identify(path)
            items.append(_item(path, None, "", propose(path, settings)))
    if not items:
        raise fail(FailureCategory.BAD_REQUEST, "Nothing is ticked.", next_step="Tick files or folders first.")
    return change.draft.add(items)


def _item(path: str, series: str | None, label: str, conversion: str) -> Item:
    try:
        return Item(path=path, series=series, label=label, conversion=conversion)
    except ValidationError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{path[:200]!a} cannot be put into the list.",
            detail=error.errors()[0]["msg"],
            next_step="Rename the file, then look again.",
        ) from error


def _convert(change: _Change) -> Draft:
    conversion = change.asked.get("conversion", AS_IT_IS)
    if conversion != AS_IT_IS and conversion not in change.desk.settings.converters:
        raise fail(
            FailureCategory.CONVERTER_NOT_AVAILABLE,
            "There is no such conversion.",
            next_step="Choose one of those that are offered.",
        )
    return change.draft.convert(change.keys, conversion)


_ACTIONS: dict[str, Callable[[_Change], Draft]] = {
    "show": lambda change: change.draft,
    "add": _add,
    "remove": lambda change: change.draft.remove(change.keys),
    "clear": lambda change: Draft.empty(change.draft.group).model_copy(update={"target": change.draft.target}),
    "convert": _convert,
    "direct": lambda change: change.draft.direct(change.target()),
    "send": lambda change: change.draft.direct(change.target(), change.keys),
    "gather": lambda change: change.draft.gather(change.keys),
}
