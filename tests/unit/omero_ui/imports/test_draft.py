"""The list on the page: what may be in it, what is wrong with an item, and the orders that it becomes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from contracts.destination import DestinationType
from contracts.failures import FailureError
from contracts.forms.record import FilledForm
from contracts.import_order import MOST_FILES
from contracts.import_settings import Converter, ImportSettings
from contracts.preprocessing import Preprocessing
from omero_ui.imports.draft import AS_IT_IS, Draft, Item, Target
from omero_ui.imports.draft_orders import (
    conversions_for,
    find_trouble,
    make_orders,
    propose,
    propose_for_series,
)

DATASET = Target(type=DestinationType.DATASET, id=7, name="siRNA 7")
SCREEN = Target(type=DestinationType.SCREEN, id=3, name="Plates")
BUILTIN = Preprocessing(converter="builtin", options={"outputformat": "ometiff"})
SETTINGS = ImportSettings(
    converters={
        "plates": Converter(
            title="Plate to OME-TIFF",
            extensions=(".db",),
            makes=DestinationType.SCREEN,
            preprocessing=Preprocessing(converter="org/cx:v1"),
        ),
        "ome-tiff": Converter(title="OME-TIFF", extensions=(".lif",), preprocessing=BUILTIN),
    }
)


def draft(*items: Item, target: Target | None = DATASET) -> Draft:
    return Draft.empty("lab-a").model_copy(update={"items": items, "target": target})


def test_a_list_keeps_what_is_in_it_and_takes_nothing_twice() -> None:
    one = draft(Item(path="a.lif", conversion="ome-tiff"))
    more = one.add([Item(path="a.lif"), Item(path="b.czi"), Item(path="a.lif", series="1", conversion="ome-tiff")])
    assert [item.key for item in more.items] == [("a.lif", None), ("b.czi", None), ("a.lif", "1")]
    assert more.items[0].conversion == "ome-tiff"
    assert more.remove([("b.czi", None)]).convert([("a.lif", None)], AS_IT_IS).items[0].conversion == AS_IT_IS
    assert Draft.model_validate_json(more.model_dump_json()) == more
    with pytest.raises(ValidationError, match="twice"):
        Draft.model_validate_json(more.model_copy(update={"items": (more.items[0],) * 2}).model_dump_json())
    with pytest.raises(FailureError, match="10,000"):
        more.add(Item(path=f"{number}.tif") for number in range(MOST_FILES))


@pytest.mark.parametrize("path", ["../a.tif", "/etc/passwd", "a\0.tif", "a//b.tif", ""])
def test_a_list_from_a_browser_holds_only_paths_inside_the_folder(path: str) -> None:
    text = draft(Item(path="a.tif")).model_dump_json().replace('"a.tif"', f'"{path}"'.replace("\0", "\\u0000"))
    with pytest.raises(ValidationError):
        Draft.model_validate_json(text)


@pytest.mark.parametrize(
    ("item", "target", "needs", "conversion"),
    [
        (Item(path="p/plate7.HTD"), DATASET, DestinationType.SCREEN, None),
        (Item(path="a.tif"), SCREEN, DestinationType.DATASET, None),
        (Item(path="p/plate7.HTD", conversion="ome-tiff"), SCREEN, DestinationType.DATASET, None),
        (Item(path="experiment.db", conversion="plates"), DATASET, DestinationType.SCREEN, None),
        (Item(path="a.lif", conversion="gone"), DATASET, None, "ome-tiff"),
        (Item(path="a.lif", series="1"), DATASET, None, "ome-tiff"),
        (Item(path="a.lif", series="1", conversion="plates"), DATASET, None, "ome-tiff"),
        (Item(path="a.tif"), None, None, None),
    ],
)
def test_what_is_wrong_is_said_with_what_would_mend_it(
    item: Item, target: Target | None, needs: DestinationType | None, conversion: str | None
) -> None:
    trouble = find_trouble(item, target, SETTINGS)
    assert trouble is not None and trouble.says
    assert (trouble.needs, trouble.conversion) == (needs, conversion)
    with pytest.raises(FailureError):
        make_orders(draft(item, target=target), SETTINGS, "alice")


@pytest.mark.parametrize(
    ("item", "target"),
    [
        (Item(path="p/plate7.htd"), SCREEN),
        (Item(path="a.tif"), DATASET),
        (Item(path="p/plate7.HTD", conversion="ome-tiff"), DATASET),
        (Item(path="experiment.db", conversion="plates"), SCREEN),
        (Item(path="a.lif", series="1", conversion="ome-tiff"), DATASET),
    ],
)
def test_what_fits_is_ordered(item: Item, target: Target) -> None:
    assert find_trouble(item, target, SETTINGS) is None
    (order,) = make_orders(draft(item, target=target), SETTINGS, "alice")
    assert (order.user, order.group, order.destination.id) == ("alice", "lab-a", target.id)
    assert order.title == f'Import {item.name} -> {target.type.value} "{target.name}"'
    (file,) = order.files
    expected = SETTINGS.converters.get(item.conversion)
    assert file.preprocessing == (expected.preprocessing if expected else None)


def test_a_list_that_is_sent_twice_is_one_order_and_another_list_is_another() -> None:
    mixed = draft(Item(path="a.tif"), Item(path="b.htd", target=SCREEN), Item(path="c.tif"))
    first, second = make_orders(mixed, SETTINGS, "alice"), make_orders(mixed, SETTINGS, "alice")
    assert first == second
    assert [[file.path for file in order.files] for order in first] == [["a.tif", "c.tif"], ["b.htd"]]
    tokens = {order.uuid for order in first}
    assert len(tokens) == 2
    assert tokens.isdisjoint(order.uuid for order in make_orders(mixed, SETTINGS, "bob"))
    changed = mixed.remove([("c.tif", None)])
    assert first[0].uuid not in {order.uuid for order in make_orders(changed, SETTINGS, "alice")}
    assert first[1] in make_orders(changed, SETTINGS, "alice")  # of this part nothing changed
    again = Draft.empty("lab-a").model_copy(update={"items": mixed.items, "target": DATASET})
    assert tokens.isdisjoint(order.uuid for order in make_orders(again, SETTINGS, "alice"))


def test_a_change_after_placing_is_a_new_order() -> None:
    placed = draft(Item(path="a.tif")).mark_placed()
    assert placed.placed and not placed.add([Item(path="b.tif")]).placed
    assert placed.add([Item(path="a.tif")]).placed  # nothing changed
    with pytest.raises(FailureError, match="empty"):
        make_orders(draft(), SETTINGS, "alice")


def test_what_is_proposed_and_offered() -> None:
    assert propose("day1/a.LIF", SETTINGS) == "ome-tiff"
    assert propose("day1/a.czi", SETTINGS) == AS_IT_IS
    assert propose_for_series("day1/a.czi", SETTINGS) == "ome-tiff"
    assert list(conversions_for(Item(path="a.czi"), SETTINGS)) == [AS_IT_IS, "plates", "ome-tiff"]
    assert list(conversions_for(Item(path="a.czi", series="1"), SETTINGS)) == ["ome-tiff"]
    none = ImportSettings(converters={})
    with pytest.raises(FailureError):
        propose_for_series("a.lif", none)


def test_each_place_of_a_list_is_named_once_and_forms_go_with_its_order() -> None:
    other = Target(type=DestinationType.DATASET, id=8, name="Other")
    unused = draft(Item(path="a.tif", target=other), Item(path="b.tif", target=other))
    assert unused.targets == (other,)
    assert draft().targets == (DATASET,)
    mixed = draft(Item(path="a.tif", target=other), Item(path="b.tif"))
    assert mixed.targets == (DATASET, other)
    filled = (FilledForm(form="sample", values={"a": 1}),)
    orders = make_orders(mixed, SETTINGS, "alice", forms={other.place: filled})
    assert {order.destination.id: order.forms for order in orders} == {DATASET.id: (), other.id: filled}
    with pytest.raises(FailureError, match="to which nothing of the list goes"):
        make_orders(unused, SETTINGS, "alice", forms={DATASET.place: filled})
